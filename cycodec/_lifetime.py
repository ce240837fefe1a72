"""What every open stream has in common: a source, a reader, one user at a time, forks, and an end."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cycodec import _tensor
from cycodec.core.error import ClosedError
from cycodec.core.source import IOContext


class Session:
    """Base of VideoSession and AudioSession, which set `reader` and `name`, and know how to open again.

    Parameters
    ----------
    source
        Path or URL, bytes, 1-D uint8 tensor or file-like.
    """

    reader: Any
    name: str

    def __init__(self, source: Any) -> None:
        self.source = source
        self.closed = False
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._owner = 0

    def _reopen(self) -> None:
        """Open the source once more, as it was opened at first."""
        raise NotImplementedError

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the session: open, in this process, by one thread at a time."""
        if self.pid != os.getpid():
            self._reopen_after_fork()
        thread = threading.get_ident()
        if self._owner == thread:
            raise RuntimeError(f"{self.name}: a file-like source called back into the decoder that it feeds")
        with self._lock:
            if self.closed:
                raise ClosedError(
                    f"{self.name}: the decoder is closed (make a new one)",
                    source=self.name,
                    operation="decode",
                )
            self._owner = thread
            try:
                yield
            finally:
                self._owner = 0

    def _reopen_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        if self.closed:
            self.pid = os.getpid()
            return
        if is_file_like(self.source):
            raise TypeError(
                f"{self.name}: a file-like source cannot be used in a forked process, its position is "
                f"shared with the "
                "parent (make the decoder in the worker, or pass a path or bytes)"
            )
        self.reader.forget()
        self._reopen()
        self.pid = os.getpid()

    def close(self) -> None:
        """Free everything; later use raises ClosedError."""
        if self.pid != os.getpid():
            if self.reader is not None:
                self.reader.forget()
            self._lock = threading.Lock()
        with self._lock:
            self.closed = True
            self.reader = None


def open_source(source: Any) -> IOContext:
    """The IOContext of anything that a user may pass as a source."""
    if _tensor.is_tensor(source):
        return IOContext(_tensor.as_buffer(source), f"<tensor of {source.numel()} bytes>")
    return IOContext(source)


def is_file_like(source: Any) -> bool:
    """Whether a source is read by calling its methods."""
    return hasattr(source, "read") and not isinstance(source, (str, bytes, os.PathLike))


def reopened_source(source: Any) -> Any:
    """A source fit for a pickle, or TypeError."""
    if is_file_like(source) or isinstance(source, io.IOBase):
        raise TypeError(
            f"a decoder of a file-like source ({type(source).__name__}) cannot be pickled or copied: its "
            f"reader belongs "
            "to one process (pass a path or bytes, or make the decoder in the worker)"
        )
    return source
