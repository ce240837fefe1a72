"""The GOPs of a stream: what decoding a request costs, and where a request can be cut.

Note [Parts]

A cut costs a seek, unless the request needs a seek there anyway. Consecutive GOPs therefore become
one part for each thread. Scattered frames become smaller parts, down to one eighth of a thread's
share: the cost of a part is an estimate, and a thread that finishes early takes the next part.
Threads take the most expensive parts first.

Note [What a GOP costs]

Decoding takes time for each pixel and for each byte: a frame with much motion takes longer than a
still one of the same stream. The size of a GOP in bytes is the distance to the next GOP in the
file, packets of other streams included.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cycodec._video.costs import DEFAULT_COSTS, Costs
from cycodec.core.video.index import FrameIndex

Positions: TypeAlias = "Sequence[int] | np.ndarray"


class Part(NamedTuple):
    """A part of a request.

    Attributes
    ----------
    positions : int64 array
        Frame numbers in rising order; a number may occur more than once.
    slots : int64 array
        For each position, the slot of the result that the frame goes to.
    first, last : int
        The first and the last position.
    begin : int
        The first frame of the GOP that holds `first`.
    frames : int
        Frames to decode, those on the way to wanted ones included.
    wanted : int
        How many of them are wanted.
    seeks : int
    """

    positions: np.ndarray
    slots: np.ndarray
    first: int
    last: int
    begin: int
    frames: int
    wanted: int
    seeks: int


class Gops:
    """The GOPs of a stream.

    Parameters
    ----------
    index : FrameIndex
    size : int or None
        Of the source, in bytes.
    costs : Costs

    Attributes
    ----------
    begins : int64 array
        The first frame of each GOP, in display order.
    ends : int64 array
        One past the last frame of each GOP.
    bytes : float64 array
        Bytes of one frame of each GOP; 0 where they are unknown, so that all frames cost the same.
    """

    def __init__(self, index: FrameIndex, size: int | None, costs: Costs = DEFAULT_COSTS) -> None:
        keys, offsets = index.gop_begins()
        has_first = len(keys) > 0 and keys[0] == 0
        self.begins = keys if has_first else np.concatenate(([0], keys))
        self.ends = np.append(self.begins[1:], len(index))
        self.costs = costs
        self.way_cost = costs.way if index.reorder > 0 else 1
        self.bytes = np.zeros(len(self.begins))
        sizes = np.diff(offsets, append=size if size is not None else -1)
        if has_first and offsets.min() >= 0 and sizes.min() > 0:
            self.bytes = sizes / np.maximum(self.ends - self.begins, 1)

    def whole(self, positions: Positions) -> Part:
        """Return a request as one part."""
        if len(positions) == 1:  # decoder[i] must be quick
            number = int(positions[0])
            begin = int(self.begins[self.begins.searchsorted(number, "right") - 1])
            asked = positions  # a tuple will do, because this part is never cut
            return Part(asked, _FIRST_SLOT, number, number, begin, number - begin + 1, 1, 1)  # type: ignore[arg-type]
        asked = np.asarray(positions, np.int64)
        slots = np.argsort(asked, kind="stable")
        return self._part(asked[slots], slots)

    def parts(self, whole: Part, threads: int, pixels: int) -> list[Part]:
        """Cut a request between GOPs, the most expensive part first: Note [Parts].

        Parameters
        ----------
        whole : Part
        threads : int
        pixels : int
            Of one frame.
        """
        if len(whole.positions) == 1:
            return [whole]
        starts, gops, lasts = self._stretches(whole.positions)
        if len(gops) == 1:
            return [whole]
        begins = self.begins[gops]
        asked = np.diff(starts, append=len(whole.positions))
        way = (lasts - begins + 1 - asked).clip(min=0)  # a frame may be asked for twice
        costs = (asked + self.way_cost * way + self.costs.seek) * self._weights(pixels)[gops]
        share = costs.sum() / threads
        least = np.where(begins[1:] > lasts[:-1] + 1, share / self.costs.parts, share)
        rests = np.cumsum(costs[::-1])[::-1]
        edges, sums = [0], [costs[0]]
        for start, cost, rest, enough in zip(starts[1:], costs[1:], rests[1:], least, strict=True):
            if sums[-1] + cost / 2 >= enough and rest >= enough / 2:
                edges.append(start)
                sums.append(cost)
            else:
                sums[-1] += cost
        edges.append(len(whole.positions))
        parts = [self._part(whole.positions[a:b], whole.slots[a:b]) for a, b in itertools.pairwise(edges)]
        return [parts[i] for i in np.argsort(-np.asarray(sums), kind="stable")]

    def cost(self, part: Part, cursors: Iterable[int]) -> float:
        """Return the cost of a part in frames, for the best of the readers at these cursors."""
        frames, seeks = self.left(part, cursors)
        return part.wanted + self.way_cost * (frames - part.wanted) + self.costs.seek * seeks

    def left(self, part: Part, cursors: Iterable[int]) -> tuple[int, int]:
        """Return the frames to decode and the seeks that a part takes the best of the readers.

        A cursor is the number of the frame that a reader has decoded last.
        """
        near = [cursor for cursor in cursors if max(part.begin - 1, 0) <= cursor <= part.first]
        if not near:
            return part.frames, part.seeks
        return max(part.frames - (max(near) + 1 - part.begin), part.wanted), part.seeks - 1

    def runs(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what rising positions make a decoder decode, as two int64 arrays: for each GOP
        that they touch, its first frame, and the last frame that is wanted from it.
        """
        _, gops, lasts = self._stretches(positions)
        return self.begins[gops], lasts

    def end(self, number: int) -> int:
        """Return one past the last frame of the GOP that holds a frame."""
        return int(self.ends[self.begins.searchsorted(number, "right") - 1])

    def _part(self, positions: np.ndarray, slots: np.ndarray) -> Part:
        _, gops, lasts = self._stretches(positions)
        begins = self.begins[gops]
        seeks = 1 + int(np.count_nonzero(begins[1:] > lasts[:-1] + 1))
        wanted = 1 + int(np.count_nonzero(np.diff(positions)))
        frames = int((lasts - begins + 1).sum())
        return Part(
            positions, slots, int(positions[0]), int(positions[-1]), int(begins[0]), frames, wanted, seeks
        )

    def _stretches(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the GOPs that rising positions touch.

        Returns
        -------
        starts, gops, lasts : int64 arrays
            For each of these GOPs: where its positions start, its number, and its last position.
        """
        gop = self.begins.searchsorted(positions, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))
        return starts, gop[starts], positions[np.append(starts[1:], len(positions)) - 1]

    def _weights(self, pixels: int) -> np.ndarray:
        """Return the cost of a frame of each GOP, in average frames."""
        costs = pixels + self.costs.byte * self.bytes
        frames = self.ends - self.begins
        return costs * (frames.sum() / (costs * frames).sum())


_FIRST_SLOT = np.zeros(1, np.int64)
