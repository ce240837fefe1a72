"""Orientations of pictures, as csrc/picture/orientation.h defines them.

A picture is transposed first, and then mirrored.
"""

from __future__ import annotations

__all__ = ["MIRROR_X", "MIRROR_Y", "TRANSPOSE", "exif_number", "stored_region", "then"]

MIRROR_X, MIRROR_Y, TRANSPOSE = 1, 2, 4

# The orientations of Exif's numbers 1 to 8.
EXIF = (
    0,
    MIRROR_X,
    MIRROR_X | MIRROR_Y,
    MIRROR_Y,
    TRANSPOSE,
    TRANSPOSE | MIRROR_X,
    TRANSPOSE | MIRROR_X | MIRROR_Y,
    TRANSPOSE | MIRROR_Y,
)


def then(first: int, second: int) -> int:
    """Return the orientation that two orientations give one after the other."""
    mirrors = first & (MIRROR_X | MIRROR_Y)
    if second & TRANSPOSE and mirrors in (MIRROR_X, MIRROR_Y):
        mirrors ^= MIRROR_X | MIRROR_Y
    return (first & TRANSPOSE | mirrors) ^ second


def exif_number(orientation: int) -> int:
    """Return the number that Exif gives to an orientation."""
    return EXIF.index(orientation) + 1


def stored_region(
    region: tuple[int, int, int, int], orientation: int, height: int, width: int
) -> tuple[int, int, int, int]:
    """Return where a region of the shown picture is stored.

    Parameters
    ----------
    region : (y0, y1, x0, x1)
    orientation : int
    height, width : int
        Of the shown picture.
    """
    y0, y1, x0, x1 = region
    if orientation & MIRROR_X:
        x0, x1 = width - x1, width - x0
    if orientation & MIRROR_Y:
        y0, y1 = height - y1, height - y0
    return (x0, x1, y0, y1) if orientation & TRANSPOSE else (y0, y1, x0, x1)
