"""``cycodec sheet``: a contact sheet of a video or an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from PIL import Image

from cycodec._cli.commands.common import (
    chunks,
    examples,
    naming,
    opened,
    print_columns,
    progress,
    refuse_to_overwrite,
    with_stream,
    with_traceback,
)
from cycodec._cli.contact_sheet import (
    NUM_TILES,
    Layout,
    Tile,
    contact_sheet,
    default_columns,
    display_size,
    sample_numbers,
)
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.text import clock, name_of, stem

if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = ["draw_sheet", "sheet"]


@click.command(
    short_help="Draw a contact sheet with times.",
    epilog=examples(
        "cycodec sheet clip.mp4 -o sheet.png",
        "cycodec sheet animation.webp -o sheet.png           an image: frames of an animation",
        "cycodec sheet clip.mp4 --columns 6 --rows 10 --width 2400 -o sheet.jpg",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="File to write; its suffix chooses the format. Default: FILE's name + -sheet.png.",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 100),
    metavar="N",
    help="Pictures per row; default: by the aspect ratio.",
)
@click.option(
    "--rows", type=click.IntRange(1, 1000), metavar="N", help="Rows; default: for about 16 pictures."
)
@click.option(
    "--width",
    type=click.IntRange(200, 20000),
    default=1600,
    show_default=True,
    help="Largest width in pixels.",
)
@with_stream
@with_traceback
def sheet(
    source: str, output: Path | None, columns: int | None, rows: int | None, width: int, stream: int | None
) -> None:
    """Draw a contact sheet: pictures spread over the playing time of FILE, each with its time."""
    output = output or Path(f"{stem(source)}-sheet.png")
    if output.suffix.lower() not in Image.registered_extensions():
        raise click.UsageError(
            f"{output}: the suffix names no picture format (give one such as .png or .jpg)"
        )
    refuse_to_overwrite(output, [source])
    from cycodec._cli.image_files import draw_image_sheet, is_image

    if is_image(source):
        with naming(source):
            picture = draw_image_sheet(source, columns, rows, width)
    else:
        with opened(source, stream) as decoder:
            picture = draw_sheet(decoder, source, columns=columns, rows=rows, width=width)
    output.parent.mkdir(parents=True, exist_ok=True)
    picture.save(output)
    print_columns(str(output), f"{picture.width} x {picture.height}")


def draw_sheet(
    decoder: VideoDecoder,
    source: str,
    *,
    columns: int | None = None,
    rows: int | None = None,
    width: int = 1600,
) -> Image.Image:
    """Return the contact sheet of an exact decoder with dimension_order="NHWC".

    Parameters
    ----------
    decoder : VideoDecoder
    source : str
        Path or URL, for the title.
    columns, rows : int, optional
        By default, as suits the aspect ratio, for about NUM_TILES pictures.
    width : int
        Largest width of the sheet, in pixels.

    Returns
    -------
    PIL.Image.Image
    """
    from cycodec._cli.describe import video_facts

    metadata = decoder.metadata
    assert metadata.width is not None
    assert metadata.height is not None
    size = display_size(metadata.width, metadata.height, metadata.pixel_aspect_ratio, metadata.rotation)
    per_row = columns or default_columns(size)
    numbers = sample_numbers(decoder, per_row * (rows or -(-NUM_TILES // per_row)))
    layout = Layout.plan(size, len(numbers), columns, width)
    tiles = []
    with progress("decoding", len(numbers)) as advance:
        for chunk in chunks(numbers):
            batch = decoder.get_frames_at(chunk)
            for number, frame, pts in zip(chunk, batch.data, batch.pts_seconds.tolist(), strict=True):
                # Scaling here keeps no more than one chunk of full frames in memory.
                picture = Image.fromarray(frame.numpy()).resize(layout.tile, Image.Resampling.LANCZOS)
                tiles.append(Tile(picture, clock(pts), f"#{number}"))
                advance(1)
    return contact_sheet(tiles, layout, name_of(source), video_facts(metadata))
