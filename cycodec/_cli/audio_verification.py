"""Checks that every way to read audio gives the same samples: ``cycodec verify``."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

from cycodec._cli.check import Check, Command
from cycodec._cli.text import plural, unwrapped
from cycodec._shared import torch_adapter
from cycodec.core.error import FFmpegError
from cycodec.decoders import AudioDecoder

__all__ = ["AudioVerification"]

SECONDS_PER_CHUNK = 0.5
# Windows that are read by a decoder of their own, and the length of each.
WINDOWS = 20
SECONDS_PER_WINDOW = 0.1


class AudioVerification:
    """The checks of one audio stream.

    Parameters
    ----------
    source : str
        Path or URL.
    stream : int or None
    seed : int
        Of the places of the windows.

    Attributes
    ----------
    whole : torch.Tensor
        All samples, ``[num_channels, num_samples]``: the reference.
    length : int
        The number of samples that a fresh decoder says.
    stream : int

    Raises
    ------
    LookupError
        The source has no audio stream.
    FFmpegError
        The source cannot be read.
    """

    def __init__(self, source: str, stream: int | None = None, seed: int = 0) -> None:
        self.source = source
        self.dice = random.Random(seed)
        with self._open(stream_index=stream) as decoder:
            self.stream = decoder.stream_index
            self.rate = decoder.metadata.sample_rate
            self.length = len(decoder)
        with self._open() as decoder:
            self.whole = decoder.get_all_samples().data

    def checks(self) -> Iterator[Callable[[], Check]]:
        """Yield the checks, one function each, in the order in which they should run."""
        yield self.check_windows
        yield self.check_fresh
        yield self.check_seeks
        yield self.check_command

    def check_windows(self) -> Check:
        """Read the audio in windows; together they must be the whole."""
        name = "audio in windows"
        count = self.whole.shape[1]
        if count != self.length:
            return Check(
                name, "differs", f"len() says {plural(self.length, 'sample')}, and reading gives {count}"
            )
        with self._open() as decoder:
            parts = [chunk.data for chunk in decoder.chunks(SECONDS_PER_CHUNK)]
        together = torch_adapter.concatenate(parts, 1) if parts else self.whole[:, :0]
        if not together.equal(self.whole):
            return Check(name, "differs", "the windows together are not the whole")
        return Check(name, "ok", f"{plural(count, 'sample')} in {plural(len(parts), 'window')}")

    def check_fresh(self) -> Check:
        """Read windows at random places in exact mode, each by a decoder of its own."""
        name = "audio windows by fresh decoders"
        starts = self._starts()
        try:
            wrong = [start for start in starts if self._difference(start, "exact")]
        except (FFmpegError, LookupError) as error:
            return Check(name, "differs", unwrapped(error))
        if wrong:
            return Check(name, "differs", f"{len(wrong)} of {len(starts)}, the first at sample {wrong[0]}")
        return Check(name, "ok", plural(len(starts), "window"))

    def check_seeks(self) -> Check:
        """Read the same windows in approximate mode, whose decoder starts near them."""
        name = "audio windows after a seek"
        starts = self._starts()
        try:
            largest = max((self._difference(start, "approximate") for start in starts), default=0.0)
        except (FFmpegError, LookupError) as error:
            return Check(name, "differs", unwrapped(error))
        if largest:
            detail = f"they differ by up to {largest:.1g} of full scale; exact mode does not"
            return Check(name, "note", detail)
        return Check(name, "ok", plural(len(starts), "window"))

    def check_command(self) -> Check:
        """Compare with the samples of the ffmpeg command, which leaves gaps out."""
        command = Command.find()
        if command is None:
            return Check("audio by the ffmpeg command", "skipped", "there is no ffmpeg on PATH")
        name = f"audio by the ffmpeg command {command.version}"
        done = command.run(self.source, self.stream, "-c:a", "pcm_f32le", "-f", "md5", "-")
        if not done.stdout.startswith("MD5="):
            return Check(name, "skipped", f"it does not read the stream: {unwrapped(done.stderr)}")
        digest, count = hashlib.md5(usedforsecurity=False), 0
        try:
            with AudioDecoder(self.source, stream_index=self.stream, gaps="skip") as decoder:
                for chunk in decoder.chunks(SECONDS_PER_CHUNK):
                    digest.update(chunk.data.T.contiguous().numpy().data)
                    count += chunk.data.shape[1]
        except FFmpegError as error:
            return Check(name, "skipped", f"the stream is damaged: {unwrapped(error)}")
        if digest.hexdigest() != done.stdout.strip().removeprefix("MD5="):
            detail = (
                f"the {plural(count, 'sample')} without gaps are not the command's (the command loses a few "
                "samples where a stream changes its sample rate)"
            )
            return Check(name, "differs", detail)
        return Check(name, "ok", plural(count, "sample"))

    def _open(self, **options: Any) -> AudioDecoder:
        """Return a fresh decoder of the stream."""
        options = {"stream_index": getattr(self, "stream", None), **options}
        return AudioDecoder(self.source, on_error="mask", **options)

    def _starts(self) -> list[int]:
        """Return the first samples of the windows, among them the first and the last place."""
        last = max(self.whole.shape[1] - self._window, 0)
        return sorted({0, last, *(self.dice.randint(0, last) for _ in range(WINDOWS - 2))})

    @property
    def _window(self) -> int:
        """The samples of a window."""
        return max(int((self.rate or 1) * SECONDS_PER_WINDOW), 1)

    def _difference(self, start: int, seek_mode: str) -> float:
        """Return the largest difference of a window from the whole; infinity for another length."""
        window = slice(start, start + self._window)
        with self._open(seek_mode=seek_mode) as decoder:
            found = decoder[window]
        wanted = self.whole[:, window]
        if found.shape != wanted.shape:
            return float("inf")
        return float((found - wanted).abs().max()) if wanted.numel() else 0.0
