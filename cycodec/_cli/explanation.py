"""How a file is read: where its index comes from, what requests cost, and which device decodes.

This is what ``cycodec explain`` prints.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cycodec._cli.text import file_size, number, plural
from cycodec._shared import torch_adapter
from cycodec.core.error import FFmpegError
from cycodec.core.video.index import FrameIndex
from cycodec.decoders import VideoDecoder

__all__ = ["Cost", "Explanation", "explain"]

# How an index came about, by FrameIndex.origin.
ORIGINS = {
    "headers": "the container's header lists every frame; no packet was read",
    "scan": "every packet was read; none was decoded",
    "decoded": "the stream was decoded once",
    "mappings": "it was made from ffprobe's list of frames",
}


@dataclass(frozen=True)
class Cost:
    """What a request costs a fresh decoder with one thread: as planned, and as measured.

    Attributes
    ----------
    request : str
        The request in words.
    plan : dict
        The fields of DecodePlan.
    seconds : float
        How long the request took, opening excluded.
    seeks, packets_read, frames_decoded : int
        What the decoder counted.
    """

    request: str
    plan: dict[str, int | None]
    seconds: float
    seeks: int
    packets_read: int
    frames_decoded: int


@dataclass(frozen=True)
class Explanation:
    """How a file is read.

    Attributes
    ----------
    source : str
    open_seconds : float
        How long it takes to open the file.
    index : list of str
        Sentences about the index.
    device : list of str
        Sentences about the device that decodes.
    costs : list of Cost
    """

    source: str
    open_seconds: float
    index: list[str]
    device: list[str]
    costs: list[Cost]

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation for JSON."""
        return asdict(self)


def explain(source: str, stream: int | None, keys: Sequence[tuple[str, Any]] = ()) -> Explanation:
    """Explain how a file is read.

    Parameters
    ----------
    source : str
        Path or URL.
    stream : int or None
    keys : sequence of (words, key)
        Requests to measure; by default, some usual ones.

    Raises
    ------
    FFmpegError, IndexError
        The source cannot be read, or a frame does not exist.
    """
    start = time.perf_counter()
    with VideoDecoder(source, stream_index=stream, num_threads=1, device="cpu") as decoder:
        opened = time.perf_counter() - start
        index = decoder.index
        assert index is not None  # an exact decoder has one
        packets = decoder.counters.packets_read
        decoder[0]  # what the first read of a process loads is no cost of a request
        sentences = list(about_index(index, packets))
    chosen = keys or usual_keys(len(index))
    costs = [measure(source, stream, words, key) for words, key in chosen]
    return Explanation(source, opened, sentences, list(about_device(source, stream)), costs)


def usual_keys(count: int) -> list[tuple[str, Any]]:
    """Return requests that tell much about a stream of `count` frames."""
    spread = np.unique(np.linspace(0, count - 1, min(count, 10)).round().astype(int)).tolist()
    return [
        ("first frame", 0),
        ("frame in the middle", count // 2),
        ("last frame", count - 1),
        (f"{len(spread)} frames spread evenly", spread),
        (f"first {min(count, 100)} frames", slice(0, 100)),
    ]


def about_index(index: FrameIndex, packets: int) -> Iterator[str]:
    """Yield sentences about an index."""
    keys = index.key_frames
    yield f"It comes from: {index.origin} ({ORIGINS.get(index.origin, 'see docs/exactness.md')})."
    if packets:
        yield f"Opening read {plural(packets, 'packet')}."
    yield f"It lists {plural(len(index), 'frame')}, with {plural(len(keys), 'key frame')}."
    if len(keys):
        longest = int(np.diff(keys, append=len(index)).max())
        yield f"The longest way from a key frame is {plural(longest, 'frame')}."
    steps = np.diff(index.pts)
    if len(steps):
        rate = "constant" if steps.max() - steps.min() <= 1 else "variable"
        yield f"The frame rate is {rate}: {number(len(index) / (index.end_seconds - index.begin_seconds))} fps."
    if index.synthesized:
        yield "The file has no timestamps; frames are counted by its frame rate."
    yield (
        "It was confirmed by decoding."
        if index.confirmed
        else "It was not confirmed by decoding; `cycodec verify` does that."
    )


def about_device(source: str, stream: int | None) -> Iterator[str]:
    """Yield sentences about the device that decodes, and why."""
    yield f'device=None decodes on torch\'s default device, which is "{torch_adapter.default_device()}".'
    try:
        with VideoDecoder(source, stream_index=stream, device="cuda", seek_mode="approximate") as decoder:
            fallback = decoder.cpu_fallback
            reason = str(fallback) if fallback else ""
            yield f'device="cuda" decodes on the {"CPU: " + reason if reason else "GPU."}'
    except (FFmpegError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split()).removeprefix("device='cuda': ")
        yield f'device="cuda" is not possible here: {reason}'


def measure(source: str, stream: int | None, words: str, key: Any) -> Cost:
    """Return what a request costs a fresh decoder."""
    with VideoDecoder(source, stream_index=stream, num_threads=1, device="cpu") as decoder:
        plan = decoder.plan(key)
        before = decoder.counters
        start = time.perf_counter()
        decoder[key]
        seconds = time.perf_counter() - start
        after = decoder.counters
    work = [getattr(after, n) - getattr(before, n) for n in ("seeks", "packets_read", "frames_decoded")]
    return Cost(words, plan._asdict(), seconds, *work)


def cost_fields(cost: Cost) -> list[str]:
    """Return a cost as the fields of a table row."""
    size = cost.plan["bytes_read"]
    return [
        cost.request,
        str(cost.plan["frames_wanted"]),
        str(cost.plan["frames_decoded"]),
        str(cost.frames_decoded),
        str(cost.seeks),
        str(cost.packets_read),
        "?" if size is None else file_size(size),
        f"{1000 * cost.seconds:.1f} ms",
    ]


COST_HEADS = ["request", "wanted", "at most", "decoded", "seeks", "packets", "bytes", "time"]
