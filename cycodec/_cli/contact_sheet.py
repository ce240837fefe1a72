"""Draws contact sheets with Pillow: pictures of a video in a grid, each with its time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = ["Layout", "Tile", "contact_sheet", "display_size", "sample_numbers"]

PAPER, INK, GREY, LINE = "#ffffff", "#1c1c1e", "#77777c", "#d8d8dc"
NUM_TILES = 16  # about this many pictures by default
MAX_ENLARGEMENT = 2  # largest scale of a picture


@dataclass
class Tile:
    """A picture with its caption: the time on the left, a remark on the right."""

    picture: Image.Image
    time: str
    remark: str


@dataclass
class Layout:
    """The geometry of a sheet, in pixels."""

    columns: int
    rows: int
    tile: tuple[int, int]  # width and height of a picture
    margin: int
    gap: int
    title: int  # font size of the title
    text: int  # font size of everything else

    @staticmethod
    def plan(size: tuple[int, int], count: int, columns: int | None, width: int) -> Layout:
        """Return the layout for `count` pictures of (width, height) on a sheet of limited width."""
        if columns is None:  # keep the usual number of rows, and fill them evenly
            columns = math.ceil(count / math.ceil(count / default_columns(size)))
        columns = min(columns, count)
        title, text = max(18, width // 64), max(12, width // 100)
        margin, gap = 2 * text, text
        available = (width - 2 * margin - (columns - 1) * gap) // columns
        tile_width = max(1, min(available, MAX_ENLARGEMENT * size[0]))
        tile = (tile_width, max(1, round(tile_width * size[1] / size[0])))
        return Layout(columns, math.ceil(count / columns), tile, margin, gap, title, text)

    @property
    def row_height(self) -> int:
        """Height of a picture with its caption and the gap below."""
        return self.tile[1] + round(1.6 * self.text) + self.gap

    @property
    def head(self) -> int:
        """Height of the part above the pictures."""
        return self.margin + round(1.35 * self.title) + 2 * self.text + self.gap

    @property
    def grid_width(self) -> int:
        """Width of all columns with the gaps between them."""
        return self.columns * self.tile[0] + (self.columns - 1) * self.gap

    def origin(self, number: int) -> tuple[int, int]:
        """Return the upper left corner (x, y) of a tile by its number."""
        row, column = divmod(number, self.columns)
        return self.margin + column * (self.tile[0] + self.gap), self.head + row * self.row_height


def default_columns(size: tuple[int, int]) -> int:
    """Return the number of columns that gives a sheet a moderate aspect ratio: fewer for wide
    pictures.
    """
    aspect = size[0] / size[1]
    return 4 if aspect > 1.2 else 5 if aspect > 0.8 else 6


def display_size(
    width: int, height: int, pixel_aspect_ratio: float | Fraction | None, rotation: float | None
) -> tuple[int, int]:
    """Return the size (width, height) of a picture with square pixels, of the same height."""
    ratio = Fraction(pixel_aspect_ratio or 1)
    if ratio <= 0:
        return width, height
    if round((rotation or 0) / 90) % 2:  # the ratio belongs to the picture before rotation
        ratio = 1 / ratio
    return max(1, round(width * ratio)), height


def sample_numbers(decoder: VideoDecoder, count: int) -> list[int]:
    """Frame numbers at the middles of `count` equal parts of the playing time.

    A video with no more than `count` frames gives all of them.
    """
    if len(decoder) <= count:
        return list(range(len(decoder)))
    metadata = decoder.metadata
    begin, length = metadata.begin_stream_seconds, metadata.duration_seconds or 0.0
    index = decoder.index
    if index is None or not length:
        return [(2 * i + 1) * len(decoder) // (2 * count) for i in range(count)]
    return [index.index_at(begin + (i + 0.5) / count * length) for i in range(count)]


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size)


def fitted(draw: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    """Return the text, without its middle if it is wider than `width` pixels."""
    if draw.textlength(text, font(size)) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shortened = text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]
        if draw.textlength(shortened, font(size)) <= width:
            return shortened
    return ""


def contact_sheet(
    tiles: Sequence[Tile], layout: Layout, title: str, facts: str, *, min_width: int = 480
) -> Image.Image:
    """Draw the sheet.

    Parameters
    ----------
    tiles : sequence of Tile
        One or more pictures of one size. They are scaled to ``layout.tile``.
    layout : Layout
    title, facts : str
        The two lines at the head. They are shortened if they do not fit.
    min_width : int
        Smallest width of the sheet, so that the head fits above few small pictures.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    width = max(layout.grid_width + 2 * layout.margin, min_width)
    height = layout.head + layout.rows * layout.row_height - layout.gap + layout.margin
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    inner = width - 2 * layout.margin
    draw.text(
        (layout.margin, layout.margin), fitted(draw, title, inner, layout.title), INK, font(layout.title)
    )
    below = layout.margin + round(1.35 * layout.title)
    draw.text((layout.margin, below), fitted(draw, facts, inner, layout.text), GREY, font(layout.text))
    for number, tile in enumerate(tiles):
        x, y = layout.origin(number)
        right, bottom = x + layout.tile[0], y + layout.tile[1]
        sheet.paste(tile.picture.resize(layout.tile, Image.Resampling.LANCZOS), (x, y))
        draw.rectangle((x, y, right - 1, bottom - 1), outline=LINE)
        caption = bottom + round(0.35 * layout.text)
        draw.text((x, caption), tile.time, INK, font(layout.text))
        taken = draw.textlength(tile.time + "  ", font(layout.text))
        if taken + draw.textlength(tile.remark, font(layout.text)) <= layout.tile[0]:
            draw.text((right, caption), tile.remark, GREY, font(layout.text), anchor="ra")
    return sheet
