"""What the user chose for decoded images, checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from cycodec._image.geometry import Region, as_region, as_steps
from cycodec._image.modes import ImageReadMode, OutputType, as_mode, as_output_type
from cycodec._shared import limits
from cycodec._shared.arguments import integer
from cycodec.transforms import DecoderTransform

__all__ = ["Settings", "make_settings"]


@dataclass(frozen=True)
class Settings:
    """How images are decoded.

    Attributes
    ----------
    mode : ImageReadMode
    output : OutputType
    region : Region or None
        The part of the image that is decoded.
    steps : tuple of DecoderTransform
        What is done to that part.
    dct_scaling : bool
        True if JPEG may be decoded at a smaller scale before a resampling.
    limits : Limits
    num_threads : int
        Threads of libavcodec for one image.
    """

    mode: ImageReadMode
    output: OutputType
    region: Region | None
    steps: tuple[DecoderTransform, ...]
    dct_scaling: bool
    limits: limits.Limits
    num_threads: int = 1

    @cached_property
    def is_whole(self) -> bool:
        """True if images are neither cropped nor resampled."""
        return self.region is None and not self.steps


def make_settings(
    mode: Any,
    output_dtype: Any,
    size: Any = None,
    region: Any = None,
    transforms: Any = None,
    dct_scaling: Any = None,
    max_pixels: int | None = None,
    num_threads: Any = 1,
) -> Settings:
    """Check the arguments of functions that decode images.

    Raises
    ------
    TypeError, ValueError
    """
    if region is None and transforms is None and isinstance(size, (int, tuple, type(None))):
        return _plain(mode, output_dtype, size, dct_scaling, limits.current(max_pixels), num_threads)
    return _checked(
        mode, output_dtype, size, region, transforms, dct_scaling, limits.current(max_pixels), num_threads
    )


@lru_cache(maxsize=64, typed=True)
def _plain(
    mode: Any, output_dtype: Any, size: Any, dct_scaling: Any, chosen: limits.Limits, num_threads: Any
) -> Settings:
    """Return settings that many images share, because checking them takes time."""
    return _checked(mode, output_dtype, size, None, None, dct_scaling, chosen, num_threads)


def _checked(
    mode: Any,
    output_dtype: Any,
    size: Any,
    region: Any,
    transforms: Any,
    dct_scaling: Any,
    chosen: limits.Limits,
    num_threads: Any,
) -> Settings:
    if dct_scaling not in (None, True, False):
        raise TypeError(f"dct_scaling must be True, False or None, not {dct_scaling!r}")
    return Settings(
        as_mode(mode),
        as_output_type(output_dtype),
        as_region(region),
        as_steps(size, transforms),
        size is not None if dct_scaling is None else bool(dct_scaling),
        chosen,
        integer("num_threads", num_threads, least=1),
    )
