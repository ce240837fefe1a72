"""Frame rates as fractions, and the times of frames in units of a time base."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.arguments import INT32_MAX, as_integer, kind_of
from cycodec.core.error import FFmpegTypeError, FFmpegValueError

__all__ = ["as_rate", "as_seconds", "as_ticks"]

# A float stands for the fraction with the smallest denominator up to this one that is nearest to
# it: 29.97 is 2997/100, and 30000 / 1001 is 30000/1001.
LARGEST_DENOMINATOR = 100_000
# The last time of a frame in units of the time base. Sums with durations still fit 64 bits.
LAST_TICK = 1 << 60


def as_rate(value: Any, name: str = "frame_rate") -> Fraction:
    """A frame rate as an exact fraction.

    Parameters
    ----------
    value : float, int, fractions.Fraction or str
        Frames a second. A string is a fraction such as ``"30000/1001"``.

    Raises
    ------
    FFmpegTypeError
        The value is no number.
    FFmpegValueError
        The value is not positive, not finite, or too large.
    """
    if isinstance(value, str):
        try:
            value = Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise FFmpegTypeError(f"{name} must be a number or a fraction, not {value!r}") from None
    number = as_integer(value)
    if number is not None:
        rate = Fraction(number)
    elif isinstance(value, Fraction):
        rate = value
    else:
        try:
            if isinstance(value, bool):
                raise TypeError
            single = float(value)
        except (TypeError, ValueError):
            raise FFmpegTypeError(f"{name} must be a number, not {kind_of(value)}") from None
        if not math.isfinite(single):
            raise FFmpegValueError(f"{name} = {value} must be finite")
        rate = Fraction(single).limit_denominator(LARGEST_DENOMINATOR)
    if rate <= 0:
        raise FFmpegValueError(f"{name} = {value} must be > 0")
    if rate.numerator > INT32_MAX or rate.denominator > INT32_MAX:
        raise FFmpegValueError(f"{name} = {value} cannot be stored (use a rate below {INT32_MAX})")
    return rate


def as_seconds(pts_seconds: Any, count: int) -> np.ndarray:
    """Times of frames as float64, one for each.

    Raises
    ------
    FFmpegTypeError
        They are no numbers.
    FFmpegValueError
        There is another number of them, or one is negative or not finite.
    """
    values = torch_adapter.to_numpy(pts_seconds) if torch_adapter.is_tensor(pts_seconds) else pts_seconds
    try:
        if isinstance(values, Fraction):
            values = float(values)
        seconds = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise FFmpegTypeError(f"pts_seconds must be numbers, not {kind_of(pts_seconds)}") from None
    if seconds.shape != (count,):
        raise FFmpegValueError(
            f"pts_seconds has shape {list(seconds.shape)}, but there are {count} frames (pass one time a frame)"
        )
    if not np.isfinite(seconds).all() or (seconds < 0).any():
        wrong = int(np.flatnonzero(~(np.isfinite(seconds) & (seconds >= 0)))[0])
        raise FFmpegValueError(f"pts_seconds[{wrong}] is {seconds[wrong]} (times are finite, and 0 or more)")
    return seconds


def as_ticks(seconds: np.ndarray, time_base: Fraction, last: int | None, tick: Fraction) -> np.ndarray:
    """Times in units of `time_base`, which must rise.

    Parameters
    ----------
    seconds : numpy.ndarray
        float64 ``[N]``.
    time_base : Fraction
        Seconds of a unit.
    last : int or None
        The last time before these, in units of `time_base`.
    tick : Fraction
        Seconds of the container's unit. Two frames must not have the same time there.

    Raises
    ------
    FFmpegValueError
        A frame is not later than the one before it, or too late for 64 bits.
    """
    scaled = np.rint(seconds * float(1 / time_base))
    if (scaled > LAST_TICK).any():
        beyond = int(np.argmax(scaled > LAST_TICK))
        raise FFmpegValueError(
            f"pts_seconds[{beyond}] is {seconds[beyond]:g} s, but the last time that can be stored is "
            f"{float(LAST_TICK * time_base):g} s (let the times begin near 0)"
        )
    ticks = scaled.astype(np.int64)
    before = np.concatenate([[last], ticks[:-1]]) if last is not None else ticks[:-1]
    after = ticks if last is not None else ticks[1:]
    step = max(1, math.ceil(tick / time_base))
    late = np.flatnonzero(after - before < 1)
    if late.size == 0 and step > 1:
        late = np.flatnonzero(np.rint(after / step) <= np.rint(before / step))
    if late.size:
        number = int(late[0])
        one, other = int(before[number]) * time_base, int(after[number]) * time_base
        raise FFmpegValueError(
            f"pts_seconds must rise: {float(other):.6f} s comes after {float(one):.6f} s"
            + (f" (the container counts in units of {float(tick):.6f} s)" if step > 1 else "")
            + " (sort the frames, and leave doubled ones out)"
        )
    return ticks
