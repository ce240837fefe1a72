"""NumPy-style keys turned into work: which frames, which pixels of them, and how to arrange the result.

``plan(key, shape, height_axis, width_axis)`` answers ``d[key]`` without any I/O; ``frame_list`` does the
same for lists of frame numbers; the functions on seconds read the keys of ``d.t[key]`` and lay out
instants, and leave it to the caller to find the frame that is played at each of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.arguments import as_integer, kind_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "IndexTypeError",
    "Plan",
    "TimeRange",
    "fps_grid",
    "frame_list",
    "instant",
    "instants",
    "plan",
    "time_grid",
    "time_key",
    "time_range",
]

Region: TypeAlias = "tuple[int, int, int, int]"
# What selects along one axis of the video: one position, evenly spaced ones, or an int64 array of any shape.
Selector: TypeAlias = "int | range | np.ndarray"


class IndexTypeError(TypeError, IndexError):
    """A key of a type that cannot index frames: an IndexError as in NumPy, and a TypeError as in Python."""


class Plan(NamedTuple):
    """What a key asks for.

    Attributes
    ----------
    frames : numpy.ndarray
        int64 frame numbers >= 0: the first axis of the block to decode. Empty when the result is empty.
        Each stands once, but for a key like ``[5, 1, 1]``, where the reader copies the repeated frame into
        its place: the block then is the result, and no second copy of everything is made.
    region : (y0, y1, x0, x1) or None
        The smallest box that holds every pixel asked for, half-open; None for the whole frame.
    finish : callable
        Takes the decoded block, a tensor ``[len(frames), *axes of a frame]`` with height and width cut to
        the region, and returns the result of the key: a view of the block, or a copy where no view can
        express it.
    """

    frames: np.ndarray
    region: Region | None
    finish: Callable[[Tensor], Tensor]


def plan(key: Any, shape: Sequence[int], height_axis: int, width_axis: int) -> Plan:
    """Plan ``video[key]`` by NumPy's rules for an array of the given shape.

    Parameters
    ----------
    key : anything that can index a 4-D NumPy array
        Integers, slices, Ellipsis, None, integer or boolean lists, arrays and tensors, and tuples of these.
    shape : sequence of 4 ints
        Of all frames, in the declared dimension order: ``(N, C, H, W)`` or ``(N, H, W, C)``.
    height_axis, width_axis : int
        Where height and width are in shape.

    Raises
    ------
    IndexError
        Out of bounds, too many indices, a mask of the wrong shape, arrays that do not broadcast.
    IndexTypeError
        (a TypeError and an IndexError) A key of another type, a single bool included.
    TypeError
        A slice with bounds that are not integers.
    ValueError
        A slice with step 0.
    """
    num_frames = shape[0]
    if isinstance(key, np.integer):
        key = int(key)
    if type(key) is int:  # the two kinds of key that loops are made of take a short way
        if not -num_frames <= key < num_frames:
            _out_of_bounds(key, 0, num_frames)
        return Plan(np.array((key % num_frames,), np.int64), None, _only_frame)
    if type(key) is slice:
        return Plan(np.arange(*key.indices(num_frames), dtype=np.int64), None, _whole_block)
    return _Layout(key, shape).plan(height_axis, width_axis)


def _only_frame(block: Tensor) -> Tensor:
    return block[0]


def _whole_block(block: Tensor) -> Tensor:
    return block


def _out_of_bounds(index: int, axis: int, size: int) -> NoReturn:
    what = f": the video has {size} frames" if axis == 0 else ""
    raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}{what}")


_ALLOWED = "integers, slices, Ellipsis, None, and integer or boolean lists, arrays and tensors"


def _wrong_type(item: Any, note: str = "") -> NoReturn:
    raise IndexTypeError(f"a video cannot be indexed by {kind_of(item)}{note}; allowed are {_ALLOWED}")


# --- Reading a key --------------------------------------------------------------------------------


def _read_item(item: Any) -> Any:
    """One item of a key as None, Ellipsis, slice, int, or an int64 or bool array."""
    if item is None or item is Ellipsis or type(item) is slice:
        return item
    if isinstance(item, (bool, np.bool_)):
        _wrong_type(item, " (a single truth value)")
    if isinstance(item, (str, bytes, bytearray, set, frozenset, dict)):
        _wrong_type(item)
    if torch_adapter.is_tensor(item):
        array = torch_adapter.to_numpy(item)
    elif not hasattr(item, "ndim") and (number := as_integer(item)) is not None:
        return number
    else:
        try:
            array = np.asarray(item)
        except (ValueError, TypeError) as error:  # ragged lists
            raise IndexTypeError(f"a {type(item).__name__} that forms no index array: {error}") from error
    if array.size == 0 and array.dtype == np.float64 and not hasattr(item, "dtype"):
        array = array.astype(np.int64)  # [] has no type of its own: NumPy takes it for integers
    if array.dtype.kind == "b":
        return array if array.ndim else _wrong_type(item, " (a single truth value)")
    if array.dtype.kind not in "iu":
        _wrong_type(item, "" if hasattr(item, "dtype") else f" that gives an array of dtype {array.dtype}")
    return array.astype(np.int64, copy=False) if array.ndim else int(array)


def _num_axes(item: Any) -> int:
    """How many axes of the video an item uses up (an Ellipsis takes what the others leave)."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == np.bool_ else 1


def _select(item: Any, axis: int, shape: Sequence[int]) -> list[Selector]:
    """The selectors of an item for the axes from ``axis`` on: one, or as many as a boolean mask has axes."""
    size = shape[axis]
    if isinstance(item, slice):
        return [range(size)[item]]
    if isinstance(item, int):
        if not -size <= item < size:
            _out_of_bounds(item, axis, size)
        return [item % size]
    if item.dtype == np.bool_:
        for i, length in enumerate(item.shape):
            if length != shape[axis + i]:
                size = shape[axis + i]
                raise IndexError(f"a boolean mask of {length} did not match axis {axis + i} of size {size}")
        return list(item.nonzero())
    if item.size and (item.min() < -size or item.max() >= size):
        _out_of_bounds(item[(item < -size) | (item >= size)].flat[0], axis, size)
    return [np.where(item < 0, item + size, item)]


# --- Arranging the result -------------------------------------------------------------------------

# Note [How a block becomes the result]
# torch's own indexing differs from NumPy's: it refuses negative steps, and it places the axes of index arrays
# differently when integers take part. So only steps with one clear meaning are used:
# 1. integers and slices with a positive step, as one basic indexing (a view);
# 2. index arrays: their axes to the front, then one gather over these leading axes. When the frame axis
#    alone has an array there is nothing to gather: the reader has put the frames in order already;
# 3. a flip for negative steps along height, width and channels (the frames come in the order asked for);
# 4. new axes, and the gathered axes moved from the front to where NumPy puts them: in place of the first
#    index (integer or array) when all of these stand side by side in the key, else they stay at the front.


class _Layout:
    """A key read against a shape: a selector for each axis, and the order in which they make the result."""

    def __init__(self, key: Any, shape: Sequence[int]) -> None:
        items = [_read_item(item) for item in (key if isinstance(key, tuple) else (key,))]
        if sum(item is Ellipsis for item in items) > 1:
            raise IndexError("an index can have a single ellipsis only")
        if not any(item is Ellipsis for item in items):
            items.append(Ellipsis)
        missing = len(shape) - sum(map(_num_axes, items))
        if missing < 0:
            axes = len(shape)
            raise IndexError(f"too many indices: a video has {axes} axes, the key is for {axes - missing}")

        self.shape = shape
        self.selectors: list[Selector] = []  # one for each axis of the video
        self.is_new: list[bool] = []  # the result's axes from slices (False) and None (True), in order
        self.gathered_at = 0  # so many of these stand before the axes from index arrays
        places: list[int] = []  # where integers and arrays stand in the key
        for place, item in enumerate(items):
            if item is None:
                self.is_new.append(True)
            elif item is Ellipsis or isinstance(item, slice):
                count, item = (missing, slice(None)) if item is Ellipsis else (1, item)
                self.is_new += [False] * count
                for _ in range(count):
                    self.selectors += _select(item, len(self.selectors), shape)
            else:
                if not places:
                    self.gathered_at = len(self.is_new)
                places.append(place)
                self.selectors += _select(item, len(self.selectors), shape)
        if places and places[-1] - places[0] != len(places) - 1:
            self.gathered_at = 0

        self.arrays = [selector for selector in self.selectors if isinstance(selector, np.ndarray)]
        try:
            self.gathered_shape = np.broadcast_shapes(*(array.shape for array in self.arrays))
        except ValueError:
            shapes = " ".join(str(array.shape) for array in self.arrays)
            raise IndexError(f"index arrays could not be broadcast together: shapes {shapes}") from None

    def plan(self, height_axis: int, width_axis: int) -> Plan:
        slices = (len(selector) for selector in self.selectors if isinstance(selector, range))
        kept_shape = [1 if new else next(slices) for new in self.is_new]
        at = self.gathered_at
        shape = (*kept_shape[:at], *self.gathered_shape, *kept_shape[at:])
        if 0 in shape:
            return Plan(np.empty(0, np.int64), None, lambda block: block.new_empty(shape))

        frames, in_block = self._frames()
        selectors = [in_block, *self.selectors[1:]]
        (y0, y1), (x0, x1) = _extent(selectors[height_axis]), _extent(selectors[width_axis])
        selectors[height_axis] = _shifted(selectors[height_axis], -y0)
        selectors[width_axis] = _shifted(selectors[width_axis], -x0)
        whole = (y1 - y0, x1 - x0) == (self.shape[height_axis], self.shape[width_axis])
        return Plan(frames, None if whole else (y0, y1, x0, x1), self._finisher(selectors))

    def _frames(self) -> tuple[np.ndarray, Selector]:
        """The frames to decode, and what selects them along the block's first axis."""
        wanted = self.selectors[0]
        if isinstance(wanted, int):
            return np.array((wanted,), np.int64), 0
        if isinstance(wanted, range):
            return np.array(wanted, np.int64), range(len(wanted))
        if len(self.arrays) == 1:
            return wanted.ravel(), range(wanted.size)
        used = np.zeros(self.shape[0], np.bool_)
        used[wanted] = True
        return used.nonzero()[0], np.cumsum(used)[wanted] - 1

    def _finisher(self, selectors: list[Selector]) -> Callable[[Tensor], Tensor]:
        """The function that takes the steps of Note [How a block becomes the result]."""
        arrays = [selector for selector in selectors if isinstance(selector, np.ndarray)]
        remaining = [selector for selector in selectors if not isinstance(selector, int)]
        basic = tuple(_basic(selector) for selector in selectors)
        fronted = sorted(range(len(remaining)), key=lambda axis: isinstance(remaining[axis], range))

        gathered = range(len(self.gathered_shape))
        ranges = [selector for selector in self.selectors if isinstance(selector, range)]
        flips = [len(gathered) + i for i, r in enumerate(ranges) if r.step < 0 and r is not self.selectors[0]]
        new_axes = (*[slice(None)] * len(gathered), *(None if new else slice(None) for new in self.is_new))
        destination = [self.gathered_at + axis for axis in gathered]

        def finish(block: Tensor) -> Tensor:
            block = block[basic]
            if arrays:
                block = block.permute(fronted)[
                    tuple(torch_adapter.from_numpy(a, block.device) for a in arrays)
                ]
            elif len(gathered) > 1:
                block = block.unflatten(0, self.gathered_shape)
            if flips:
                block = block.flip(flips)
            return block[new_axes].movedim(tuple(gathered), destination)

        return finish


def _extent(selector: Selector) -> tuple[int, int]:
    """The smallest half-open interval that holds all positions of a selector that is not empty."""
    if isinstance(selector, int):
        return selector, selector + 1
    if isinstance(selector, range):
        return min(selector[0], selector[-1]), max(selector[0], selector[-1]) + 1
    return int(selector.min()), int(selector.max()) + 1


def _shifted(selector: Selector, by: int) -> Selector:
    if isinstance(selector, range):
        return range(selector.start + by, selector.stop + by, selector.step)
    return selector + by


def _basic(selector: Selector) -> int | slice:
    """The part of a selector that torch's basic indexing does: steps go forward, index arrays wait."""
    if isinstance(selector, int):
        return selector
    if isinstance(selector, range):
        forward = selector if selector.step > 0 else selector[::-1]
        return slice(forward.start, forward.stop, forward.step)
    return slice(None)


# --- Lists of frame numbers -----------------------------------------------------------------------


def frame_list(indices: Any, num_frames: int) -> np.ndarray:
    """Frame numbers as an int64 array, with those counted from the end made positive.

    Parameters
    ----------
    indices : list, tuple, range, 1-D array or tensor of integers
    num_frames : int

    Raises
    ------
    IndexError
        A number outside -num_frames ... num_frames - 1.
    IndexTypeError
        (a TypeError and an IndexError) Anything that is not a list of integers; bools are none.
    ValueError
        More than one axis.
    """
    array = _numbers(indices, "frame numbers", "one frame number")
    if array.size == 0 and not hasattr(indices, "dtype"):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise IndexTypeError(f"frame numbers must be integers, got {array.dtype}")
    array = array.astype(np.int64, copy=False)
    outside = (array < -num_frames) | (array >= num_frames)
    if outside.any():
        _out_of_bounds(array[outside][0], 0, num_frames)
    return np.where(array < 0, array + num_frames, array)


def _numbers(values: Any, what: str, single: str) -> np.ndarray:
    """A list, array or tensor as a 1-D array of numbers; bools and text are refused."""
    if torch_adapter.is_tensor(values):
        array = torch_adapter.to_numpy(values)
    elif not isinstance(values, (str, bytes, bytearray)) and (
        isinstance(values, Sequence) or hasattr(values, "__array__")
    ):
        if not hasattr(values, "dtype") and any(isinstance(v, (bool, np.bool_)) for v in values):
            raise IndexTypeError(f"{what} must be numbers, got a bool among them")
        try:
            array = np.asarray(values)
        except (ValueError, TypeError) as error:
            raise IndexTypeError(f"{what} must be a flat list of numbers: {error}") from error
    else:
        raise IndexTypeError(f"{what} must be a list, tuple, array or tensor, got {type(values).__name__}")
    if array.dtype.kind not in "iuf":
        raise IndexTypeError(f"{what} must be numbers, got {array.dtype}")
    if array.ndim == 0:
        raise IndexTypeError(f"{what} must be a list, got {single}")
    if array.ndim > 1:
        raise ValueError(f"{what} must have one axis, got shape {array.shape}")
    return array


# --- Seconds --------------------------------------------------------------------------------------

# More instants than anyone decodes: who asks for them made a mistake, which must not fill the memory first.
_MAX_INSTANTS = 1 << 27


class TimeRange(NamedTuple):
    """The stretch [start, stop) in seconds; every frame that is shown in it is meant."""

    start: float
    stop: float


def instant(seconds: Any, what: str = "seconds") -> float:
    """One time in seconds as a float.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) Not a single number; bools and text are none.
    ValueError
        NaN or infinite.
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
    """A list, tuple, 1-D array or tensor of seconds as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) Not a list of numbers; bools and text are none.
    ValueError
        NaN or infinity among them, or more than one axis.
    """
    array = _numbers(seconds, "seconds", "one number").astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"seconds must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def time_key(key: Any, begin: float, end: float) -> float | TimeRange | np.ndarray:
    """Read the key of ``d.t[key]``: an instant (float), a stretch (TimeRange), or instants (float64 array).

    A tuple reaches into the frames: only its first item is a time, and the caller takes it out.

    Parameters
    ----------
    key : number, slice, or list, array or tensor of numbers
        A slice with a step asks for the instants ``start + k * step`` before its stop.
    begin, end : float
        Of the stream: what a slice without a start or a stop means, and the limits of a slice.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) A key of another type.
    ValueError
        NaN or infinity; a step that is not positive; a slice that `time_range` refuses.
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
    """The stretch [start, stop) of a stream that is shown over [begin, end).

    A begin or end that was rounded to float32 on its way counts as the begin or end itself.

    Raises
    ------
    ValueError
        The stretch runs backwards, starts outside the stream or ends beyond it.
    """
    if start > stop:
        raise ValueError(f"the time range runs backwards: it starts at {start} s and stops at {stop} s")
    if start == float(np.float32(begin)):
        start = begin
    if stop == float(np.float32(end)):
        stop = end
    if not (start == begin or begin < start < end):  # begin is inside a stream that has no duration, too
        raise ValueError(f"the time range starts at {start} s, outside the stream: [{begin}, {end}) s")
    if stop > end:
        raise ValueError(f"the time range stops at {stop} s, beyond the end of the stream at {end} s")
    return TimeRange(start, max(start, stop))


def time_grid(start: float, stop: float, step: Any) -> np.ndarray:
    """The instants ``start + k * step`` in [start, stop), as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) step is not a number.
    ValueError
        step is not positive or not finite.
    """
    return _grid(start, stop, _positive(step, "the step of a time range"), operator.mul)


def fps_grid(start: float, stop: float, fps: Any) -> np.ndarray:
    """The instants ``start + k / fps`` in [start, stop), as a float64 array.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) fps is not a number.
    ValueError
        fps is not positive or not finite.
    """
    return _grid(start, stop, _positive(fps, "fps"), operator.truediv)


def _positive(value: Any, what: str) -> float:
    value = instant(value, what)
    if value <= 0:
        raise ValueError(f"{what} must be positive, got {value}")
    return value


def _grid(start: float, stop: float, spacing: float, scale: Callable[[Any, float], Any]) -> np.ndarray:
    """start + scale(k, spacing) for k = 0, 1, ... before stop; scale multiplies (step) or divides (rate)."""
    # Each instant is computed on its own, so errors do not add up. A last one that only rounding has left
    # before stop, as 0.1 + 7 * 0.1 before 0.8, is no instant of the range: count in steps, with the
    # rounding of start and stop off.
    if stop <= start:
        return np.empty(0)
    unit = scale(1.0, spacing)
    steps = (stop - start) / unit
    if steps > _MAX_INSTANTS:
        raise ValueError(
            f"{steps:.0f} instants from {start} to {stop} s are too many: at most {_MAX_INSTANTS}"
        )
    rounding = 4 * np.finfo(np.float64).eps * (max(abs(start), abs(stop)) / unit + steps)
    return start + scale(np.arange(max(math.ceil(steps - rounding), 1)), spacing)
