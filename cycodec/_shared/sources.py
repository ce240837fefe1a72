"""Sources: what users pass to have it decoded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cycodec._shared import limits, torch_adapter
from cycodec.core.io.access import Access
from cycodec.core.io.source import IOContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from torch import Tensor

__all__ = ["AnySource", "FileLike", "Source", "make_access", "open_source"]


class FileLike(Protocol):
    """A binary file, or any object with its method; one that cannot seek is read forward."""

    def read(self, size: int, /) -> bytes: ...


# A path or URL, the bytes of a file (a tensor or array is 1-D and uint8), an object that is read on
# demand, or a part of a file as (path or URL, offset, length).
Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Tensor | np.ndarray[Any, Any] | FileLike"
    " | tuple[str | os.PathLike[str], int, int]"
)

# A source, or one that is open already.
AnySource: TypeAlias = "Source | IOContext"


def make_access(
    protocols: Iterable[str] | str | None = None,
    formats: Iterable[str] | str | None = None,
    options: Mapping[str, Any] | None = None,
    chosen: limits.Limits | None = None,
) -> Access:
    """Return what opening a source may reach, from a decoder's arguments.

    Parameters
    ----------
    protocols, formats : iterable of str, optional
        FFmpeg's names of what the user allows.
    options : mapping, optional
        FFmpeg's options.
    chosen : Limits, optional
        The decoder's limits; by default the process's.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or FFmpeg does not know a name.
    """
    chosen = chosen or limits.get_limits()
    if options is not None and not hasattr(options, "items"):
        raise TypeError(f"options must be a dict of FFmpeg's options, not {type(options).__name__}")
    return Access(
        protocols or (),
        formats or (),
        options,
        limits.timeout_of(chosen),
        chosen.max_pixels,
        chosen.max_spool_bytes,
    )


def open_source(source: AnySource, access: Access | None = None) -> IOContext:
    """Return the IOContext of a source.

    Parameters
    ----------
    source : Source or IOContext
        An IOContext is opened again.
    access : Access, optional
        What opening it may reach. By default, the source is one resource.

    Raises
    ------
    TypeError, ValueError
        The object is not a source, or a tensor or file-like of the wrong kind.
    FFmpegError
        There is no such file, or it may not be read or reached.
    """
    # Asking torch's metaclass is the slow part of opening bytes and paths.
    if type(source) in (bytes, str):
        return IOContext(source, None, access)
    if isinstance(source, IOContext):
        return source.again()
    if torch_adapter.is_tensor(source):
        name = f"<tensor of {source.numel()} bytes>"
        return IOContext(torch_adapter.as_buffer(source), name, access)
    return IOContext(source, None, access)
