"""What the commands that write media share: options of encoders, and readers of pictures."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from PIL import Image
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cycodec._cli.commands.common import stderr

if TYPE_CHECKING:
    from cycodec.decoders import AudioDecoder
    from cycodec.encoders import AudioStream, Encoder

__all__ = [
    "encoder_options",
    "encoding_progress",
    "output_option",
    "pictures",
    "raw_frames",
    "read_picture",
    "stream_options",
]

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic", ".heif", ".bmp", ".tif", ".tiff",
)  # fmt: skip


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the file to write."""
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="File to write; its extension names the container.",
    )(command)


def encoder_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose the encoder and how it encodes."""
    for option in (
        click.option("--codec", metavar="NAME", help="Encoder or codec; default: the container's."),
        click.option("--crf", type=float, metavar="N", help="Constant quality."),
        click.option("--preset", metavar="NAME", help="Preset of the encoder."),
        click.option("--bit-rate", type=int, metavar="N", help="Bits a second."),
        click.option("--gop", type=int, metavar="N", help="The most frames between key frames."),
        click.option("--pixel-format", metavar="NAME", help="Pixel format; default: the encoder's first."),
        click.option(
            "--threads", type=int, metavar="N", help="Threads of the encoder; default: FFmpeg decides."
        ),
        click.option(
            "--option",
            "extra",
            multiple=True,
            metavar="KEY=VALUE",
            help="Any other option of FFmpeg; may be repeated.",
        ),
        click.option("--faststart", is_flag=True, help="Move the index of an MP4 file to its beginning."),
    ):
        command = option(command)
    return command


def stream_options(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `Encoder.add_video` from the options of a command."""
    names = ("codec", "crf", "preset", "bit_rate", "gop", "pixel_format", "threads")
    extra = {}
    for text in chosen["extra"]:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise click.UsageError(f"--option {text!r} is not KEY=VALUE")
        extra[key] = value
    return {**{name: chosen[name] for name in names}, "extra_options": extra or None}


def sound_stream(encoder: Encoder, sound: AudioDecoder) -> AudioStream:
    """Add an audio stream for the samples of a decoder.

    Raises
    ------
    ValueError
        The source does not say its sample rate or number of channels.
    """
    rate, channels = sound.metadata.sample_rate, sound.metadata.num_channels
    if rate is None or channels is None:
        raise ValueError("the audio has no sample rate or no channels")
    return encoder.add_audio(sample_rate=rate, num_channels=channels)


@contextmanager
def encoding_progress(label: str, total: int | None, encoder: Encoder) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with fps and the time left. The block gets what advances it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    begin = time.monotonic()
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total, fps=0.0)

        def advance(count: int) -> None:
            done = encoder.stats().frames_in
            bar.update(task, advance=count, fps=done / max(time.monotonic() - begin, 1e-9))

        yield advance


def pictures(names: tuple[str, ...]) -> list[Path]:
    """Return the picture files that folders, glob patterns and names mean, sorted within each.

    Raises
    ------
    FileNotFoundError
        One of them means no picture.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            here = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        elif path.exists():
            here = [path]
        else:
            here = sorted(Path(p) for p in glob.glob(name))
        if not here:
            what = "the folder has no pictures" if path.is_dir() else "there is no such file"
            raise FileNotFoundError(f"{name}: {what} (give a folder, a pattern such as 'x/*.png', or files)")
        found += here
    return found


def read_picture(path: Path) -> np.ndarray:
    """Return a picture as an array [C, H, W] of uint8 or uint16.

    Raises
    ------
    ValueError
        It cannot be read: by cycodec, or by Pillow if cycodec does not know the format.
    """
    from cycodec._cli.image_files import is_image

    if is_image(str(path)):
        return _read_image(path)
    try:
        with Image.open(path) as file:
            image: Image.Image = file
            if image.mode in ("I;16", "I"):
                return np.asarray(image).astype(np.uint16)[None]
            if image.mode not in ("L", "RGB", "RGBA"):
                image = image.convert("RGBA" if "transparency" in image.info or "A" in image.mode else "RGB")
            array = np.asarray(image)
    except OSError as error:
        raise ValueError(f"{path}: cannot read the picture: {error}") from error
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _read_image(path: Path) -> np.ndarray:
    """Return an image of a format that cycodec decodes; of an animation, the first frame."""
    from cycodec.images import decode_image, get_image_metadata

    try:
        # videos have gray, RGB, or RGB and alpha
        channels = get_image_metadata(path)
        is_cmyk = channels.format == "JPEG" and channels.num_channels == 4
        mode = "RGB" if is_cmyk else ("GRAY", "RGBA", "RGB", "RGBA")[channels.num_channels - 1]
        image = decode_image(path, mode=mode, output_dtype="auto")
    except RuntimeError as error:
        raise ValueError(f"{path}: cannot read the picture: {error}") from error
    return (image if image.ndim == 3 else image[0]).numpy()


def raw_frames(path: str, width: int, height: int, channels: int) -> Iterator[np.ndarray]:
    """Yield the frames of a file of raw uint8 pixels, packed, as arrays [C, H, W].

    Raises
    ------
    ValueError
        The file does not hold whole frames.
    """
    size = width * height * channels
    total = os.path.getsize(path)
    if total == 0 or total % size:
        raise ValueError(
            f"{path}: {total} bytes are no whole frames of {width}x{height}x{channels} (check --size)"
        )
    with open(path, "rb") as file:
        while block := file.read(size):
            yield (
                np.frombuffer(bytearray(block), np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
            )
