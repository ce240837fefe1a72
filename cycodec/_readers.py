"""The readers of one stream: one that is always there, and more of them for requests that touch several GOPs.

Note [Several GOPs at once]

Frames of different GOPs do not need each other, so a request is cut at GOP boundaries and its parts are decoded side by
side, each by a reader with a demuxer and a decoder of its own, straight into their slots of the batch. How many threads
that takes is the process's budget to say (`_threads`). Each part goes to the reader that stands just before it, if there
is one, so that batches read one after the other do not seek. Every further reader costs the memory of one decoder (a few
frames) and stays open as long as the session.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cycodec import _tensor, _threads
from cycodec.core.reader import FrameReader

Make: TypeAlias = Callable[[], FrameReader]

# Below this many pixels to decode a second thread gains nothing: about two frames of 1080p.
WORTH_A_THREAD = 4_000_000
SEEK_COST = 2  # in frames: what beginning at another place costs beside the frames themselves


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
        self.gops: np.ndarray | None = None

    def all(self) -> list[FrameReader]:
        return [self.main, *self.more]

    def forget(self) -> None:
        """Own nothing any more, and free nothing: Note [After fork] in core/stream.pyx."""
        for reader in self.all():
            reader.forget()
        self.more = []

    def index_changed(self) -> None:
        """Drop what an older index had part in."""
        self.more = []
        self.gops = None

    def read(self, positions: Sequence[int] | np.ndarray, output: Output, make: Make | None) -> None:
        """Decode frames into memory, on one thread or on several.

        `make` opens another reader of the same stream and index; None where the source cannot be opened twice.
        """
        parts = self._parts(positions, output) if make is not None and len(positions) > 1 else None
        if make is None or parts is None:
            self.main.read_into(positions, *output)
            return
        jobs = _Jobs(self.assign([int(asked[0]) for asked, _ in parts], make), parts, output)
        _threads.run([jobs.next] * len(parts), len(parts))
        jobs.finish()

    def _limit(self) -> int:
        if self.limit is not None:
            return self.limit
        return 1 if _tensor.in_worker() else _threads.budget()

    def _parts(self, positions: Any, output: Output) -> list[tuple[np.ndarray, np.ndarray]] | None:
        """(positions, slots) of each part, in rising order; None where one thread is best."""
        index = self.main.index
        if index is None or index.identity != "pts":
            return None
        limit = self._limit()
        if limit < 2:
            return None
        if self.gops is None:
            self.gops = np.union1d(index.key_frames, [0])
        asked = np.asarray(positions, np.int64)
        slots = np.argsort(asked, kind="stable")
        asked = asked[slots]
        gop = np.searchsorted(self.gops, asked, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))  # where a new GOP begins in `asked`
        if len(starts) < 2:
            return None
        last = asked[np.append(starts[1:], len(asked)) - 1]
        cost = np.cumsum(last - self.gops[gop[starts]] + 1 + SEEK_COST)
        if cost[-1] * output.frame_size[0] * output.frame_size[1] < WORTH_A_THREAD:
            return None
        # cut where the cost so far passes each share of the whole
        shares = cost[-1] * np.arange(1, limit) / limit
        cuts = starts[np.unique(np.searchsorted(cost, shares, "left") + 1).clip(max=len(starts) - 1)]
        edges = np.unique(np.concatenate(([0], cuts, [len(asked)])))
        if len(edges) < 3:
            return None
        return [(asked[a:b], slots[a:b]) for a, b in itertools.pairwise(edges)]

    def assign(self, firsts: list[int], make: Make) -> list[FrameReader]:
        """A reader for each part: the one that stands just before its first frame, else any, else a new one."""
        free = self.all()
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
