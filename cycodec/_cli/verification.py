"""Checks that every way to read a file gives the same frames: ``cycodec verify``.

The frames of one pass from the beginning are the reference. A check reads the file in another way,
with decoders of its own, and compares the MD5 of each frame's bytes.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cycodec._cli.check import Check, Command
from cycodec._cli.text import plural, unwrapped
from cycodec._shared import torch_adapter
from cycodec.core.error import FFmpegError
from cycodec.core.video.index import FrameIndex
from cycodec.decoders import VideoDecoder

__all__ = ["Verification"]

# Frames that one call decodes: it bounds the memory of a check.
PIECE = 8
# Frames that are read by a decoder of their own, unless all are asked for.
FRESH_FRAMES = 20
# How many frames a report names of those that differ.
NAMED = 10


class Verification:
    """The checks of one file.

    Parameters
    ----------
    source : str
        Path or URL.
    stream : int or None
    every : bool
        Read every frame, and not a sample, by a decoder of its own.
    seed : int
        Of the random order.

    Attributes
    ----------
    listed : int
        The number of frames in the index of a fresh decoder.
    count : int
        The number of frames in a pass from the beginning.
    stream : int
        Of the video.

    Raises
    ------
    FFmpegError
        The source cannot be read.
    """

    def __init__(self, source: str, stream: int | None, every: bool = False, seed: int = 0) -> None:
        self.source, self.every = source, every
        self.dice = random.Random(seed)
        with self._open(stream_index=stream) as decoder:
            self.stream = decoder.stream_index
            self.listed = len(decoder)
            self.reference = [_digest(frame) for frame in decoder]
            self.count = len(self.reference)
            self.pts = [_index_of(decoder).pts_seconds(number) for number in range(self.count)]

    def checks(self) -> Iterator[Callable[[], Check]]:
        """Yield the checks, one function each, in the order in which they should run."""
        yield self.check_confirmed
        yield self.check_random_order
        yield self.check_fresh
        yield self.check_threads
        yield self.check_saved_index
        yield self.check_approximate
        yield self.check_command
        yield self.check_gpu

    def check_confirmed(self) -> Check:
        """Decode the stream once; the index must have been right before."""
        with self._open() as decoder:
            was_right = decoder.confirm()
            count = len(decoder)
        if was_right and count == self.listed:
            return Check("index confirmed by decoding", "ok", plural(count, "frame"))
        detail = f"the index lists {plural(self.listed, 'frame')}, and decoding gives {count}"
        return Check("index confirmed by decoding", "differs", detail)

    def check_random_order(self) -> Check:
        """Read all frames in random order by one decoder."""
        order = list(range(self.count))
        self.dice.shuffle(order)
        with self._open() as decoder:
            return self._compare("random order", order, self._read(decoder, order))

    def check_fresh(self) -> Check:
        """Read frames as the first read of a decoder of their own."""
        numbers: Sequence[int] = range(self.count)
        if not self.every and self.count > FRESH_FRAMES:
            chosen = self.dice.sample(numbers, FRESH_FRAMES - 2)
            numbers = sorted({0, self.count - 1, *chosen})

        def digests() -> Iterator[str]:
            for number in numbers:
                with self._open() as decoder:
                    yield _digest(decoder[number])

        return self._compare("first reads of fresh decoders", numbers, digests())

    def check_threads(self) -> Check:
        """Read all frames in large batches with as many threads as the process may use."""
        with self._open(num_threads=None) as decoder:
            return self._compare("several threads", range(self.count), self._read(decoder, range(self.count)))

    def check_saved_index(self) -> Check:
        """Read some frames by a decoder that was given the index's bytes."""
        with self._open() as decoder:
            index = FrameIndex.from_bytes(_index_of(decoder).to_bytes())
        numbers = sorted({0, self.count // 2, self.count - 1})
        with self._open(index=index) as decoder:
            return self._compare("saved index", numbers, self._read(decoder, numbers))

    def check_approximate(self) -> Check:
        """Ask approximate mode for the frame that is played at the time of each frame."""
        with self._open(seek_mode="approximate") as decoder:
            found = []
            for start in range(0, self.count, PIECE):
                instants = [pts + 1e-6 for pts in self.pts[start : start + PIECE]]
                try:
                    batch = decoder.get_frames_played_at(instants)
                except (IndexError, RuntimeError, ValueError) as error:
                    return Check("approximate mode", "note", f"it follows the header: {unwrapped(error)}")
                found += [_digest(frame) for frame in batch.data]
        wrong = [n for n, digest in enumerate(found) if digest != self.reference[n]]
        if not wrong:
            return Check("approximate mode", "ok", plural(self.count, "frame"))
        detail = f"the header gives other times for {_named(wrong)}; use exact mode"
        return Check("approximate mode", "note", detail)

    def check_command(self) -> Check:
        """Compare with the frames of the ffmpeg command."""
        name = "ffmpeg command"
        command = Command.find()
        if command is None:
            return Check(name, "skipped", "there is no ffmpeg on PATH")
        name = f"ffmpeg command {command.version}"
        # the option has had its name since FFmpeg 5.1
        passthrough = "-vsync" if re.match(r"n?[1-4]\.|n?5\.0", command.version) else "-fps_mode"
        output = (passthrough, "passthrough", "-pix_fmt", "rgb24", "-f", "framemd5", "-")
        done = command.run(self.source, self.stream, *output)
        found = [
            line.split(",")[-1].strip() for line in done.stdout.splitlines() if line[:1] not in ("", "#")
        ]
        if done.returncode and not found:
            return Check(name, "skipped", f"it does not read the file: {unwrapped(done.stderr)}")
        if len(found) != self.count:
            detail = f"it gives {plural(len(found), 'frame')}, and cycodec {self.count}"
            return Check(name, "differs", detail)
        return self._compare(name, range(self.count), iter(found))

    def check_gpu(self) -> Check:
        """Read all frames on the GPU, where there is one that decodes the stream."""
        if not torch_adapter.sees_cuda():
            return Check("GPU", "skipped", "torch sees no CUDA device")
        with self._open(device="cuda") as decoder:
            if decoder.cpu_fallback:
                return Check("GPU", "skipped", str(decoder.cpu_fallback))
            return self._compare("GPU", range(self.count), self._read(decoder, range(self.count)))

    def _open(self, **options: Any) -> VideoDecoder:
        """Return a fresh decoder of the file."""
        options = {
            "stream_index": getattr(self, "stream", None),
            "num_threads": 1,
            "device": "cpu",
            **options,
        }
        return VideoDecoder(self.source, dimension_order="NHWC", **options)

    def _read(self, decoder: VideoDecoder, numbers: Sequence[int]) -> Iterator[str]:
        """Yield the digests of frames, a few frames a call."""
        for start in range(0, len(numbers), PIECE):
            for frame in decoder.get_frames_at(list(numbers[start : start + PIECE])).data:
                yield _digest(frame)

    def _compare(self, name: str, numbers: Sequence[int], digests: Iterator[str]) -> Check:
        """Return the check whose frames have these digests."""
        try:
            wrong = [n for n, d in zip(numbers, digests, strict=True) if d != self.reference[n]]
        except (FFmpegError, IndexError) as error:
            return Check(name, "differs", unwrapped(error))
        if wrong:
            return Check(name, "differs", f"{_named(sorted(wrong))} of {len(numbers)}")
        return Check(name, "ok", plural(len(numbers), "frame"))


def _index_of(decoder: VideoDecoder) -> FrameIndex:
    """Return the index of an exact decoder."""
    index = decoder.index
    assert index is not None
    return index


def _digest(frame: Any) -> str:
    """Return the MD5 of a frame [H, W, C], in hexadecimal, as FFmpeg's framemd5 gives it."""
    return hashlib.md5(frame.cpu().contiguous().numpy(), usedforsecurity=False).hexdigest()


def _named(numbers: Sequence[int]) -> str:
    """Return the first of some frame numbers."""
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    noun = "frame" if len(numbers) == 1 else "frames"
    return f"{noun} {', '.join(map(str, numbers[:NAMED]))}{more}"
