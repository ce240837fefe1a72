"""Images for the command line: what their headers say, and their contact sheets."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import numpy as np
from PIL import Image

from cycodec._cli.contact_sheet import NUM_TILES, Layout, Tile, contact_sheet, default_columns
from cycodec._cli.text import clock, file_size, joined, name_of, plural, seconds_text
from cycodec._image.formats import format_of
from cycodec.images import ImageMetadata, decode_animation, get_image_metadata

__all__ = ["describe_image", "draw_image_sheet", "image_rows", "is_image"]

HEAD = 64  # bytes that tell the format
CHANNELS = {1: "gray", 2: "gray and alpha", 3: "RGB", 4: "RGB and alpha"}


def is_image(source: str) -> bool:
    """Return True for a local file that is an image by its first bytes."""
    if not os.path.isfile(source):
        return False
    try:
        with open(source, "rb") as file:
            return format_of(file.read(HEAD)) is not None
    except OSError:
        return False  # the error is that of reading the file in earnest


def describe_image(source: str) -> dict[str, Any]:
    """Return ``source``, ``size_bytes`` and ``image``, the fields of ImageMetadata.

    ``exif`` is the number of bytes of the Exif block.

    Raises
    ------
    FFmpegError
        The image is damaged.
    """
    fields = asdict(get_image_metadata(source))
    fields["exif"] = len(fields["exif"])
    return {"source": source, "size_bytes": os.path.getsize(source), "image": fields}


def facts_of(image: dict[str, Any]) -> list[str | None]:
    """Return the facts of an image as texts."""
    kind = CHANNELS[image["num_channels"]]
    if image["format"] == "JPEG" and image["num_channels"] == 4:
        kind = "CMYK"
    return [
        image["format"],
        f"{image['width']} x {image['height']}",
        kind,
        f"{image['bit_depth']} bits",
    ]


def image_rows(description: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a description by `describe_image` as rows of a label and a text."""
    image = description["image"]
    rows = [
        ("file", file_size(description["size_bytes"])),
        (
            "image",
            joined(
                [
                    *facts_of(image),
                    f"Exif orientation {image['orientation']}" if image["orientation"] > 1 else None,
                    f"Exif of {file_size(image['exif'])}" if image["exif"] else None,
                ]
            ),
        ),
    ]
    if image["num_frames"] > 1:
        plays = image["num_plays"]
        times = "shown for ever" if not plays else f"shown {plural(plays, 'time')}"
        length = seconds_text(image["duration_seconds"]) if image["duration_seconds"] else None
        rows.append(("animation", joined([plural(image["num_frames"], "frame"), length, times])))
    return rows


def draw_image_sheet(
    source: str, columns: int | None = None, rows: int | None = None, width: int = 1600
) -> Image.Image:
    """Return the contact sheet of an image: of an animation, frames at equal distances.

    Raises
    ------
    FFmpegError
        The image is damaged.
    """
    metadata: ImageMetadata = get_image_metadata(source)
    size = (metadata.width, metadata.height)
    per_row = columns or default_columns(size)
    batch = decode_animation(source)
    count = min(len(batch), per_row * (rows or -(-NUM_TILES // per_row)))
    numbers = [(2 * i + 1) * len(batch) // (2 * count) for i in range(count)]
    layout = Layout.plan(size, count, columns, width)
    tiles = []
    for number in numbers:
        pixels = np.ascontiguousarray(batch.data[number].permute(1, 2, 0).numpy())
        picture = Image.fromarray(pixels).resize(layout.tile, Image.Resampling.LANCZOS)
        tiles.append(Tile(picture, clock(batch.pts_seconds[number].item()), f"#{number}"))
    facts = [*facts_of(asdict(metadata)), plural(len(batch), "frame") if len(batch) > 1 else None]
    text = "  \u00b7  ".join(fact for fact in facts if fact)
    return contact_sheet(tiles, layout, name_of(source), text)
