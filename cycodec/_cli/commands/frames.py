"""``cycodec frames``: exact frames as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from PIL import Image

from cycodec._cli.commands.common import (
    chunks,
    examples,
    opened,
    print_columns,
    progress,
    with_stream,
    with_traceback,
)
from cycodec._cli.parameter_types import Keys, Seconds, SourceFile
from cycodec._cli.text import stem

if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = ["frames"]

JPEG_QUALITY = 95


@click.command(
    short_help="Write exact frames as pictures.",
    epilog=examples(
        "cycodec frames clip.mp4 --at 1.5 --at 2 -o frames     the frames played at these seconds",
        "cycodec frames clip.mp4 --at 1:02.5 -o frames         minutes and seconds",
        "cycodec frames clip.mp4 --index 0:100:10 -o frames    every tenth of the first hundred",
        "cycodec frames clip.mp4 --index 7,9,-1 -o frames      three frames, with the last one",
        "cycodec frames clip.mp4 --index :: --format jpg -o frames",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@click.option(
    "--at",
    type=Seconds(),
    multiple=True,
    metavar="SECONDS",
    help="Frame played at this instant; may be repeated.",
)
@click.option(
    "--index",
    "keys",
    type=Keys(),
    multiple=True,
    metavar="INDEX",
    help="Frames by number or slice, as in NumPy, or several with commas; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder; default: FILE's name + -frames.",
)
@click.option(
    "--format", "suffix", type=click.Choice(["png", "jpg", "webp"]), default="png", show_default=True
)
@with_stream
@with_traceback
def frames(
    source: str,
    at: Sequence[float],
    keys: Sequence[Sequence[int | slice]],
    folder: Path | None,
    suffix: str,
    stream: int | None,
) -> None:
    """Write exact frames of FILE as pictures, named by frame number."""
    if not at and not keys:
        raise click.UsageError("no frames are chosen: give --at SECONDS or --index INDEX")
    folder = folder or Path(f"{stem(source)}-frames")
    with opened(source, stream) as decoder:
        numbers = _numbers(decoder, at, [key for group in keys for key in group])
        folder.mkdir(parents=True, exist_ok=True)
        with progress("writing", len(numbers)) as advance:
            for chunk in chunks(numbers):
                batch = decoder.get_frames_at(chunk)
                for number, picture, pts in zip(chunk, batch.data, batch.pts_seconds.tolist(), strict=True):
                    path = folder / f"{stem(source)}_{number:06d}.{suffix}"
                    Image.fromarray(picture.numpy()).save(path, quality=JPEG_QUALITY)
                    print_columns(str(path), f"frame {number}", f"{pts:.6f} s")
                    advance(1)


def _numbers(decoder: VideoDecoder, instants: Sequence[float], keys: list[int | slice]) -> list[int]:
    """Return the chosen frame numbers, each once and in order.

    Raises
    ------
    IndexError
        A frame or an instant is outside the video, or no frame is chosen.
    """
    index = decoder.index
    assert index is not None  # an exact decoder has one
    numbers = [index.index_at(seconds) for seconds in instants]
    for key in keys:
        numbers += range(len(decoder))[key] if isinstance(key, slice) else [_number(decoder, key)]
    if not numbers:
        raise IndexError("there is no frame in that range")
    return sorted(set(numbers))


def _number(decoder: VideoDecoder, key: int) -> int:
    """Return a frame number >= 0."""
    try:
        return range(len(decoder))[key]
    except IndexError:
        raise IndexError(f"there is no frame {key}; the stream has {len(decoder)} frames") from None
