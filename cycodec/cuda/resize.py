"""What the kernel resample_axis multiplies by: the weights of antialiased bilinear resampling.

Note [Resizing as the CPU does]

The bytes are those of torch's kernel for uint8 in channels-last memory, which csrc/resample.c repeats on the CPU: exact
arithmetic on integers, along the width first, then along the height, each pass rounded to 8 bits; weights in fixed point,
with as many binary places as leave the largest of them 16 bits. Here the same weights are made on the host, in double
precision as there, and the GPU adds up the same integers. Floats are weighted in float32 on both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """How one axis is resampled: see NvResample in kernels/arguments.h.

    Attributes
    ----------
    table : int32 array of shape [target, 2 + taps]
    shift : int
        0: the weights are float32.
    """

    table: np.ndarray
    shift: int


def weights(source: int, target: int, fixed: bool) -> Weights:
    """From `source` places to `target`: a triangle as wide as a place of the coarser side, cut off at the ends.

    Parameters
    ----------
    source, target : int
    fixed : bool
        Weights in fixed point, for uint8.
    """
    scale = source / target
    reach = max(scale, 1.0)
    taps = 2 * math.ceil(reach) + 1
    centres = scale * (np.arange(target) + 0.5)
    first = np.maximum(np.trunc(centres - reach + 0.5), 0).astype(np.int64)
    last = np.minimum(np.trunc(centres + reach + 0.5), source).astype(np.int64)
    count = np.minimum(last - first, taps)
    places = np.arange(taps)
    triangle = np.maximum(1 - np.abs((places + first[:, None] - centres[:, None] + 0.5) * (1 / reach)), 0)
    triangle[places >= count[:, None]] = 0
    triangle /= np.cumsum(triangle, axis=1)[:, -1:]  # added up one by one, as on the CPU
    shift = 0
    if fixed:
        shift = next(n for n in range(23) if int(triangle.max() * (2 << n) + 0.5) >= 1 << 15 or n == 22)
        values = np.floor(triangle * (1 << shift) + 0.5).astype(np.int32)
    else:
        values = triangle.astype(np.float32).view(np.int32)
    table = np.concatenate([np.stack([first, count], axis=1).astype(np.int32), values], axis=1)
    return Weights(np.ascontiguousarray(table), shift)
