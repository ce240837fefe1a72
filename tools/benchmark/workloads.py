"""The workloads. Each is one entry here and one method in the peers that can do it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

BATCH_FRAMES = 100
# Frames of floats are four times as large.
FLOAT_FRAMES = 25
KEEP_BYTES = 512 << 20
# "all" skips larger clips, which would show nothing new.
MOST_BYTES = 4 << 30
# Files from this size on are only opened, because smaller files have similar frames.
LARGE_BYTES = 200 << 20
RESIZED = (256, 256)
CHANNELS = {"rgb": 3, "gray": 1, "rgba": 4, "yuv": 3}
SEED = 20250


@dataclass(frozen=True)
class Case:
    """A workload's request on one clip, in plain numbers, the same for every library."""

    workload: str
    paths: list[str]
    frames: int
    indices: list[int]
    width: int
    height: int
    keep: bool
    seconds: list[float]


@dataclass(frozen=True)
class Workload:
    """One task of users.

    Attributes
    ----------
    title : str
        Name in tables and chart.
    opens : bool
        True if the time includes opening; otherwise every repetition opens a new reader and times
        that separately.
    indices : callable
        ``n -> frame numbers`` to request from a clip of n frames, in order.
    run : callable
        ``(peer, reader or None, case) -> batch or iterator of frames``.
    size : tuple or None
        (height, width) of the frames; None for the clip's own size.
    planar : bool
        True if the result must be contiguous NCHW.
    dtype : str
        "uint8", or "float32" in [0, 1].
    output : str
        The channels of the frames: "rgb", "gray", "rgba" or "yuv".
    on_sets : bool
        True if the workload needs a set of clips, False if a single clip.
    on_tiny : bool
        True if the workload needs tiny frames.
    """

    title: str
    opens: bool
    indices: Callable[[int], list[int]]
    run: Callable[[Any, Any, Case], Any]
    size: tuple[int, int] | None = None
    planar: bool = False
    dtype: str = "uint8"
    output: str = "rgb"
    on_sets: bool = False
    on_tiny: bool = False


def first_frames(n: int) -> list[int]:
    return list(range(min(n, BATCH_FRAMES)))


def all_frames(n: int) -> list[int]:
    return list(range(n))


def uniform(n: int, count: int = 10) -> list[int]:
    """Returns `count` frame numbers spread evenly from the first to the last."""
    if n <= count:
        return list(range(n))
    return [round(i * (n - 1) / (count - 1)) for i in range(count)]


def shuffled(n: int, count: int = 10) -> list[int]:
    """Returns `count` distinct frame numbers in random order, the same for every library and every
    run.
    """
    return random.Random(SEED).sample(range(n), min(n, count))


def middle(n: int) -> list[int]:
    """Returns a frame number a little behind the middle, where clips have a key frame."""
    return [n // 2 + n // 20]


def _open(peer: Any, _: Any, case: Case) -> None:
    # Requests the count, so that the time includes an index that is built on first use.
    reader = peer.open(case.paths[0])
    peer.indexed_count(reader)
    peer.close(reader)


def _open_header(peer: Any, _: Any, case: Case) -> None:
    peer.close(peer.open_header(case.paths[0]))


def _open_first(peer: Any, _: Any, case: Case) -> Any:
    return peer.first(peer.open(case.paths[0]), 1)


def _first(peer: Any, reader: Any, case: Case) -> Any:
    return peer.first(reader, len(case.indices))


def _loop(peer: Any, reader: Any, case: Case) -> Any:
    return peer.loop(reader, len(case.indices))


def _at(peer: Any, reader: Any, case: Case) -> Any:
    return peer.at(reader, case.indices)


def _all(peer: Any, reader: Any, case: Case) -> Any:
    return peer.every(reader) if case.keep else peer.stream(reader)


def _many(peer: Any, _: Any, case: Case) -> Iterator[Any]:
    for path in case.paths:
        yield from peer.at(peer.open(path), case.indices)


WORKLOADS: dict[str, Workload] = {
    "open": Workload("open with an index", True, lambda n: [], _open),
    "open_header": Workload("open by the header", True, lambda n: [], _open_header),
    "open_first": Workload("open + first frame", True, lambda n: [0], _open_first),
    "first100": Workload(
        "first 100 frames, one batch",
        False,
        first_frames,
        _first,
    ),
    "all": Workload("all frames", False, all_frames, _all),
    "loop": Workload(
        "d[i] loop, 100 frames",
        False,
        first_frames,
        _loop,
    ),
    "uniform10": Workload("10 uniform frames", False, uniform, _at),
    "random10": Workload("10 random frames", False, shuffled, _at),
    "middle": Workload(
        "1 frame in the middle",
        False,
        middle,
        _at,
    ),
    "resize": Workload(
        "first 100 frames at 256x256",
        False,
        first_frames,
        _first,
        size=RESIZED,
    ),
    "planes": Workload(
        "first 100 frames, contiguous NCHW",
        False,
        first_frames,
        lambda peer, reader, case: peer.planes(reader, len(case.indices)),
        planar=True,
    ),
    "floats": Workload(
        f"first {FLOAT_FRAMES} frames, float32",
        False,
        lambda n: first_frames(min(n, FLOAT_FRAMES)),
        _first,
        dtype="float32",
    ),
    **{
        output: Workload(
            f"first 100 frames, {output.upper() if output != 'gray' else output}",
            False,
            first_frames,
            _first,
            output=output,
        )
        for output in CHANNELS
        if output != "rgb"
    },
    "call": Workload(
        "d[i] of tiny frames, 300 calls",
        False,
        all_frames,
        _loop,
        on_tiny=True,
    ),
    "played": Workload(
        "get_frame_played_at of tiny frames, 300 calls",
        False,
        all_frames,
        lambda peer, reader, case: peer.played(reader, case.seconds),
        on_tiny=True,
    ),
    "many": Workload("many short videos, 10 frames each", True, uniform, _many, on_sets=True),
}


def case_for(name: str, clip: Any) -> Case | None:
    """Returns the request of a workload on a clip, or None if they do not fit."""
    workload = WORKLOADS[name]
    if (
        workload.on_sets != clip.is_set
        or workload.on_tiny != clip.is_tiny
        or (name == "all" and clip.rgb_bytes > MOST_BYTES)
    ):
        return None
    if clip.bytes >= LARGE_BYTES and not (clip.is_set or workload.opens):
        return None
    height, width = workload.size or (clip.height, clip.width)
    keep = name != "all" or clip.rgb_bytes <= KEEP_BYTES
    indices = workload.indices(clip.frames)
    # the middle of each frame's time
    seconds = [(i + 0.5) / clip.fps for i in indices] if workload.on_tiny else []
    return Case(name, clip.paths, clip.frames, indices, width, height, keep, seconds)
