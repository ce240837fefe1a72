"""``cycodec encode``: pictures or raw frames to a video."""

from __future__ import annotations

import os
from typing import Any

import click

from cycodec._cli.commands.common import examples, print_columns, refuse_to_overwrite, with_traceback
from cycodec._cli.commands.encoding import (
    encoder_options,
    encoding_progress,
    output_option,
    pictures,
    raw_frames,
    read_picture,
    sound_stream,
    stream_options,
)
from cycodec._cli.parameter_types import Size

__all__ = ["encode"]

CHANNELS = {"gray": 1, "rgb24": 3, "rgba": 4}


@click.command(
    short_help="Encode pictures or raw frames.",
    epilog=examples(
        "cycodec encode frames -o clip.mp4                       all pictures of a folder, sorted by name",
        "cycodec encode 'frames/*.png' -o clip.mkv --rate 30000/1001 --codec libx265 --crf 20",
        "cycodec encode frames --audio speech.wav -o clip.mp4    with audio",
        "cycodec encode frames.rgb --size 1280x720 -o clip.mp4   raw RGB, row by row",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="PICTURE...")
@output_option
@click.option(
    "--rate", default="30", show_default=True, metavar="FPS", help="Frames a second, such as 30000/1001."
)
@click.option("--audio", metavar="FILE", help="Audio file to add.")
@click.option("--size", type=Size(), metavar="WxH", help="Size of raw frames; PICTURE is one file then.")
@click.option(
    "--raw", type=click.Choice(list(CHANNELS)), default="rgb24", show_default=True, help="Kind of raw frames."
)
@encoder_options
@with_traceback
def encode(
    sources: tuple[str, ...], output: str, rate: str, audio: str | None, size: Any, raw: str, **chosen: Any
) -> None:
    """Encode PICTUREs (folders, patterns, files, or raw frames) as a video."""
    from cycodec.decoders import AudioDecoder
    from cycodec.encoders import Encoder

    refuse_to_overwrite(output, sources if audio is None else (*sources, audio))
    if size is not None:
        if len(sources) != 1:
            raise click.UsageError("--size is for one file of raw frames")
        width, height = size
        total = os.path.getsize(sources[0]) // (width * height * CHANNELS[raw])
        frames = raw_frames(sources[0], width, height, CHANNELS[raw])
    else:
        paths = pictures(sources)
        refuse_to_overwrite(output, paths)
        total = len(paths)
        height, width = read_picture(paths[0]).shape[1:]
        frames = (read_picture(path) for path in paths)
    sound = None if audio is None else AudioDecoder(audio)
    encoder = Encoder()
    video = encoder.add_video(height=height, width=width, frame_rate=rate, **stream_options(chosen))
    if sound is not None:
        stream = sound_stream(encoder, sound)
    with encoder.open_file(output, faststart=chosen["faststart"]):
        with encoding_progress("encoding", total, encoder) as advance:
            for frame in frames:
                video.add_frames(frame)
                advance(1)
        if sound is not None:
            stream.add_samples(sound.get_all_samples().data)
    print_columns(output, f"{encoder.stats().encoded} frames, {os.path.getsize(output)} bytes")
