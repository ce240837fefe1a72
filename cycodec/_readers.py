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
them: who wants them next takes them away from whoever is not using them just then.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from cycodec import _tensor, _threads
from cycodec.core.backend import CpuBackend
from cycodec.core.reader import FrameReader


class Make(Protocol):
    """Opens another reader of the same stream and index, whose decoder has so many threads."""

    def __call__(self, num_threads: int = 1, /) -> FrameReader: ...


# Below this many pixels to decode a second thread gains nothing: about two frames of 1080p.
WORTH_A_THREAD = 4_000_000
SEEK_COST = 2  # in frames: what beginning at another place costs beside the frames themselves
# Frames and pixels of one GOP from which on frame threads pay: they need some frames to get going.
WORTH_FRAME_THREADS = (24, 10_000_000)
MAX_FRAME_THREADS = 8
FRAME_THREADS_COST = 1.2  # what decoding by n threads takes, in n-ths of decoding by one


class Output(NamedTuple):
    """Where and how frames are delivered; see FrameReader.read_into."""

    data: int
    pts: int
    durations: int
    valid: int
    frame_size: tuple[int, int]
    region: tuple[int, int, int, int]
    orientation: int
    type: int
    masking: bool


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
        self.gops: np.ndarray | None = None

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

    def read(self, positions: Sequence[int] | np.ndarray, output: Output, make: Make | None) -> None:
        """Decode frames into memory, on one thread or on several.

        `make` opens another reader of the same stream and index; None where the source cannot be opened twice.
        """
        limit = self._limit() if make is not None and len(positions) > 1 else 1
        if make is None or limit < 2:
            self.main.read_into(positions, *output)
            return
        parts = self._parts(positions, output, limit)
        threads = self._frame_threads(positions, output, parts, limit)
        if threads > 1 and self._read_threaded(positions, output, make, threads):
            return
        if parts is None:
            self.main.read_into(positions, *output)
            return
        jobs = _Jobs(self.assign([int(asked[0]) for asked, _ in parts], make), parts, output)
        _threads.run([jobs.next] * len(parts), len(parts))
        jobs.finish()

    def _limit(self) -> int:
        """Threads that a request may use; 1 where the index does not say which frames need each other."""
        index = self.main.index
        if index is None or index.identity != "pts":
            return 1
        if self.limit is not None:
            return self.limit
        return 1 if _tensor.in_worker() else _threads.budget()

    def _gops(self) -> np.ndarray:
        """The first frame of each GOP."""
        if self.gops is None:
            assert self.main.index is not None
            self.gops = np.union1d(self.main.index.key_frames, [0])
        return self.gops

    def _parts(
        self, positions: Any, output: Output, limit: int
    ) -> list[tuple[np.ndarray, np.ndarray]] | None:
        """(positions, slots) of each part, in rising order; None where one thread is best."""
        gops = self._gops()
        asked = np.asarray(positions, np.int64)
        slots = np.argsort(asked, kind="stable")
        asked = asked[slots]
        gop = np.searchsorted(gops, asked, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))  # where a new GOP begins in `asked`
        if len(starts) < 2:
            return None
        last = asked[np.append(starts[1:], len(asked)) - 1]
        cost = np.cumsum(last - gops[gop[starts]] + 1 + SEEK_COST)
        if cost[-1] * output.frame_size[0] * output.frame_size[1] < WORTH_A_THREAD:
            return None
        # cut where the cost so far passes each share of the whole
        shares = cost[-1] * np.arange(1, limit) / limit
        cuts = starts[np.unique(np.searchsorted(cost, shares, "left") + 1).clip(max=len(starts) - 1)]
        edges = np.unique(np.concatenate(([0], cuts, [len(asked)])))
        if len(edges) < 3:
            return None
        return [(asked[a:b], slots[a:b]) for a, b in itertools.pairwise(edges)]

    def _frame_threads(
        self,
        positions: Sequence[int] | np.ndarray,
        output: Output,
        parts: list[tuple[np.ndarray, np.ndarray]] | None,
        limit: int,
    ) -> int:
        """How many frame threads should serve a request; 1: none, it is better divided, or not worth it."""
        least, pixels = WORTH_FRAME_THREADS
        index = self.main.index
        if index is None or index.confirmed or not isinstance(self.main.backend, CpuBackend):
            return 1
        threads = min(limit, MAX_FRAME_THREADS)
        first, last = int(np.min(positions)), int(np.max(positions))
        # inside one GOP all frames up to the last one are decoded in any case, else it must be most of them
        if 2 * len(positions) < last - first and self._start(first, []) != self._start(last, []):
            return 1
        threaded = self.threaded  # which another session may take away
        others = [self.main, *self.more]
        together = last - self._start(first, [threaded] if threaded is not None else []) + 1
        ends = [(int(asked[0]), int(asked[-1])) for asked, _ in parts] if parts else [(first, last)]
        otherwise = max(end - self._start(begin, others) + 1 for begin, end in ends)
        if together < least or together * output.frame_size[0] * output.frame_size[1] < pixels:
            return 1
        return threads if FRAME_THREADS_COST * together < threads * otherwise else 1

    def _start(self, first: int, readers: list[FrameReader]) -> int:
        """The first frame that has to be decoded to reach a frame, by the best of some readers."""
        gops = self._gops()
        begin = int(gops[np.searchsorted(gops, first, "right") - 1])
        return max([begin, *(reader.cursor + 1 for reader in readers if begin <= reader.cursor <= first)])

    def _read_threaded(
        self, positions: Sequence[int] | np.ndarray, output: Output, make: Make, threads: int
    ) -> bool:
        """Have frame threads serve a request; False if they are not to be had."""
        with _threads.claim(threads) as granted:
            if granted < threads or not _frame_threads.take(self):
                return False
            try:
                self.threaded = self.threaded or make(threads)
                self.threaded.read_into(positions, *output)
            finally:
                _frame_threads.leave()
        return True

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

    def take(self, readers: Readers) -> bool:
        """Let `readers` have them for a request; False while another one uses them."""
        with self.lock:
            if self.busy:
                return False
            owner = self.owner() if self.owner is not None else None
            if owner is not None and owner is not readers:
                owner.threaded = None
            self.owner = weakref.ref(readers)
            self.busy = True
            return True

    def leave(self) -> None:
        with self.lock:
            self.busy = False


_frame_threads = _FrameThreads()


def _start_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _frame_threads
    _frame_threads = _FrameThreads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


class _Jobs:
    """The parts of one request under way, and what went wrong with them."""

    def __init__(
        self, readers: list[FrameReader], parts: list[tuple[np.ndarray, np.ndarray]], output: Output
    ) -> None:
        self.output = output
        self.errors: list[BaseException] = []
        self.todo = [(reader, *part) for reader, part in zip(readers, parts, strict=True)][::-1]

    def next(self) -> None:
        """Decode the next part; errors are kept for `finish`."""
        reader, asked, slots = self.todo.pop()
        try:
            if not self.errors:
                reader.read_into(asked, *self.output, slots)
        except BaseException as error:
            self.errors.append(error)

    def finish(self) -> None:
        if self.errors:
            raise self.errors[0]
