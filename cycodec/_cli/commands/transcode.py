"""``cycodec transcode``: decode, resize and encode a video again."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from cycodec._cli.commands.common import (
    FRAMES_PER_CALL,
    examples,
    naming,
    print_columns,
    refuse_to_overwrite,
    with_stream,
    with_traceback,
)
from cycodec._cli.commands.encoding import (
    encoder_options,
    encoding_progress,
    output_option,
    sound_stream,
    stream_options,
)
from cycodec._cli.parameter_types import Size, SourceFile

if TYPE_CHECKING:
    from cycodec.decoders import AudioDecoder
    from cycodec.encoders import AudioStream

__all__ = ["transcode"]

SAMPLES_PER_CALL = 1 << 20
# The largest part of a frame rate: MPEG-4 stores 16 bits.
LARGEST_TERM = 65535


@click.command(
    short_help="Decode, resize and encode again.",
    epilog=examples(
        "cycodec transcode clip.mov -o clip.mp4",
        "cycodec transcode clip.mp4 --size 640x360 --codec libx265 --crf 24 -o small.mp4",
        "cycodec transcode clip.mkv --no-audio -o silent.webm",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@output_option
@click.option("--size", type=Size(), metavar="WxH", help="Size of the new frames.")
@click.option("--no-audio", is_flag=True, help="Leave out the audio.")
@encoder_options
@with_stream
@with_traceback
def transcode(source: str, output: str, size: Any, no_audio: bool, stream: int | None, **chosen: Any) -> None:
    """Decode FILE and encode it again. Each frame keeps its time."""
    from cycodec.decoders import VideoDecoder
    from cycodec.encoders import Encoder
    from cycodec.transforms import Resize

    refuse_to_overwrite(output, [source])
    transforms = None if size is None else [Resize((size[1], size[0]))]
    with naming(source):
        decoder = VideoDecoder(source, stream_index=stream, transforms=transforms)
    sound = None if no_audio else _sound(source)
    first = decoder.get_frame_at(0).data
    steps: Any = [] if decoder.index is None else np.diff(decoder.index.pts)
    variable = len(steps) > 0 and max(steps) - min(steps) > 1
    rate = _nearest_rate(decoder.metadata.average_fps or 30.0)
    encoder = Encoder()
    video = encoder.add_video(
        height=first.shape[1], width=first.shape[2], frame_rate=rate, **stream_options(chosen)
    )
    track = None
    if sound is not None:
        track = sound_stream(encoder, sound)
    with encoder.open_file(output, faststart=chosen["faststart"]):
        with encoding_progress("encoding", len(decoder), encoder) as advance:
            begin = decoder.get_frame_at(0).pts_seconds
            for start in range(0, len(decoder), FRAMES_PER_CALL):
                batch = decoder.get_frames_in_range(start, min(start + FRAMES_PER_CALL, len(decoder)))
                video.add_frames(batch.data, batch.pts_seconds - begin if variable else None)
                if sound is not None and track is not None:
                    _add_sound(sound, track, float(batch.pts_seconds[-1]), begin)
                advance(len(batch))
        if sound is not None and track is not None:
            _add_sound(sound, track, None, begin)
    print_columns(output, f"{encoder.stats().encoded} frames, {os.path.getsize(output)} bytes")


def _nearest_rate(frames_per_second: float) -> Fraction:
    """Return the nearest fraction that every encoder takes; 29.97003 is 30000/1001."""
    largest = int(LARGEST_TERM / max(frames_per_second, 1.0))
    return Fraction(frames_per_second).limit_denominator(max(largest, 1)) or Fraction(1, LARGEST_TERM)


def _sound(source: str) -> AudioDecoder | None:
    """Return a decoder of the best audio stream; None if there is none."""
    from cycodec import StreamNotFoundError
    from cycodec.decoders import AudioDecoder

    try:
        return AudioDecoder(source)
    except StreamNotFoundError:
        return None


def _add_sound(sound: AudioDecoder, track: AudioStream, stop: float | None, begin: float) -> None:
    """Add the samples up to an instant, from where the last call ended."""
    rate = sound.metadata.sample_rate or 1
    done = track.num_samples
    first = round(begin * rate)
    end = len(sound) if stop is None else min(round(stop * rate), len(sound))
    for start in range(first + done, end, SAMPLES_PER_CALL):
        track.add_samples(sound[start : min(start + SAMPLES_PER_CALL, end)])
