"""The base of public decoders: their one metadata object, and what a user adds to a decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, Generic, TypeVar

from cycodec._shared.metadata import StreamMetadata

Metadata = TypeVar("Metadata", bound=StreamMetadata)


class KeptMetadata(Generic[Metadata]):
    """The one metadata object of a decoder.

    It is updated when the decoder learns more of its stream, and keeps what a user adds to it.

    Parameters
    ----------
    make : callable
        Makes metadata from what the decoder knows.
    """

    def __init__(self, make: Callable[..., Metadata]) -> None:
        self._make = make
        self._known: tuple[Any, ...] | None = None
        self.metadata: Metadata | None = None

    def of(self, *known: Any) -> Metadata:
        """Return the metadata of a stream of which the decoder knows so much."""
        if self.metadata is None or known != self._known:
            newest = self._make(*known)
            if self.metadata is None:
                self.metadata = newest
            else:
                self.metadata.update(newest)
            self._known = known
        return self.metadata

    def additions(self) -> dict[str, Any]:
        """Return the attributes that a user has added to the metadata."""
        if self.metadata is None:
            return {}
        names = {field.name for field in fields(self.metadata)}
        return {name: value for name, value in vars(self.metadata).items() if name not in names}


class DecoderBase:
    """What all decoders share. Attributes that a user sets survive pickle and copy."""

    # The attributes of a decoder that are not a user's.
    _OWN: ClassVar[frozenset[str]] = frozenset({"_session", "_kept", "_dimension_order"})

    _kept: KeptMetadata[Any]

    def _additions(self) -> dict[str, Any]:
        """Return what a user has added to the decoder and its metadata, for `__reduce__`."""
        attributes = {name: value for name, value in vars(self).items() if name not in self._OWN}
        return {"attributes": attributes, "metadata": self._kept.additions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state["attributes"])
        if state["metadata"]:
            vars(self.metadata).update(state["metadata"])

    @property
    def metadata(self) -> StreamMetadata:
        """What is known about the stream."""
        raise NotImplementedError
