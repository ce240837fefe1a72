"""The GOPs of a stream: what decoding a request costs, and where it can be cut.

Note [Parts]

A cut costs a seek, but none where one is needed anyway. So frames of GOPs that follow each other are cut into one part for
each thread, and what is read here and there into smaller ones, down to an eighth of what a thread has to do: what a part
takes is a guess, and who is done with one goes on with the next, from the largest to the smallest.

Note [What a GOP costs]

Decoding takes its time for each pixel and for each byte: a frame where much moves takes longer than one of the same stream
where nothing does. What a GOP has in bytes is known from where the next one begins in the file, other
streams between them included.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cycodec.core.video.index import FrameIndex

Positions: TypeAlias = "Sequence[int] | np.ndarray"

# What things cost, in frames decoded and converted by one thread, or in pixels of such frames: measured with H.264, HEVC,
# VP9, MPEG-4 and MPEG-2.
SEEK_COST = 4  # frames: beginning at another place; a key frame is large, and others fill the decoder
WAY_COST = 0.6  # frames: one on the way to a wanted one, where B-frames are left out
BYTE_COST = 200  # pixels: Note [What a GOP costs]
PARTS = 8  # Note [Parts]


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


class Gops:
    """See the module's docstring.

    Parameters
    ----------
    index : FrameIndex
    size : int or None
        Of the source, in bytes.
    """

    def __init__(self, index: FrameIndex, size: int | None) -> None:
        keys = index.key_frames
        has_first = len(keys) > 0 and keys[0] == 0
        self.begins = keys if has_first else np.concatenate(([0], keys))
        self.ends = np.append(self.begins[1:], len(index))
        self.way_cost = WAY_COST if index.reorder > 0 else 1
        self.bytes = np.zeros(len(self.begins))  # of one frame; 0: not known, all cost the same
        offsets = index.key_offsets
        sizes = np.diff(offsets, append=size if size is not None else -1)
        if has_first and offsets.min() >= 0 and sizes.min() > 0:
            self.bytes = sizes / np.maximum(self.ends - self.begins, 1)

    def whole(self, positions: Positions) -> Part:
        """A request as one part."""
        if len(positions) == 1:  # the way of decoder[i]
            begin = int(self.begins[self.begins.searchsorted(positions[0], "right") - 1])
            return Part(positions, _ONE_PLACE, begin, int(positions[0]) - begin + 1, 1, 1)  # type: ignore[arg-type]
        asked = np.asarray(positions, np.int64)
        places = np.argsort(asked, kind="stable")
        return self._part(asked[places], places)

    def parts(self, whole: Part, threads: int, pixels: int) -> list[Part]:
        """The request cut between GOPs, the part that costs most first: Note [Parts]."""
        if len(whole.positions) == 1:
            return [whole]
        starts, gops, lasts = self._stretches(whole.positions)
        if len(gops) == 1:
            return [whole]
        begins = self.begins[gops]
        asked = np.diff(starts, append=len(whole.positions))
        way = (lasts - begins + 1 - asked).clip(min=0)  # a frame may be asked for twice
        costs = (asked + self.way_cost * way + SEEK_COST) * self._weights(pixels)[gops]
        share = costs.sum() / threads
        least = np.where(begins[1:] > lasts[:-1] + 1, share / PARTS, share)
        rests = np.cumsum(costs[::-1])[::-1]
        edges, sums = [0], [costs[0]]
        for start, cost, rest, enough in zip(starts[1:], costs[1:], rests[1:], least, strict=True):
            if sums[-1] + cost / 2 >= enough and rest >= enough / 2:
                edges.append(start)
                sums.append(cost)
            else:
                sums[-1] += cost
        edges.append(len(whole.positions))
        parts = [self._part(whole.positions[a:b], whole.places[a:b]) for a, b in itertools.pairwise(edges)]
        return [parts[i] for i in np.argsort(-np.asarray(sums), kind="stable")]

    def cost(self, part: Part, cursors: Iterable[int]) -> float:
        """What a part costs the best of readers that stand at some frames."""
        frames, seeks = self.left(part, cursors)
        return part.wanted + self.way_cost * (frames - part.wanted) + SEEK_COST * seeks

    def left(self, part: Part, cursors: Iterable[int]) -> tuple[int, int]:
        """(frames that the best of readers has to decode for a part, how often it seeks)"""
        near = [cursor for cursor in cursors if max(part.begin - 1, 0) <= cursor <= part.first]
        if not near:
            return part.frames, part.seeks
        return max(part.frames - (max(near) + 1 - part.begin), part.wanted), part.seeks - 1

    def next_begin(self, number: int) -> int:
        """Where the GOP of a frame ends."""
        return int(self.ends[self.begins.searchsorted(number, "right") - 1])

    def _part(self, asked: np.ndarray, places: np.ndarray) -> Part:
        _, gops, lasts = self._stretches(asked)
        begins = self.begins[gops]
        seeks = 1 + int(np.count_nonzero(begins[1:] > lasts[:-1] + 1))
        wanted = 1 + int(np.count_nonzero(np.diff(asked)))
        return Part(asked, places, int(begins[0]), int((lasts - begins + 1).sum()), wanted, seeks)

    def _stretches(self, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each GOP that rising positions touch: which is the first of them, its number, and the last of them."""
        gop = self.begins.searchsorted(asked, "right") - 1
        starts = np.flatnonzero(np.diff(gop, prepend=-1))
        return starts, gop[starts], asked[np.append(starts[1:], len(asked)) - 1]

    def _weights(self, pixels: int) -> np.ndarray:
        """What a frame of each GOP costs, in average frames."""
        costs = pixels + BYTE_COST * self.bytes
        frames = self.ends - self.begins
        return costs * (frames.sum() / (costs * frames).sum())


_ONE_PLACE = np.zeros(1, np.int64)
