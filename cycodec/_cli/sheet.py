"""Contact sheets: pictures of a video in a grid, each with its time, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = ["Layout", "Tile", "contact_sheet", "display_size", "sample_positions"]

PAPER, INK, GREY, LINE = "#ffffff", "#1c1c1e", "#77777c", "#d8d8dc"
NUM_TILES = 16  # roughly, where the caller does not say
MAX_ENLARGEMENT = 2  # a picture is not blown up further than this


@dataclass
class Tile:
    """One picture with its caption: the time at the left, a remark at the right."""

    picture: Image.Image
    time: str
    remark: str


@dataclass
class Layout:
    """Where things are on a sheet, in pixels."""

    columns: int
    rows: int
    tile: tuple[int, int]
    margin: int
    gap: int
    title: int  # font sizes
    text: int

    @staticmethod
    def plan(size: tuple[int, int], count: int, columns: int | None, width: int) -> Layout:
        """The layout for `count` pictures of a size on a sheet at most `width` wide."""
        if columns is None:  # as many rows as usual, but filled evenly
            columns = math.ceil(count / math.ceil(count / default_columns(size)))
        columns = min(columns, count)
        title, text = max(18, width // 64), max(12, width // 100)
        margin, gap = 2 * text, text
        room = (width - 2 * margin - (columns - 1) * gap) // columns
        tile_width = max(1, min(room, MAX_ENLARGEMENT * size[0]))
        tile = (tile_width, max(1, round(tile_width * size[1] / size[0])))
        return Layout(columns, math.ceil(count / columns), tile, margin, gap, title, text)

    @property
    def row_height(self) -> int:
        return self.tile[1] + round(1.6 * self.text) + self.gap

    @property
    def head(self) -> int:
        return self.margin + round(1.35 * self.title) + 2 * self.text + self.gap

    @property
    def grid_width(self) -> int:
        return self.columns * self.tile[0] + (self.columns - 1) * self.gap

    def origin(self, position: int) -> tuple[int, int]:
        """Upper left corner of a tile."""
        row, column = divmod(position, self.columns)
        return self.margin + column * (self.tile[0] + self.gap), self.head + row * self.row_height


def default_columns(size: tuple[int, int]) -> int:
    """Fewer columns for wide pictures, so that a sheet is neither a tower nor a ribbon."""
    aspect = size[0] / size[1]
    return 4 if aspect > 1.2 else 5 if aspect > 0.8 else 6


def display_size(
    width: int, height: int, pixel_aspect_ratio: Fraction | None, rotation: float | None
) -> tuple[int, int]:
    """The size of a picture with square pixels; its own height is kept."""
    ratio = pixel_aspect_ratio or Fraction(1)
    if ratio <= 0:
        return width, height
    if round((rotation or 0) / 90) % 2:  # the ratio is that of the stored picture
        ratio = 1 / ratio
    return max(1, round(width * ratio)), height


def sample_positions(decoder: VideoDecoder, count: int) -> list[int]:
    """Frame numbers at the middles of `count` equal parts of the playing time; all if there are no more."""
    if len(decoder) <= count:
        return list(range(len(decoder)))
    metadata = decoder.metadata
    begin, length = metadata.begin_stream_seconds, metadata.duration_seconds or 0.0
    index = decoder.index
    if index is None or not length:
        return [(2 * i + 1) * len(decoder) // (2 * count) for i in range(count)]
    return [index.index_at(begin + (i + 0.5) / count * length) for i in range(count)]


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def fitted(draw: ImageDraw.ImageDraw, text: str, room: int, size: int) -> str:
    """The text, with its middle left out if it is wider than the room."""
    if draw.textlength(text, font(size)) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shortened = text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]
        if draw.textlength(shortened, font(size)) <= room:
            return shortened
    return ""


def contact_sheet(
    tiles: Sequence[Tile], layout: Layout, title: str, facts: str, *, min_width: int = 480
) -> Image.Image:
    """Draw the sheet.

    Parameters
    ----------
    tiles : sequence of Tile
        Pictures of one size and at least one; they are scaled to ``layout.tile``.
    layout : Layout
    title, facts : str
        The two lines at the head; shortened where they do not fit.
    min_width : int
        So that the head has room on a sheet of few small pictures.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    width = max(layout.grid_width + 2 * layout.margin, min_width)
    height = layout.head + layout.rows * layout.row_height - layout.gap + layout.margin
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    room = width - 2 * layout.margin
    draw.text(
        (layout.margin, layout.margin), fitted(draw, title, room, layout.title), INK, font(layout.title)
    )
    below = layout.margin + round(1.35 * layout.title)
    draw.text((layout.margin, below), fitted(draw, facts, room, layout.text), GREY, font(layout.text))
    for position, tile in enumerate(tiles):
        x, y = layout.origin(position)
        right, bottom = x + layout.tile[0], y + layout.tile[1]
        sheet.paste(tile.picture.resize(layout.tile, Image.Resampling.LANCZOS), (x, y))
        draw.rectangle((x, y, right - 1, bottom - 1), outline=LINE)
        caption = bottom + round(0.35 * layout.text)
        draw.text((x, caption), tile.time, INK, font(layout.text))
        taken = draw.textlength(tile.time + "  ", font(layout.text))
        if taken + draw.textlength(tile.remark, font(layout.text)) <= layout.tile[0]:
            draw.text((right, caption), tile.remark, GREY, font(layout.text), anchor="ra")
    return sheet
