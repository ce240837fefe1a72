"""FFmpeg's frame threads: which session of the process may use them.

Note [One GOP at a time]

A long read inside one GOP cannot be divided among readers. A reader whose decoder runs FFmpeg's
frame threads serves it, if the budget has enough free threads meanwhile. Such threads stay alive
between requests, so at most one session of the process has them: the next session that wants them
takes them away from one that is not using them. Their result for a damaged stream depends on which
thread runs first. Such a decoder is therefore strict, and a stream that it finds damaged is read
without frame threads. FFmpeg before 5.0 cannot be strict there, so that cycodec uses no frame
threads with it.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING

from cycodec._shared import fork

if TYPE_CHECKING:
    from cycodec._video.readers import Readers


class FrameThreads:
    """The right to use frame threads, which one stream of the process at a time has."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: weakref.ref[Readers] | None = None
        self.busy = False
        self.reserved_until = 0.0

    def take(self, readers: Readers) -> bool:
        """Give `readers` the right for one request; return False if another stream has it."""
        with self.lock:
            if self.busy:
                return False
            owner = self.owner() if self.owner is not None else None
            if owner is not None and owner is not readers:
                if time.monotonic() < self.reserved_until:
                    return False
                owner.threaded = None
            self.owner = weakref.ref(readers)
            self.busy = True
            return True

    def release(self, reserved_seconds: float) -> None:
        """End the request, and reserve the right for the same stream for some seconds."""
        with self.lock:
            self.busy = False
            self.reserved_until = time.monotonic() + reserved_seconds


shared = FrameThreads()


@fork.on_child
def _start_anew() -> None:
    """A forked process has none of the threads of its parent."""
    global shared
    shared = FrameThreads()
