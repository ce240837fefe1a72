"""One file that is being written: its destination, muxer and encoders."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from cycodec._encode.destination import Destination
from cycodec._encode.settings import AudioSettings, VideoSettings
from cycodec.core.encode.audio import AudioStreamEncoder
from cycodec.core.encode.codecs import hardware_encoder
from cycodec.core.encode.video import VideoStreamEncoder
from cycodec.core.error import CudaUnavailableError, FFmpegValueError

__all__ = ["Output"]

# Containers that keep any tag. The MP4 family keeps MOV_TAGS, and needs an option for others.
KEEP_TAGS = (
    "matroska", "webm", "ogg", "oga", "ogv", "opus", "spx", "flac", "mp3", "wav", "avi", "flv", "nut", "asf", "aiff",
    "caf", "w64", "wv", "tta",
)  # fmt: skip
MOV_TAGS = (
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc", "encoder",
)  # fmt: skip
# Units of times of containers that let nobody choose them.
TICKS = {
    "matroska": Fraction(1, 1000),
    "webm": Fraction(1, 1000),
    "flv": Fraction(1, 1000),
    "gif": Fraction(1, 100),
}
# What lets an MP4 file be written to a destination that cannot seek, or be read while it grows.
FRAGMENTED = "+frag_keyframe+delay_moov+default_base_moof"


@dataclass(frozen=True)
class Counts:
    """What an encoder has counted. It stands for the encoder of a file that is done."""

    num_frames: int
    num_packets: int
    num_bytes: int
    failed: bool


class Output:
    """One file. Each stream is configured, fed and flushed; the last flush completes the file.

    Parameters
    ----------
    destination : Destination
    streams : sequence of VideoSettings or AudioSettings
        In the order in which the container has them.
    metadata : dict
        Tags of the container.
    faststart : bool
        True if the index of an MP4 file is moved to its beginning.
    """

    def __init__(
        self,
        destination: Destination,
        streams: Sequence[VideoSettings | AudioSettings],
        metadata: dict[str, str],
        faststart: bool = False,
    ) -> None:
        self.destination = destination
        self._lock = threading.Lock()
        self.discarded = False
        self.encoders: list[Any] = []
        self._muxer: Any = None
        try:
            self._muxer = destination.muxer()
            self._set_file_options(streams, metadata, faststart)
            self.encoders = [self._stream(settings) for settings in streams]
        except BaseException:
            destination.discard()
            raise
        self._undecided = {
            number for number, settings in enumerate(streams) if isinstance(settings, VideoSettings)
        }
        self._open = len(streams)
        if not self._undecided:
            self._guarded_start()

    def _guarded_start(self) -> None:
        try:
            self._muxer.start()
        except BaseException:
            self.discard()
            raise

    def _set_file_options(
        self, streams: Sequence[VideoSettings | AudioSettings], metadata: dict[str, str], faststart: bool
    ) -> None:
        muxer, name = self._muxer, self.destination.name
        if faststart and not muxer.is_mov:
            raise FFmpegValueError(
                f"{name}: faststart=True is for MP4 and its relatives, not for {muxer.format_name} (leave it out)"
            )
        if faststart:
            muxer.set_option("movflags", "+faststart")
        elif muxer.is_mov and not self.destination.can_seek:
            muxer.set_option("movflags", FRAGMENTED)
        if muxer.format_name == "image2":
            muxer.set_option("start_number", 0)
        if metadata and not muxer.is_mov and muxer.format_name not in KEEP_TAGS:
            raise FFmpegValueError(
                f"{name}: the container {muxer.format_name} keeps no metadata (leave it out, or choose mp4 or mkv)"
            )
        if muxer.is_mov and any(key not in MOV_TAGS for key in metadata):
            muxer.set_option("movflags", "+use_metadata_tags")
        for key, value in metadata.items():
            muxer.set_metadata(key, value)

    def _stream(self, settings: VideoSettings | AudioSettings) -> Any:
        if isinstance(settings, AudioSettings):
            s = settings
            return AudioStreamEncoder(
                self._muxer,
                s.in_rate,
                s.in_channels,
                s.out_rate,
                s.out_channels,
                s.bit_rate,
                s.codec,
                s.options,
            )
        if settings.codec is None and self.destination.codec is not None:
            settings = replace(settings, codec=self.destination.codec)
        if settings.codec is None and settings.device != "cpu":
            settings = replace(settings, codec=self._gpu_codec(settings))
        return VideoStreamEncoder(
            self._muxer,
            settings.width,
            settings.height,
            (settings.rate.numerator, settings.rate.denominator),
            settings.codec,
            settings.pixel_format,
            settings.options,
            settings.threads,
        )

    def _gpu_codec(self, settings: VideoSettings) -> str | None:
        """The graphics card's encoder for the container's default codec."""
        name = hardware_encoder(self._muxer.format_name, None, "_nvenc")
        if name is None and settings.device == "cuda":
            raise CudaUnavailableError(
                f"{self.destination.name}: no encoder of the graphics card (NVENC) opens here for "
                f"{self._muxer.format_name} (leave device= out to encode on the CPU)"
            )
        return name

    def tick(self, number: int) -> Fraction:
        """The container's unit of a stream's times in seconds; 0 if it is not known yet."""
        if self._muxer.started:
            return Fraction(*self.encoders[number].container_tick)
        return TICKS.get(self._muxer.format_name, Fraction(0))

    def decide(self, number: int, channels: int, depth: int, variable: bool) -> None:
        """Open a stream's encoder for what its first pictures are.

        The header is written once that is known of all streams.
        """
        with self._lock:
            if number in self._undecided:
                self.encoders[number].configure(channels, depth, variable)
                self._undecided.discard(number)
                if not self._undecided:
                    self._muxer.start()

    def flush(self, number: int) -> bool:
        """End a stream. The last one completes the file; True if it did."""
        self.encoders[number].flush()
        with self._lock:
            self._undecided.discard(number)
            self._open -= 1
            if self._open > 0:
                if not self._undecided:
                    self._muxer.start()
                return False
            if not any(encoder.num_packets for encoder in self.encoders):
                self.discard()
                return True
            self._muxer.start()
            self._muxer.finish()
            self.destination.commit()
            self._release()
            return True

    @property
    def is_complete(self) -> bool:
        """True once the file is complete and has appeared."""
        return self._open == 0 and not self.discarded

    def discard(self) -> None:
        """Leave nothing of the file."""
        self.discarded = True
        self.destination.discard()
        self._release()

    def _release(self) -> None:
        """Free the encoders and the muxer, and keep what they have counted."""
        self.encoders = [
            Counts(getattr(e, "num_frames", 0), e.num_packets, e.num_bytes, e.failed) for e in self.encoders
        ]
        self._muxer = None
