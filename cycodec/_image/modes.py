"""What decoded images are like: channels and data types."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from cycodec._shared import torch_adapter
from cycodec.core.error import UnsupportedError

__all__ = ["ImageReadMode", "OutputType", "as_mode", "as_output_type"]


class ImageReadMode(IntEnum):
    """The channels of a decoded image.

    Attributes
    ----------
    UNCHANGED
        The channels of the file. Palettes are RGB, and CMYK has four channels, the inks.
    GRAY, GRAY_ALPHA, RGB, RGB_ALPHA
        1 to 4 channels. Alpha that the file lacks is opaque.
    RGBA
        Another name of RGB_ALPHA.
    """

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = 4

    def channels_of(self, channels: int) -> int:
        """Return the number of channels of a file with so many."""
        return int(self) or channels


def as_mode(mode: Any) -> ImageReadMode:
    """Read the argument ``mode``.

    Raises
    ------
    TypeError
        It is neither a str nor an ImageReadMode.
    ValueError
        There is no such mode.
    """
    if isinstance(mode, ImageReadMode):
        return mode
    if not isinstance(mode, str):
        raise TypeError(f"mode must be a str (or ImageReadMode), got {type(mode).__name__}")
    try:
        return ImageReadMode[mode.upper()]
    except KeyError:
        names = ", ".join(ImageReadMode.__members__)
        raise ValueError(f"Invalid mode {mode!r}. Supported modes are {names} (case-insensitive).") from None


class OutputType(NamedTuple):
    """The data type of results."""

    depth: int | None  # bits of a sample: 8 or 16; None for 16 if the file has more than 8

    def depth_of(self, depth: int, name: str) -> int:
        """Return the bits of a sample for a file with so many.

        Raises
        ------
        UnsupportedError
            The result must be uint16, which this torch lacks; `name` is the file's.
        """
        chosen = self.depth or (16 if depth > 8 else 8)
        if chosen == 16 and not torch_adapter.has_dtype("uint16"):
            raise UnsupportedError(
                f"{name}: the image has {depth} bits per sample, for which output_dtype='auto' needs "
                "torch.uint16, and this torch has none (pass output_dtype=torch.uint8, or install torch 2.3 or newer)",
                source=name,
                operation="decode an image",
            )
        return chosen


def as_output_type(dtype: Any) -> OutputType:
    """Read the argument ``output_dtype``.

    Raises
    ------
    ValueError
        It is none of torch.uint8, torch.uint16 and "auto", or torch has no uint16.
    """
    if isinstance(dtype, str) and dtype == "auto":
        return OutputType(None)
    name = dtype if isinstance(dtype, str) else str(dtype).removeprefix("torch.")
    if name not in ("uint8", "uint16"):
        raise ValueError(
            f"Invalid output_dtype ({dtype}). Supported values are torch.uint8, torch.uint16, and 'auto'."
        )
    if name == "uint16" and not torch_adapter.has_dtype("uint16"):
        raise ValueError("Invalid output_dtype (uint16). This torch has no uint16: it came with torch 2.3.")
    return OutputType(8 if name == "uint8" else 16)
