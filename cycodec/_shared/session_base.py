"""The base of open streams: one thread at a time uses a stream; forks and closing are handled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cycodec._shared import fork
from cycodec._shared.sources import AnySource, open_source
from cycodec.core.error import ClosedError, FFmpegError, StaleIndexError
from cycodec.core.io.access import Access
from cycodec.core.io.source import IOContext

# A forked process holds this while it opens a session again. The session's own lock is useless
# there, because a thread of the parent may hold it.
_reopening = threading.RLock()


@fork.on_child
def _replace_lock() -> None:
    global _reopening
    _reopening = threading.RLock()


class Session:
    """Base of VideoSession and AudioSession. They open, forget and drop their readers.

    Parameters
    ----------
    source : Source or IOContext
    access : Access
        What opening the source may reach.

    Attributes
    ----------
    io : IOContext
        The source. All readers of the session read contexts that ``io.again`` returns.
    name : str
        What error messages call the source.
    process : int
        The `fork.generation` of the process that opened the stream.
    reader
        The reader of the stream; None after `close`.
    closed : bool
        True after `close`.
    """

    io: IOContext
    name: str
    process: int
    reader: Any

    def __init__(self, source: AnySource, access: Access) -> None:
        self.io = open_source(source, access)
        self.name = self.io.name
        self.closed = False
        self._lock = threading.Lock()
        self._owner = 0

    def _reopen(self) -> None:
        """Open the source again, with the same result. Must end with a call of `_opened`."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Forget all native objects without freeing them; see Note [After fork] in core."""
        self.reader.forget()

    def _drop(self) -> None:
        """Free all native objects."""
        self.reader = None

    def _opened(self) -> None:
        """Mark the session as open in this process. From here on, other threads use it."""
        self.process = fork.generation

    def _acquire(self) -> None:
        """Take the session for the calling thread, and open it again if the process was forked.

        Raises
        ------
        ClosedError
            The session is closed.
        RuntimeError
            The calling thread has the session already, because a file-like source calls the
            decoder.
        TypeError
            The process was forked, and only the parent can read the source.
        """
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
        """Let other threads use the session."""
        self._owner = 0
        self._lock.release()

    @contextmanager
    def _opening(self) -> Iterator[None]:
        """Let go of the source if it cannot be opened: the error would keep it."""
        try:
            yield
        except BaseException:
            self.io.close()
            raise

    @contextmanager
    def _use(self) -> Iterator[None]:
        """Have the session for the calling thread, and refuse what was read from a changed file."""
        self._acquire()
        try:
            yield
            self._refuse_changed()
        except StaleIndexError:
            raise
        except FFmpegError as failure:
            self._refuse_changed(failure)
            raise
        finally:
            self._release()

    def _refuse_changed(self, cause: BaseException | None = None) -> None:
        """Raise StaleIndexError if the file was rewritten while it is in use.

        Parameters
        ----------
        cause : BaseException, optional
            The error of the request that has read the file.
        """
        try:
            self.io.check_unchanged()
        except StaleIndexError as stale:
            raise stale from cause

    def name_source(self, error: IndexError) -> None:
        """Make the text of an IndexError begin with the name of the source."""
        text = str(error)
        if self.name not in text:
            error.args = (f"{self.name}: {text}",)

    def _reopen_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        if self.closed:
            return
        io = self.io.in_child()
        io.check_unchanged()
        self._forget()
        self.io = io
        self._reopen()

    def __del__(self) -> None:
        # A forked process must not free what its parent opened. When Python exits, the names of
        # modules may be None already.
        generation = getattr(fork, "generation", None)
        if generation is None or getattr(self, "process", generation) == generation:
            return
        if self.reader is not None:
            self._forget()

    def close(self) -> None:
        """Free all native objects. Later use raises ClosedError."""
        if self.process != fork.generation:
            if self.reader is not None:
                self._forget()
            self._lock = threading.Lock()
        with self._lock:
            self.closed = True
            self._drop()
            self.io.close()
