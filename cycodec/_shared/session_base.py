"""What every open stream has in common: a source, a reader, one user at a time, forks, and an end."""

from __future__ import annotations

import threading
from typing import Any

from cycodec._shared import fork
from cycodec._shared.sources import Source, is_file_like
from cycodec.core.error import ClosedError

# A forked process holds this while it opens a session again. The session's own lock is useless there,
# because a thread of the parent may hold it.
_reopening = threading.RLock()


@fork.on_child
def _replace_lock() -> None:
    global _reopening
    _reopening = threading.RLock()


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

    def __init__(self, source: Source) -> None:
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
        self.process = fork.generation

    def _acquire(self) -> None:
        """Hold the session: open, in this process, by one thread at a time."""
        if self.process != fork.generation:
            with _reopening:
                if self.process != fork.generation:
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
        if getattr(self, "process", fork.generation) != fork.generation and self.reader is not None:
            self._forget()

    def close(self) -> None:
        """Free everything; later use raises ClosedError."""
        if self.process != fork.generation:
            if self.reader is not None:
                self._forget()
            self._lock = threading.Lock()
        with self._lock:
            self.closed = True
            self._drop()
