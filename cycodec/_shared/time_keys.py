"""Keys and arguments in seconds: ``d.t[key]``, ranges of time, and rates.

The functions return instants. The caller finds the frame that is played at each of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.argument_errors import ArgumentError, IndexTypeError
from cycodec._shared.keys import MOST_NUMBERS, flat_numbers

__all__ = [
    "TimeRange",
    "fps_grid",
    "instant",
    "instants",
    "positive",
    "time_grid",
    "time_key",
    "time_range",
]


class TimeRange(NamedTuple):
    """The frames that are shown in [start, stop), in seconds."""

    start: float
    stop: float


def instant(seconds: Any, what: str = "seconds") -> float:
    """One finite number, such as a time in seconds, as a float. Errors call it `what`.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) The value is not a single number. Bools and text are not
        numbers.
    ValueError
        The value is NaN or infinite.
    """
    number = torch_adapter.to_numpy(seconds) if torch_adapter.is_tensor(seconds) else seconds
    if isinstance(number, np.ndarray) and not number.ndim:
        number = number[()]
    refused = number.dtype.kind not in "iuf" if isinstance(number, np.generic) else isinstance(number, bool)
    if refused or isinstance(number, np.ndarray) or not hasattr(type(number), "__float__"):
        raise IndexTypeError(f"{what} must be a number, got {type(seconds).__name__}")
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ValueError(f"{what} must be finite, got {value}")
    return value


def instants(seconds: Any) -> np.ndarray:
    """Return a list, tuple, 1-D array or tensor of seconds as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) The value is not a list of numbers. Bools and text are not
        numbers.
    ValueError
        The list holds NaN or infinity, or has more than one axis.
    """
    array = flat_numbers(seconds, "seconds", "one number").astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"seconds must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def time_key(key: Any, begin: float, end: float) -> float | TimeRange | np.ndarray:
    """Read the key of ``d.t[key]`` as an instant (float), a TimeRange, or instants (float64 array).

    The caller takes the first item of a tuple: only that one is a time, the others index into the
    frames.

    Parameters
    ----------
    key : number, slice, or list, array or tensor of numbers
        A slice with a step asks for the instants ``start + k * step`` before its stop.
    begin, end : float
        Begin and end of the stream. They replace a missing start or stop, and they limit every
        slice.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) The key is of another type.
    ValueError
        The key holds NaN or infinity, its step is not positive, or `time_range` refuses it.
    """
    if isinstance(key, slice):
        start, stop = time_range(
            begin if key.start is None else instant(key.start, "the start of a time slice"),
            end if key.stop is None else instant(key.stop, "the stop of a time slice"),
            begin,
            end,
        )
        if key.step is None:
            return TimeRange(start, stop)
        return time_grid(start, stop, key.step)
    if isinstance(key, list) or getattr(key, "ndim", 0) > 0:
        return instants(key)
    return instant(key, "a key of seconds")


def time_range(start: float, stop: float, begin: float, end: float) -> TimeRange:
    """Return the range [start, stop) of a stream that is shown over [begin, end).

    A start or stop that is `begin` or `end` rounded to float32 counts as `begin` or `end` itself.

    Raises
    ------
    ValueError
        The range runs backwards, starts outside the stream or ends beyond it.
    """
    if start > stop:
        raise ValueError(f"the time range runs backwards: it starts at {start} s and stops at {stop} s")
    if start == float(np.float32(begin)):
        start = begin
    if stop == float(np.float32(end)):
        stop = end
    if not (start == begin or begin < start < end):  # a stream without duration contains its begin
        raise ValueError(f"the time range starts at {start} s, outside the stream: [{begin}, {end}) s")
    if stop > end:
        raise ValueError(f"the time range stops at {stop} s, beyond the end of the stream at {end} s")
    return TimeRange(start, max(start, stop))


def time_grid(start: float, stop: float, step: Any) -> np.ndarray:
    """Return the instants ``start + k * step`` in [start, stop), as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) step is not a number.
    ValueError
        step is not positive or is not finite.
    """
    return _grid(start, stop, positive(step, "the step of a time range"), operator.mul)


def fps_grid(start: float, stop: float, fps: Any) -> np.ndarray:
    """Return the instants ``start + k / fps`` in [start, stop), as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) fps is not a number.
    ValueError
        fps is not positive or is not finite.
    """
    return _grid(start, stop, positive(fps, "fps"), operator.truediv)


def positive(value: Any, what: str) -> float:
    """Return a positive number as a float. Errors call it `what`.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) The value is not a single number.
    ValueError
        The value is not positive or is not finite.
    """
    value = instant(value, what)
    if value <= 0:
        raise ArgumentError(f"{what} must be positive, got {value}")
    return value


def _grid(start: float, stop: float, spacing: float, scale: Callable[[Any, float], Any]) -> np.ndarray:
    """start + scale(k, spacing) for k = 0, 1, ... before stop.

    `scale` multiplies (if spacing is a step) or divides (if it is a rate).
    """
    # Each instant is computed on its own, so that errors do not add up. Rounding may leave a last
    # instant just before stop, as 0.1 + 7 * 0.1 before 0.8. The number of steps, less the rounding
    # error, excludes it.
    if stop <= start:
        return np.empty(0)
    unit = scale(1.0, spacing)
    steps = (stop - start) / unit
    if steps > MOST_NUMBERS:
        raise ValueError(
            f"{steps:.0f} instants from {start} to {stop} s are too many: at most {MOST_NUMBERS}"
        )
    rounding = 4 * np.finfo(np.float64).eps * (max(abs(start), abs(stop)) / unit + steps)
    return start + scale(np.arange(max(math.ceil(steps - rounding), 1)), spacing)
