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
them even where the budget has none free: the way back would be longer. More than AHEAD = 4 is no better: with 12, loops
over 640x360 clips had them from the 5th frame at the latest, and took 0.8 to 0.9 of the time for 100 frames, as much as
before for 50, but 1.2 to 1.6 times as much for 10 (a loop over 720p clips has them from the 4th frame on in any case).
"""

from __future__ import annotations

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
# What things cost, in frames decoded and converted by one thread, or in pixels of such frames: measured with H.264, HEVC,
# VP9, MPEG-4 and MPEG-2.
SEEK_COST = 4  # frames: beginning at another place; a key frame is large, and others fill the decoder
WAY_COST = 0.6  # frames: one on the way to a wanted one, where B-frames are left out
READER_COST = 600_000  # pixels: opening another reader
MAX_FRAME_THREADS = 8
FRAME_THREADS_COST = 1.1  # what n frame threads take for a frame is this n-th part, and the pixels of
HAND_OVER_COST = 65_000  # handing it from thread to thread
AHEAD = 4  # Note [Reading on]
NEAR = 32  # frames that may be left out between two requests of one long read
RESERVED_SECONDS = 0.2  # for which frame threads wait for the next request of a long read


class Part(NamedTuple):
    """A part of a request.

    Attributes
    ----------
    positions, places : int64 arrays
        In rising order, and which of the request's they are.
    begin : int
        The first frame of the first one's GOP.
    frames : int
        To decode for it, those on the way included.
    wanted : int
        Of them.
    seeks : int
    """

    positions: np.ndarray
    places: np.ndarray
    begin: int
    frames: int
    wanted: int
    seeks: int

    @property
    def first(self) -> int:
        return int(self.positions[0])

    @property
    def last(self) -> int:
        return int(self.positions[-1])


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
        self.num_threads = 0  # that it has
        self.is_damaged = False  # as they have seen
        self.gops: np.ndarray | None = None
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
        self.gops = None

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
        if make is None or self.limit == 1 or not len(positions) or not self._is_divisible():
            deliver(self.main, positions)
            return
        if len(positions) == 1 and self._is_next_of_few(int(positions[0]), pixels):
            deliver(self.main, positions)
            return
        whole = self._whole(positions)
        ahead = self._follow(whole)
        threaded = self.threaded
        if (
            # the next frame of a loop: nothing has to be weighed
            ahead
            and threaded is not None
            and whole.begin <= threaded.cursor == whole.first - 1 == whole.last - 1
            and self._read_threaded(positions, whole, deliver, make, self.num_threads, True)
        ):
            return
        alone = self._cost(whole, [self.main, *self.more]) + ahead
        limit = self._limit() if alone * pixels >= WORTH_A_THREAD else 1
        if limit < 2:
            deliver(self.main, positions)
            return
        parts = self._parts(whole, limit)
        otherwise: float = alone
        if len(parts) > 1:
            otherwise = max(self._cost(part, [self.main, *self.more]) for part in parts)
            otherwise += READER_COST / pixels * (len(self.more) + 1 < len(parts))
        threads = min(limit, MAX_FRAME_THREADS)
        if (
            self._may_have_frame_threads()
            and self._cost_threaded(whole, ahead, threads, pixels) < otherwise
            and self._read_threaded(positions, whole, deliver, make, threads, ahead > 0)
        ):
            return
        if len(parts) == 1:
            deliver(self.main, positions)
            return
        jobs = _Jobs(self.assign([part.first for part in parts], make), parts, deliver)
        _threads.run([jobs.next] * len(parts), len(parts))
        jobs.finish()

    # -- what a request costs ---------------------------------------------------------------------------------------

    def _is_divisible(self) -> bool:
        """Whether the index says which frames need each other."""
        index = self.main.index
        return index is not None and index.identity != "order"

    def _limit(self) -> int:
        """Threads that a request may use."""
        if self.limit is not None:
            return self.limit
        return 1 if _tensor.in_worker() else _threads.budget()

    def _is_next_of_few(self, position: int, pixels: int) -> bool:
        """Whether this is the next frame of a loop of so little work that nothing needs to be weighed; it is remembered."""
        if not position == self.last + 1 == self.main.cursor + 1 or self.threaded is not None:
            return False
        if (1 + SEEK_COST + AHEAD * self.streak) * pixels >= WORTH_A_THREAD:
            return False
        self.streak += 1
        self.last = position
        return True

    def _follow(self, whole: Part) -> int:
        """Remember a request; how many frames are to be expected behind it, if it goes on with what was before."""
        first, last = whole.first, whole.last
        goes_on = 0 <= first - self.last <= NEAR and whole.begin <= self.last + 1
        ahead = AHEAD * self.streak if goes_on else 0
        self.streak = self.streak + last - self.last if goes_on else last - first + 1
        self.last = last
        return ahead

    def expect(self, frames: int) -> None:
        """A loop over frames was announced, from the first one on."""
        self.last = -1
        self.streak = frames // AHEAD

    def _gops(self) -> np.ndarray:
        """The first frame of each GOP."""
        if self.gops is None:
            assert self.main.index is not None
            keys = np.asarray(self.main.index.key_frames, np.int64)
            self.gops = keys if len(keys) and keys[0] == 0 else np.concatenate(([0], keys))
        return self.gops

    def _whole(self, positions: Positions) -> Part:
        """A request as one part."""
        gops = self._gops()
        if len(positions) == 1:  # the way of decoder[i]
            begin = int(gops[gops.searchsorted(positions[0], "right") - 1])
            return Part(positions, _ONE_PLACE, begin, int(positions[0]) - begin + 1, 1, 1)  # type: ignore[arg-type]
        asked = np.asarray(positions, np.int64)
        places = np.argsort(asked, kind="stable")
        return self._part(asked[places], places)

    def _part(self, asked: np.ndarray, places: np.ndarray) -> Part:
        begins, lasts = self._stretches(asked)[1:]
        seeks = 1 + int(np.count_nonzero(begins[1:] > lasts[:-1] + 1))
        wanted = 1 + int(np.count_nonzero(np.diff(asked)))
        return Part(asked, places, int(begins[0]), int((lasts - begins + 1).sum()), wanted, seeks)

    def _stretches(self, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each GOP that rising positions touch: which is the first of them, where it begins, and the last of them."""
        gops = self._gops()
        gop = gops.searchsorted(asked, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))
        return starts, gops[gop[starts]], asked[np.append(starts[1:], len(asked)) - 1]

    def _parts(self, whole: Part, limit: int) -> list[Part]:
        """The request cut into at most `limit` parts, between GOPs, where the cost so far passes each share of the whole."""
        if len(whole.positions) == 1:
            return [whole]
        starts, begins, lasts = self._stretches(whole.positions)
        if len(starts) == 1:
            return [whole]
        asked = np.diff(np.append(starts, len(whole.positions)))
        way = (lasts - begins + 1 - asked).clip(min=0)  # a frame may be asked for twice
        cost = np.cumsum(asked + self._way_cost * way + SEEK_COST)
        shares = cost[-1] * np.arange(1, limit) / limit
        cuts = starts[np.unique(np.searchsorted(cost, shares, "left") + 1).clip(max=len(starts) - 1)]
        edges = np.unique(np.concatenate(([0], cuts, [len(whole.positions)])))
        return [self._part(whole.positions[a:b], whole.places[a:b]) for a, b in itertools.pairwise(edges)]

    @property
    def _way_cost(self) -> float:
        assert self.main.index is not None
        return WAY_COST if self.main.index.reorder > 0 else 1

    def _cost(self, part: Part, readers: list[FrameReader]) -> float:
        """What a part costs the best of some readers."""
        frames, seeks = self._left(part, readers)
        return part.wanted + self._way_cost * (frames - part.wanted) + SEEK_COST * seeks

    def _left(self, part: Part, readers: list[FrameReader]) -> tuple[int, int]:
        """(frames that the best of some readers has to decode for a part, how often it seeks)"""
        cursors = [reader.cursor for reader in readers]
        done = max([0, *(c + 1 - part.begin for c in cursors if part.begin <= c <= part.first)])
        return max(part.frames - done, part.wanted), part.seeks - (done > 0)

    def _cost_threaded(self, whole: Part, ahead: int, threads: int, pixels: int) -> float:
        """What the request takes by frame threads, in the time of frames decoded by one."""
        threaded = self.threaded  # which another session may take away
        readers = [threaded] if threaded is not None else []
        frames = self._left(whole, readers)[0] + ahead  # to be handed over, those that are left out as well
        # in a long read, which may end any time, what would be decoded again counts in full
        cost = frames if ahead else self._cost(whole, readers)
        cost = cost * FRAME_THREADS_COST / threads + frames * HAND_OVER_COST / pixels
        # they fill up and run empty with each seek
        return cost + threads * whole.seeks + (READER_COST / pixels if threaded is None else 0)

    def _may_have_frame_threads(self) -> bool:
        index = self.main.index
        assert index is not None
        return not self.is_damaged and not index.confirmed and isinstance(self.main.backend, CpuBackend)

    # -- readers ----------------------------------------------------------------------------------------------------

    def _read_threaded(
        self, positions: Positions, whole: Part, deliver: Deliver, make: Make, threads: int, reading_on: bool
    ) -> bool:
        """Have frame threads serve a request; False if they are not to be had."""
        threaded = self.threaded
        under_way = threaded is not None and whole.begin <= threaded.cursor <= whole.first
        with _threads.claim(threads, threads if under_way else 1) as granted:
            if granted < threads or not _frame_threads.take(self):
                return False
            try:
                threaded = self.threaded  # nobody takes it away any more
                if threaded is None:
                    threaded = self.threaded = make(threads)
                    self.num_threads = threads
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


_ONE_PLACE = np.zeros(1, np.int64)


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
