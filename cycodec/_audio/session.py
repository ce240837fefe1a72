"""An open audio stream: source, reader and metadata, kept together through forks.

All samples come from `AudioSession.read`. The public decoders translate keys and times into its
positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.limits import check_result
from cycodec._shared.session_base import Session
from cycodec._shared.sources import AnySource
from cycodec.core.audio.sample_blocks import pack_rows
from cycodec.core.audio.sample_reader import SampleReader
from cycodec.core.audio.wav import NotPlainWav, WavReader
from cycodec.core.error import InvalidDataError
from cycodec.core.io.access import Access
from cycodec.core.io.source import IOContext

if TYPE_CHECKING:
    from torch import Tensor

    from cycodec.core.io.local_file import Identity

# One allocation holds at most so many samples of all channels, whatever length the header promises.
LARGEST_PART = 1 << 27
# Where the header promised too few samples, further parts grow to so many samples of all channels.
LARGEST_STEP = 1 << 22
# A window of up to so many samples is allocated in one piece, even if the header promises fewer.
WINDOW = 1 << 21
# A window that begins before this position is decoded from the start, which takes less time than
# making an index.
NEAR_START = 1 << 16
# The time of a sample, multiplied by the sample rate, may be this much below the sample's number.
ROUNDING = 1e-6
# No stream has so many samples. Positions beyond are cut to it, so that arithmetic on them is safe.
FARTHEST = 1 << 50


@dataclass(frozen=True)
class AudioOptions:
    """The arguments of a decoder apart from its source: enough to open the stream again.

    Attributes
    ----------
    stream_index : int or None
        Number of the stream in the container; None is FFmpeg's best audio stream.
    sample_rate, num_channels : int or None
        Of the output; None is the stream's own.
    exact : bool
        True to only ever decode from the start.
    wav_only : bool
        True to refuse sources that are no WAV files of plain PCM.
    fill_gaps : bool
        True to fill holes in the timestamps with silence.
    mask_damage : bool
        True to return silence where the stream is damaged; False to raise.
    access : Access
        What opening the source may reach.
    max_result_bytes : int
        The largest number of bytes of one result.
    """

    stream_index: int | None
    sample_rate: int | None
    num_channels: int | None
    exact: bool
    wav_only: bool = False
    fill_gaps: bool = True
    mask_damage: bool = False
    access: Access = field(default_factory=Access)
    max_result_bytes: int = (1 << 63) - 1


class AudioSession(Session):
    """An open audio stream.

    Parameters
    ----------
    source : Source or IOContext
    options : AudioOptions
    identity : tuple, optional
        The ``IOContext.identity`` that the source must have.

    Attributes
    ----------
    begin_seconds : float
        Time of sample 0 on the stream's own timeline.
    sample_rate, num_channels : int
        Of the output.
    header : dict
        What the container says about the stream; empty for plain WAV files.
    """

    reader: WavReader | SampleReader

    def __init__(self, source: AnySource, options: AudioOptions, identity: Identity | None = None) -> None:
        super().__init__(source, options.access)
        self.options = options
        with self._opening():
            self.io.check_identity(identity)
            self._reopen()

    def _reopen(self) -> None:
        options = self.options
        output = {"sample_rate": options.sample_rate or 0, "num_channels": options.num_channels or 0}
        self.stream_index = 0
        self.header: dict[str, Any] = {}
        wav = None
        # FFmpeg checks and uses the user's options
        if options.stream_index in (None, 0) and not options.access.options:
            wav = open_wav(self.io, output, options.wav_only)
        if wav is not None:
            self.reader = wav
        else:
            reader = SampleReader(
                self.io.again, options.stream_index, options.exact, options.fill_gaps, **output
            )
            self.header = reader.header
            self.stream_index = reader.decoder.stream_index
            self.reader = reader
        self._holes: list[tuple[int, int]] | None = [] if wav is not None else None
        self.begin_seconds = self.reader.begin_seconds()
        self.sample_rate = self.reader.sample_rate
        self.num_channels = self.reader.num_channels
        self._native_rate = int(self.reader.format_info()["sample_rate"])
        self._opened()

    def check_open(self) -> None:
        """Raise ClosedError if the session is closed."""
        self._acquire()
        self._release()

    def describe(self) -> dict[str, Any]:
        """Return what the header and the first frame say; the padding once the end was reached."""
        with self._use():
            known = {**self.header, **self.reader.format_info()}
            return {**known, "begin_seconds": self.begin_seconds}

    def count(self) -> int:
        """Return the number of samples of the stream."""
        with self._use():
            if self.reader.total < 0:
                with self._question():
                    self.reader.learn()
                    self.reader.count(self.reader.near_end())
            return self.reader.total

    @contextmanager
    def _question(self) -> Iterator[None]:
        """Let the next window go on where the last one ended; the block may move the decoder."""
        place = self.reader.place()
        try:
            yield
        finally:
            self.reader.resume_at(place)

    def read(self, start: int, stop: int | None) -> Tensor:
        """Samples [start, stop) as float32 ``[num_channels, n]``, fewer at the end of the stream.

        None for `stop` reads up to the end. Damage raises InvalidDataError unless it is masked.
        """
        start = min(start, FARTHEST)
        stop = stop if stop is None else min(stop, FARTHEST)
        with self._use():
            samples = self._read(start, stop)
            if isinstance(self.reader, SampleReader):
                self._settle(self.reader)
            if not self.options.mask_damage:
                self._refuse_damage(start, samples.shape[1])
            return samples

    def _settle(self, reader: SampleReader) -> None:
        """Reopen the source and raise the exception that FFmpeg passed over, if there is one."""
        try:
            reader.settle()
        except BaseException:
            self._reopen()
            raise

    def _read(self, start: int, stop: int | None) -> Tensor:
        reader = self.reader
        total = reader.total
        if start > NEAR_START and reader.needs_index() and not reader.continues_to(start):
            reader.learn()
        if total >= 0:
            stop = total if stop is None else min(stop, total)
        if stop is not None and stop <= start:
            return torch_adapter.empty((self.num_channels, 0), "float32")
        if total >= 0:
            assert stop is not None
            self._check_count(stop - start)
            return self._read_part(start, stop - start)
        return self._read_growing(start, stop)

    def _read_part(self, start: int, count: int) -> Tensor:
        """Read `count` samples into one allocation."""
        data = torch_adapter.empty((self.num_channels, count), "float32")
        got = self.reader.read_into(start, start + count, torch_adapter.pointer(data), count)
        if got == count:
            return data
        pack_rows(torch_adapter.pointer(data), self.num_channels, count, got)
        part = data.view(-1)[: self.num_channels * got].view(self.num_channels, got)
        # a tensor that is much smaller than its memory must not keep it alive
        return part if got > count // 2 else part.clone()

    def _check_count(self, count: int) -> None:
        """Raise LimitError if so many samples of each channel are more than one result may hold."""
        check_result(4 * self.num_channels * count, self.options.max_result_bytes, self.name)

    def _read_growing(self, start: int, stop: int | None) -> Tensor:
        """Read in parts that grow, because the header's length may be wrong or missing."""
        parts = []
        promised = (self.header.get("duration_seconds_from_header") or 0.0) * self.sample_rate
        size = max(math.ceil(promised) - start, 0) + self.sample_rate // 4 + 8192
        most = self.options.max_result_bytes // (4 * self.num_channels)
        read = 0
        if stop is not None:
            size = max(size, WINDOW)
        while True:
            size = min(size, LARGEST_PART // self.num_channels)
            if stop is not None:
                size = min(size, stop - start)
            # one sample more than the limit shows that there are too many
            size = min(size, most - read + 1)
            parts.append(self._read_part(start, size))
            got = parts[-1].shape[1]
            start += got
            read += got
            self._check_count(read)
            if got < size or start == stop:
                return parts[0] if len(parts) == 1 else self._join(parts, read)
            size = min(2 * size, LARGEST_STEP // self.num_channels)

    def _join(self, parts: list[Tensor], count: int) -> Tensor:
        """Join parts into one tensor of `count` samples, and free each one as soon as possible.

        Memory that was not written to yet costs nothing, so that the peak is the result and the
        largest part.
        """
        data = torch_adapter.empty((self.num_channels, count), "float32")
        end = count
        while parts:
            part = parts.pop()
            data[:, end - part.shape[1] : end] = part
            end -= part.shape[1]
        return data

    # -- damage ----------------------------------------------------------------------------------

    def _damage(self, start: int, count: int) -> list[tuple[int, int]]:
        """Return the damaged parts of samples [start, start + count), as far as they were read.

        A part of no length is a place where samples are missing.
        """
        reader = self.reader
        if not isinstance(reader, SampleReader):
            return []
        found = []
        for first, stop in reader.damage:
            low = max(self._to_output(first), start)
            high = min(self._to_output(stop), start + count)
            if low < high or start < low == high < start + count:
                found.append((low, high))
        return sorted(found)

    def _refuse_damage(self, start: int, count: int) -> None:
        found = self._damage(start, count)
        if found:
            low, high = found[0]
            holes = self._passed_holes()
            begin = self._seconds_at(low, holes)
            end = begin + (high - low) / self.sample_rate
            if low == high:
                begin -= sum(length for position, length in holes if position == low) / self.sample_rate
            raise InvalidDataError(
                f"{self.name}: the audio from {begin:.6g} s to {end:.6g} s "
                'is damaged and cannot be decoded (on_error="mask" returns silence there, and says where)',
                source=self.name,
                operation="decode",
            )

    def validity(self, start: int, count: int) -> Tensor:
        """bool ``[count]``: False for damaged samples. They must have been read just before."""
        valid = np.ones(count, np.bool_)
        for low, high in self._damage(start, count):
            valid[low - start : high - start] = False
        return torch_adapter.from_numpy(valid)

    # -- time ------------------------------------------------------------------------------------

    def _to_output(self, position: int) -> int:
        """Return a position of the decoder's own rate as one of the output's."""
        rate = self._native_rate
        return (2 * position * self.sample_rate + rate) // (2 * rate)

    def holes(self) -> list[tuple[int, int]]:
        """Return the holes in the timestamps as (position, samples) of the output."""
        if self._holes is None:
            with self._use():
                reader = self.reader
                assert isinstance(reader, SampleReader)
                with self._question():
                    reader.learn()
                    known = reader.known_holes()
                self._holes = self._holes_of_output(known)
        return self._holes

    def _passed_holes(self) -> list[tuple[int, int]]:
        """Return the holes that are known without reading on."""
        reader = self.reader
        if self._holes is not None or not isinstance(reader, SampleReader):
            return self._holes or []
        return self._holes_of_output(reader.passed_holes())

    def _holes_of_output(self, known: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [
            (self._to_output(start), self._to_output(start + count) - self._to_output(start))
            for start, count in known
        ]

    def gaps(self) -> list[tuple[float, float]]:
        """Return the holes as (start_seconds, stop_seconds)."""
        found = []
        passed = 0
        for start, count in self.holes():
            begin = self.begin_seconds + (start + passed) / self.sample_rate
            found.append((begin, begin + count / self.sample_rate))
            passed += 0 if self.options.fill_gaps else count
        return found

    def position_at(self, seconds: float, down: bool = False) -> int:
        """Position of the sample nearest to a time; it may be outside the stream.

        `down` takes the sample that is played at the time.
        """
        place = (seconds - self.begin_seconds) * self.sample_rate
        place = min(max(place, -float(FARTHEST)), float(FARTHEST))
        position = math.floor(place + ROUNDING) if down else round(place)
        if not self.options.fill_gaps:
            for start, count in self.holes():
                if position <= start:
                    break
                position -= min(count, position - start)
        return position

    def seconds_at(self, position: int) -> float:
        """Time of a sample on the stream's own timeline."""
        return self._seconds_at(position, [] if self.options.fill_gaps else self.holes())

    def _seconds_at(self, position: int, holes: list[tuple[int, int]]) -> float:
        skipped = 0
        if not self.options.fill_gaps:
            skipped = sum(count for start, count in holes if start <= position)
        return self.begin_seconds + (position + skipped) / self.sample_rate


def open_wav(io: IOContext, output: dict[str, int], must: bool) -> WavReader | None:
    """Return the reader of a source that is a WAV file of plain PCM.

    Other sources give None, or raise NotPlainWav if `must`. A URL is tried only then.
    """
    if not must and not io.may_be_wav():
        return None  # cheaper than an exception
    try:
        return WavReader(io.again(), **output)
    except NotPlainWav:
        if must:
            raise
    return None
