"""The readers of one stream: one that is always there, and more of them for requests that touch several GOPs.

Note [Several GOPs at once]

Frames of different GOPs do not need each other, so a request is cut at GOP boundaries and its parts are decoded side by
side, each by a reader with a demuxer and a decoder of its own, straight into their slots of the batch. How many threads
that takes is the process's budget to say (`_threads`). Each part goes to the reader that stands just before it, if there
is one, so that batches read one after the other do not seek. Every further reader costs the memory of one decoder (a few
frames) and stays open as long as the session.

Note [One GOP at a time]

A long read inside one GOP cannot be divided. There a reader whose decoder runs FFmpeg's frame threads serves it, if the
threads are to be had for its time. Such threads stay alive between requests, so one session of the process at most has
them: who wants them next takes them away from whoever is not using them just then. What they make of a damaged stream
depends on which thread is first, so that such a decoder is strict, and a stream that it finds damaged is read without.

Note [Reading on]

Requests that follow each other, frame by frame in a loop or in small batches, are one long read, whose end nobody knows.
It is taken to go on for AHEAD times as many frames as it has had, which is what decides whether frame threads are worth
having the frames since the GOP's beginning decoded again. Nobody takes them away from such a reader between two of its
requests (two loops side by side would else do nothing but take them from each other), and inside a GOP it goes on with
them even where the budget has none free: the way back would be longer.
"""

from __future__ import annotations

import bisect
import itertools
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from cycodec import _tensor, _threads
from cycodec.core.backend import CpuBackend
from cycodec.core.index import IndexContradiction
from cycodec.core.reader import FrameReader

Positions: TypeAlias = "Sequence[int] | np.ndarray"


class Make(Protocol):
    """Opens another reader of the same stream and index, whose decoder has so many threads."""

    def __call__(self, num_threads: int = 1, /) -> FrameReader: ...


class Deliver(Protocol):
    """Has a reader decode some positions of a request into their places in the result (None: 0, 1, 2, ...)."""

    def __call__(
        self, reader: FrameReader, positions: Positions, places: Positions | None = None, /
    ) -> None: ...


# Below this many pixels to decode a second thread gains nothing: about two frames of 1080p.
WORTH_A_THREAD = 4_000_000
SEEK_COST = 2  # in frames: what beginning at another place costs beside the frames themselves
# Frames and pixels of one GOP from which on frame threads pay: they need some frames to get going.
WORTH_FRAME_THREADS = (24, 10_000_000)
MAX_FRAME_THREADS = 8
FRAME_THREADS_COST = 1.2  # what decoding by n threads takes, in n-ths of decoding by one
AHEAD = 2  # Note [Reading on]
NEAR = 32  # frames that may be left out between two requests of one long read
RESERVED_SECONDS = 0.2  # for which frame threads wait for the next request of a long read


class Part(NamedTuple):
    """A part of a request: positions in rising order, and which of the request's they are."""

    positions: np.ndarray
    places: np.ndarray


class Readers:
    """The readers of one open stream.

    Parameters
    ----------
    main : FrameReader
        Serves whatever is not worth more.
    limit : int or None
        Threads that a request may use at most; None: the process's budget, but one in DataLoader workers.
    """

    def __init__(self, main: FrameReader, limit: int | None) -> None:
        self.main = main
        self.limit = limit
        self.more: list[FrameReader] = []
        self.threaded: FrameReader | None = None  # Note [One GOP at a time]
        self.is_damaged = False  # as frame threads have seen
        self.gops: list[int] = []
        self.last = -NEAR - 1  # position that was read last
        self.streak = 0  # frames of the long read that it ended; Note [Reading on]

    def all(self) -> list[FrameReader]:
        return [self.main, *self.more, *([self.threaded] if self.threaded is not None else [])]

    def forget(self) -> None:
        """Own nothing any more, and free nothing: Note [After fork] in core/stream.pyx."""
        for reader in self.all():
            reader.forget()
        self.more = []
        self.threaded = None

    def index_changed(self) -> None:
        """Drop what an older index had part in."""
        self.more = []
        self.threaded = None
        self.gops = []

    def read(self, positions: Positions, deliver: Deliver, pixels: int, make: Make | None) -> None:
        """Have frames decoded, on one thread or on several.

        Parameters
        ----------
        positions : sequence of int
            In any order.
        deliver : Deliver
            Does it, for parts of the request by several readers at once.
        pixels : int
            Of one frame.
        make : Make or None
            None where the source cannot be opened twice.
        """
        if make is None or not len(positions) or not self._is_divisible():
            deliver(self.main, positions)
            return
        if len(positions) == 1:
            first = last = int(positions[0])
        else:
            first, last = int(np.min(positions)), int(np.max(positions))
        ahead = self._follow(first, last)
        parts = None
        if len(positions) > 1:
            limit = self._limit()
            parts = self._parts(positions, pixels, limit) if limit > 1 else None
        elif (
            last - self.gop_start(first) + 1 + ahead < WORTH_FRAME_THREADS[0]
        ):  # said at once: the way of decoder[i]
            deliver(self.main, positions)
            return
        else:
            limit = self._limit()
        threads = self._frame_threads(first, last, len(positions), ahead, pixels, parts, limit)
        if threads > 1 and self._read_threaded(positions, first, deliver, make, threads, ahead > 0):
            return
        if parts is None:
            deliver(self.main, positions)
            return
        jobs = _Jobs(self.assign([int(part.positions[0]) for part in parts], make), parts, deliver)
        _threads.run([jobs.next] * len(parts), len(parts))
        jobs.finish()

    def _is_divisible(self) -> bool:
        """Whether the index says which frames need each other."""
        index = self.main.index
        return index is not None and index.identity != "order"

    def _limit(self) -> int:
        """Threads that a request may use."""
        if self.limit is not None:
            return self.limit
        return 1 if _tensor.in_worker() else _threads.budget()

    def _follow(self, first: int, last: int) -> int:
        """Remember a request; how many frames are to be expected behind it, since it goes on with what was before."""
        near = 0 <= first - self.last <= NEAR
        ahead = AHEAD * self.streak if near else 0
        self.streak = (self.streak if near else 0) + last - (self.last if near else first - 1)
        self.last = last
        return ahead

    def gop_start(self, position: int) -> int:
        """The first frame of the GOP that a frame belongs to."""
        if not self.gops:
            assert self.main.index is not None
            self.gops = np.union1d(self.main.index.key_frames, [0]).tolist()
        return self.gops[bisect.bisect_right(self.gops, position) - 1]

    def _parts(self, positions: Positions, pixels: int, limit: int) -> list[Part] | None:
        """Parts in rising order; None where one thread is best."""
        self.gop_start(0)
        gops = np.asarray(self.gops)
        asked = np.asarray(positions, np.int64)
        places = np.argsort(asked, kind="stable")
        asked = asked[places]
        gop = np.searchsorted(gops, asked, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))  # where a new GOP begins in `asked`
        if len(starts) < 2:
            return None
        last = asked[np.append(starts[1:], len(asked)) - 1]
        cost = np.cumsum(last - gops[gop[starts]] + 1 + SEEK_COST)
        if cost[-1] * pixels < WORTH_A_THREAD:
            return None
        # cut where the cost so far passes each share of the whole
        shares = cost[-1] * np.arange(1, limit) / limit
        cuts = starts[np.unique(np.searchsorted(cost, shares, "left") + 1).clip(max=len(starts) - 1)]
        edges = np.unique(np.concatenate(([0], cuts, [len(asked)])))
        if len(edges) < 3:
            return None
        return [Part(asked[a:b], places[a:b]) for a, b in itertools.pairwise(edges)]

    def _frame_threads(
        self, first: int, last: int, count: int, ahead: int, pixels: int, parts: list[Part] | None, limit: int
    ) -> int:
        """How many frame threads should serve a request; 1: none, it is better divided, or not worth it."""
        least, least_pixels = WORTH_FRAME_THREADS
        index = self.main.index
        threads = min(limit, MAX_FRAME_THREADS)
        if threads < 2 or self.is_damaged or index is None or index.confirmed:
            return 1
        if not isinstance(self.main.backend, CpuBackend):
            return 1
        # inside one GOP all frames up to the last one are decoded in any case, else it must be most of them
        if 2 * count < last - first and self.gop_start(first) != self.gop_start(last):
            return 1
        threaded = self.threaded  # which another session may take away
        together = last - self._start(first, [threaded] if threaded is not None else []) + 1
        if parts is None:
            otherwise = last - self._start(first, [self.main, *self.more]) + 1 + ahead
            together += ahead
        else:
            ends = [(int(part.positions[0]), int(part.positions[-1])) for part in parts]
            otherwise = max(end - self._start(begin, [self.main, *self.more]) + 1 for begin, end in ends)
        if together < least or together * pixels < least_pixels:
            return 1
        return threads if FRAME_THREADS_COST * together < threads * otherwise else 1

    def _start(self, first: int, readers: list[FrameReader]) -> int:
        """The first frame that has to be decoded to reach a frame, by the best of some readers."""
        begin = self.gop_start(first)
        return max([begin, *(reader.cursor + 1 for reader in readers if begin <= reader.cursor <= first)])

    def _read_threaded(
        self, positions: Positions, first: int, deliver: Deliver, make: Make, threads: int, reading_on: bool
    ) -> bool:
        """Have frame threads serve a request; False if they are not to be had."""
        threaded = self.threaded
        under_way = threaded is not None and self.gop_start(first) <= threaded.cursor <= first
        with _threads.claim(threads, threads if under_way else 1) as granted:
            if granted < threads or not _frame_threads.take(self):
                return False
            try:
                threaded = self.threaded = threaded or make(threads)
                deliver(threaded, positions)
                self.is_damaged = threaded.met_fault
            except IndexContradiction:
                self.is_damaged = True
            finally:
                _frame_threads.leave(RESERVED_SECONDS if reading_on else 0)
        if self.is_damaged:
            self.threaded = None
        return not self.is_damaged

    def assign(self, firsts: list[int], make: Make) -> list[FrameReader]:
        """A reader for each part: the one that stands just before its first frame, else any, else a new one."""
        free = [self.main, *self.more]
        chosen: dict[int, FrameReader] = {}
        for part, first in enumerate(firsts):
            near = [reader for reader in free if 0 <= first - reader.cursor <= 1]
            if near:
                chosen[part] = near[0]
                free.remove(near[0])
        for part in range(len(firsts)):
            if part not in chosen:
                chosen[part] = free.pop(0) if free else make()
        self.more = [r for r in dict.fromkeys([*self.more, *chosen.values()]) if r is not self.main]
        return [chosen[part] for part in range(len(firsts))]


class _FrameThreads:
    """Who has the process's frame threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: weakref.ref[Readers] | None = None
        self.busy = False
        self.reserved_until = 0.0

    def take(self, readers: Readers) -> bool:
        """Let `readers` have them for a request; False while another one uses them, or is about to."""
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

    def leave(self, reserved_seconds: float) -> None:
        """The request is done; its reader keeps them for some time."""
        with self.lock:
            self.busy = False
            self.reserved_until = time.monotonic() + reserved_seconds


_frame_threads = _FrameThreads()


def _start_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _frame_threads
    _frame_threads = _FrameThreads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


class _Jobs:
    """The parts of one request under way, and what went wrong with them."""

    def __init__(self, readers: list[FrameReader], parts: list[Part], deliver: Deliver) -> None:
        self.deliver = deliver
        self.errors: list[BaseException] = []
        self.todo = list(zip(readers, parts, strict=True))[::-1]

    def next(self) -> None:
        """Decode the next part; errors are kept for `finish`."""
        reader, part = self.todo.pop()
        try:
            if not self.errors:
                self.deliver(reader, part.positions, part.places)
        except BaseException as error:
            self.errors.append(error)

    def finish(self) -> None:
        if self.errors:
            raise self.errors[0]
