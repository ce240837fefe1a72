"""Which part of an image is decoded, at which scale, and how it is resampled afterwards.

Note [DCT scaling]

libjpeg can decode at 1/2, 1/4 or 1/8 of the size, from a part of each block's coefficients, in a
fraction of the time. The scale is the smallest that is not smaller than the size that is asked for,
and the rest is resampled. The edges of a crop are rounded outwards to whole pixels of the scaled
picture, so that the result may be displaced by less than one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cycodec import transforms as transforms_module
from cycodec._shared.arguments import as_integer
from cycodec.transforms import Crop, DecoderTransform, Pipeline, Resize, Scale, Stage, resolve

if TYPE_CHECKING:
    from torch import Generator

__all__ = ["Plan", "Region", "as_region", "as_steps", "plan"]

Region = tuple[int, int, int, int]  # (y0, y1, x0, x1), half-open

REDUCTIONS = (8, 4, 2)


class Plan(NamedTuple):
    """How one image is made.

    Attributes
    ----------
    reduction : {1, 2, 4, 8}
        The scale at which it is decoded.
    region : Region
        The part of the scaled picture, as it is shown, that is decoded.
    stages : tuple of Stage
        The resamplings that follow.
    height, width : int
        Of the result.
    """

    reduction: int
    region: Region
    stages: tuple[Stage, ...]
    height: int
    width: int


def as_region(region: Any) -> Region | None:
    """Read the argument ``region``.

    Raises
    ------
    TypeError, ValueError
        It is not four integers (y0, y1, x0, x1), or it is empty.
    """
    if region is None:
        return None
    if not isinstance(region, Sequence) or isinstance(region, (str, bytes)) or len(region) != 4:
        raise TypeError(f"region must be four integers (y0, y1, x0, x1), got {region!r}")
    numbers = [number for number in map(as_integer, region) if number is not None]
    if len(numbers) != 4:
        raise TypeError(f"region must be four integers (y0, y1, x0, x1), got {region!r}")
    y0, y1, x0, x1 = numbers
    if not (0 <= y0 < y1 and 0 <= x0 < x1):
        raise ValueError(
            f"region must be (y0, y1, x0, x1) with 0 <= y0 < y1 and 0 <= x0 < x1, got {region!r}"
        )
    return y0, y1, x0, x1


def as_steps(size: Any, transforms: Any) -> tuple[DecoderTransform, ...]:
    """Read the arguments ``size`` and ``transforms``. The size comes first."""
    steps = transforms_module.as_transforms(transforms)
    return steps if size is None else (Resize(size), *steps)


def plan(
    height: int,
    width: int,
    region: Region | None,
    steps: tuple[DecoderTransform, ...],
    may_reduce: bool,
    generator: Generator | None = None,
) -> Plan:
    """Plan an image.

    Parameters
    ----------
    height, width : int
        Of the image as it is shown.
    region : Region, optional
        The part of it that `steps` begin with.
    steps : tuple of DecoderTransform
        They are resolved here: random crops are drawn.
    may_reduce : bool
        True if the decoder can decode at a smaller scale.
    generator : torch.Generator, optional
        What random crops are drawn from; by default torch's global generator.

    Raises
    ------
    ValueError
        The region is not inside the image, or a transform does not fit.
    """
    y0, y1, x0, x1 = region or (0, height, 0, width)
    if y1 > height or x1 > width:
        raise ValueError(
            f"region {(y0, y1, x0, x1)} is not inside the image of {height}x{width} (height x width)"
        )
    if not steps:
        return Plan(1, (y0, y1, x0, x1), (), y1 - y0, x1 - x0)
    pipeline = resolve(steps, y1 - y0, x1 - x0, generator)
    if pipeline.region is not None:
        top, left = y0, x0
        y0, y1, x0, x1 = pipeline.region
        y0, y1, x0, x1 = y0 + top, y1 + top, x0 + left, x1 + left
    reduction = _reduction(pipeline, y1 - y0, x1 - x0) if may_reduce else 1
    scaled = y0 // reduction, -(-y1 // reduction), x0 // reduction, -(-x1 // reduction)
    stages = pipeline.stages()
    if reduction > 1 and _is_done(stages, scaled):
        stages = ()
    return Plan(reduction, scaled, stages, pipeline.height, pipeline.width)


def _reduction(pipeline: Pipeline, height: int, width: int) -> int:
    """Return the largest reduction that leaves as many pixels as the first resampling makes."""
    first: Crop | Scale | None = pipeline.steps[0] if pipeline.steps else None
    if first is None:
        return 1
    fitting = [r for r in REDUCTIONS if height >= r * first.height and width >= r * first.width]
    return fitting[0] if fitting else 1


def _is_done(stages: tuple[Stage, ...], scaled: Region) -> bool:
    """Return True if the scaled picture is the result already."""
    size = scaled[1] - scaled[0], scaled[3] - scaled[2]
    return len(stages) == 1 and stages[0] == Stage(*size, (0, size[0], 0, size[1]))
