"""What every open stream has in common: a source, a reader, one user at a time, forks, and an end."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

from cycodec._shared import torch_adapter
from cycodec.core.error import ClosedError
from cycodec.core.io.source import IOContext

# Counts forks on the way from the first process to this one: cheaper to look at than the process id.
_process = 0
# Held while a forked process opens a session again. A session's own lock is of no use there: who held it is gone.
_forked = threading.RLock()


def _after_fork() -> None:
    global _process, _forked
    _process += 1
    _forked = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Session:
    """Base of VideoSession and AudioSession, which know how to open, to forget and to drop their readers.

    Parameters
    ----------
    source
        Path or URL, bytes, 1-D uint8 tensor or file-like.
    """

    name: str
    process: int
    reader: Any

    def __init__(self, source: Any) -> None:
        self.source = source
        self.closed = False
        self._lock = threading.Lock()
        self._owner = 0

    def _reopen(self) -> None:
        """Open the source once more, as it was opened at first; ends with `_opened`."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Own nothing any more, and free nothing: Note [After fork] in core/stream.pyx."""
        self.reader.forget()

    def _drop(self) -> None:
        """Free everything."""
        self.reader = None

    def _opened(self) -> None:
        """Last when opening: from here on other threads of a forked process take the session as open."""
        self.process = _process

    def _acquire(self) -> None:
        """Hold the session: open, in this process, by one thread at a time."""
        if self.process != _process:
            with _forked:
                if self.process != _process:
                    self._reopen_after_fork()
        thread = threading.get_ident()
        if self._owner == thread:
            raise RuntimeError(f"{self.name}: a file-like source called back into the decoder that it feeds")
        self._lock.acquire()
        self._owner = thread
        if self.closed:
            self._release()
            raise ClosedError(
                f"{self.name}: the decoder is closed (make a new one)", source=self.name, operation="decode"
            )

    def _release(self) -> None:
        self._owner = 0
        self._lock.release()

    def _reopen_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        if self.closed:
            return
        if is_file_like(self.source):
            raise TypeError(
                f"{self.name}: a file-like source cannot be used in a forked process, its position is shared "
                "with the parent (make the decoder in the worker, or pass a path or bytes)"
            )
        self._forget()
        self._reopen()

    def __del__(self) -> None:
        # a child process must not free what its parent opened
        if getattr(self, "process", _process) != _process and self.reader is not None:
            self._forget()

    def close(self) -> None:
        """Free everything; later use raises ClosedError."""
        if self.process != _process:
            if self.reader is not None:
                self._forget()
            self._lock = threading.Lock()
        with self._lock:
            self.closed = True
            self._drop()


def open_source(source: Any) -> IOContext:
    """The IOContext of anything that a user may pass as a source."""
    if torch_adapter.is_tensor(source):
        return IOContext(torch_adapter.as_buffer(source), f"<tensor of {source.numel()} bytes>")
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
