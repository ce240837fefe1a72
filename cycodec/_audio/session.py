"""An open audio stream: source, reader and metadata, kept together through forks.

`AudioSession.read` is the only way to samples. AudioDecoder puts NumPy's and the clock's language in front of
it.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cycodec._shared import torch_adapter
from cycodec._shared.metadata import AudioStreamMetadata, make_metadata
from cycodec._shared.session_base import Session
from cycodec._shared.sources import is_file_like, open_source
from cycodec.core.audio.sample_blocks import pack_rows
from cycodec.core.audio.sample_reader import SampleReader
from cycodec.core.audio.wav import NotPlainWav, WavReader
from cycodec.core.container.demux import Demuxer

if TYPE_CHECKING:
    from torch import Tensor

# What is allocated at once, in samples of all channels, however long the header says that the stream is.
LARGEST_PART = 1 << 27
# A window of so many samples is allocated at once, although the header may say that they are not there.
WINDOW = 1 << 21
# A window that begins before this is decoded from the start rather than sought for: an index costs more.
NEAR_START = 1 << 16


@dataclass(frozen=True)
class AudioOptions:
    """What a session was opened with, apart from the source; enough to open it again."""

    stream_index: int | None
    sample_rate: int | None
    num_channels: int | None
    exact: bool
    wav_only: bool = False


class AudioSession(Session):
    """See the module's docstring.

    Parameters
    ----------
    source
        Path or URL, bytes, 1-D uint8 tensor or file-like.
    options : AudioOptions
    """

    reader: WavReader | SampleReader

    def __init__(self, source: Any, options: AudioOptions) -> None:
        super().__init__(source)
        self.options = options
        self._reopen()

    def _reopen(self) -> None:
        options = self.options
        output = {"sample_rate": options.sample_rate or 0, "num_channels": options.num_channels or 0}
        self.stream_index = 0
        self.header: dict[str, Any] = {}
        wav = open_wav(self.source, output, options.wav_only) if options.stream_index in (None, 0) else None
        if wav is not None:
            self.reader = wav
        else:
            opener = partial(open_demuxer, self.source, options.stream_index)
            demuxer, self.stream_index = opener()
            self.header = demuxer.stream_info(self.stream_index)
            self.reader = SampleReader(demuxer, self.stream_index, opener, options.exact, **output)
        self.name = self.reader.source
        self.begin_seconds = self.reader.begin_seconds()
        self.sample_rate = self.reader.sample_rate
        self.num_channels = self.reader.num_channels
        self._opened()

    def metadata(self) -> AudioStreamMetadata:
        """From the header and the first frame; padding once the end was reached."""
        self._acquire()
        try:
            return make_metadata(AudioStreamMetadata, {**self.header, **self.reader.format_info()})
        finally:
            self._release()

    def count(self) -> int:
        """How many samples there are."""
        self._acquire()
        try:
            if self.reader.total < 0:
                self.reader.learn()
                self.reader.count(self.reader.end_hint())
            return self.reader.total
        finally:
            self._release()

    def read(self, start: int, stop: int | None) -> Tensor:
        """Samples [start, stop) as float32 ``[num_channels, n]``; fewer at the end; None is the end."""
        self._acquire()
        try:
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
                return self._read_part(start, stop - start)
            return self._read_growing(start, stop)
        finally:
            self._release()

    def _read_part(self, start: int, count: int) -> Tensor:
        data = torch_adapter.empty((self.num_channels, count), "float32")
        got = self.reader.read_into(start, start + count, torch_adapter.pointer(data), count)
        if got == count:
            return data
        pack_rows(torch_adapter.pointer(data), self.num_channels, count, got)
        part = data.view(-1)[: self.num_channels * got].view(self.num_channels, got)
        # what is much smaller than its memory does not hold on to it
        return part if got > count // 2 else part.clone()

    def _read_growing(self, start: int, stop: int | None) -> Tensor:
        """For streams whose length is only known from the header, which may be wrong, or not at all."""
        parts = []
        promised = (self.header.get("duration_seconds_from_header") or 0.0) * self.sample_rate
        size = max(math.ceil(promised) - start, 0) + self.sample_rate // 4 + 8192
        if stop is not None:
            size = max(size, WINDOW)
        while True:
            size = min(size, LARGEST_PART // self.num_channels)
            if stop is not None:
                size = min(size, stop - start)
            parts.append(self._read_part(start, size))
            got = parts[-1].shape[1]
            start += got
            if got < size or start == stop:
                return parts[0] if len(parts) == 1 else torch_adapter.concatenate(parts, 1)
            size *= 2

    def position_at(self, seconds: float) -> int:
        """Number of the sample nearest to a time; it may be outside the stream."""
        return round((seconds - self.begin_seconds) * self.sample_rate)

    def seconds_at(self, position: int) -> float:
        """Time of a sample on the stream's own timeline."""
        return self.begin_seconds + position / self.sample_rate


def open_demuxer(source: Any, stream_index: int | None) -> tuple[Demuxer, int]:
    """A demuxer of which nothing was read yet, and the number of the stream chosen."""
    demuxer = Demuxer(open_source(source))
    return demuxer, demuxer.select_audio(stream_index)


def open_wav(source: Any, output: dict[str, int], must: bool) -> WavReader | None:
    """The reader of a source that is a WAV file of plain PCM; None where FFmpeg has to read it.

    With `must`, NotPlainWav instead of None.
    """
    origin: Any
    if torch_adapter.is_tensor(source):
        origin, name = torch_adapter.as_buffer(source), f"<tensor of {source.numel()} bytes>"
    elif isinstance(source, (str, os.PathLike)):
        origin = os.fspath(source)
        name = origin = os.fsdecode(origin)
    elif is_file_like(source):
        if (
            not callable(getattr(source, "seek", None))
            or isinstance(source, io.TextIOBase)
            or getattr(source, "closed", False) is True
        ):
            open_source(source)  # raises what is wrong with it
        origin, name = source, ""
    elif isinstance(source, (bytes, bytearray, memoryview)):
        origin, name = source, f"<{len(source)} bytes>"
        if source[8:12] != b"WAVE" and not must:
            return None
    else:
        origin, name = source, f"<{type(source).__name__}>"
    try:
        return WavReader(
            origin, name or f"<{type(source).__name__} {getattr(source, 'name', '')!r}>", **output
        )
    except NotPlainWav:
        if must:
            raise
    except (OSError, ValueError, TypeError):
        if is_file_like(source):
            raise
        open_source(source)  # raises what is wrong with it, in our words
        if must:
            raise
    return None
