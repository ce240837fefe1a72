"""Reads NumPy-style keys: which frames and pixels to decode, and how to arrange the result.

``plan(key, shape, height_axis, width_axis)`` plans ``d[key]`` without any I/O. ``frame_list`` reads
lists of frame numbers. The keys of ``d.t[key]`` are in time_keys.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

import numpy as np

from cycodec._shared import torch_adapter
from cycodec._shared.argument_errors import FrameNumberError, IndexTypeError
from cycodec._shared.arguments import as_integer, integer, kind_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MOST_NUMBERS",
    "Plan",
    "check_count",
    "flat_numbers",
    "frame_list",
    "frame_number",
    "plan",
    "slice_bounds",
]

# Nobody decodes more frames or instants in one request. A larger one is a mistake, and must fail
# before it fills the memory.
MOST_NUMBERS = 1 << 27

Region: TypeAlias = "tuple[int, int, int, int]"
# What selects along one axis of the video: one index, evenly spaced ones, or an int64 array of any
# shape.
Selector: TypeAlias = "int | range | np.ndarray"


class Plan(NamedTuple):
    """The frames and pixels that a key selects.

    Attributes
    ----------
    frames : numpy.ndarray
        int64 frame numbers >= 0: the first axis of the block to decode. It is empty when the result
        is empty. It holds repeated numbers only for a key like ``[5, 1, 1]``: the reader fills all
        their slots, and the block is the result without a further copy.
    region : (y0, y1, x0, x1) or None
        The smallest box that holds every selected pixel, half-open; None for the whole frame.
    finish : callable
        Takes the decoded block, a tensor ``[len(frames), *axes of a frame]`` with height and width
        cut to the region, and returns the result of the key. The result is a view of the block
        where a view can express it, else a copy.
    """

    frames: np.ndarray
    region: Region | None
    finish: Callable[[Tensor], Tensor]


def plan(key: Any, shape: Sequence[int], height_axis: int, width_axis: int) -> Plan:
    """Plan ``video[key]`` by NumPy's rules for an array of the given shape.

    Parameters
    ----------
    key : anything that can index a 4-D NumPy array
        Integers, slices, Ellipsis, None, integer or boolean lists, arrays and tensors, and tuples
        of these.
    shape : sequence of 4 ints
        The shape of all frames in the decoder's dimension order: ``(N, C, H, W)`` or ``(N, H, W,
        C)``.
    height_axis, width_axis : int
        The axes of height and width in `shape`.

    Raises
    ------
    IndexError
        An index is out of bounds, the key has too many items, a mask has the wrong shape, or index
        arrays do not broadcast.
    IndexTypeError
        (a TypeError and an IndexError) The key is of another type; a single bool is one of these.
        The bounds of a slice, too, must be integers.
    ValueError
        A slice has step 0.
    """
    num_frames = shape[0]
    if isinstance(key, np.integer):
        key = int(key)
    if type(key) is int:  # loops use these two kinds of key, so they are planned quickly
        if not -num_frames <= key < num_frames:
            _out_of_bounds(key, 0, num_frames)
        return Plan(np.array((key % num_frames,), np.int64), None, _only_frame)
    if type(key) is slice:
        return Plan(np.arange(*slice_bounds(key).indices(num_frames), dtype=np.int64), None, _whole_block)
    return _ParsedKey(key, shape).plan(height_axis, width_axis)


def _only_frame(block: Tensor) -> Tensor:
    return block[0]


def _whole_block(block: Tensor) -> Tensor:
    return block


def _out_of_bounds(index: int, axis: int, size: int) -> NoReturn:
    what = f": the video has {size} frames" if axis == 0 else ""
    raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}{what}")


_SECONDS = "decoder.t[...] takes seconds"
_ALLOWED = "integers, slices, Ellipsis, None, and integer or boolean lists, arrays and tensors"


def _wrong_type(item: Any, note: str = "") -> NoReturn:
    raise IndexTypeError(f"a video cannot be indexed by {kind_of(item)}{note}; allowed are {_ALLOWED}")


def slice_bounds(key: slice) -> slice:
    """Return a slice of frames, pixels or samples with bounds that are ints or None.

    As in NumPy, anything that has ``__index__`` is a bound. That includes Python's bools, which are
    refused as an index.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) A bound or the step is not an integer.
    """
    try:
        return slice(*(n if n is None else operator.index(n) for n in (key.start, key.stop, key.step)))
    except TypeError:
        raise IndexTypeError(f"slice indices must be integers or None, not {key} ({_SECONDS})") from None


# --- Reading a key --------------------------------------------------------------------------------


def _read_item(item: Any) -> Any:
    """One item of a key as None, Ellipsis, slice, int, or an int64 or bool array."""
    if item is None or item is Ellipsis:
        return item
    if type(item) is slice:
        return slice_bounds(item)
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
        seconds = f" ({_SECONDS})" if array.dtype.kind == "f" else ""
        dtype = f" that gives an array of dtype {array.dtype}"
        _wrong_type(item, ("" if hasattr(item, "dtype") or not array.ndim else dtype) + seconds)
    return array.astype(np.int64, copy=False) if array.ndim else int(array)


def _num_axes(item: Any) -> int:
    """Return the number of axes that an item indexes. An Ellipsis takes the axes that are left."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == np.bool_ else 1


def _select(item: Any, axis: int, shape: Sequence[int]) -> list[Selector]:
    """Return the selectors of an item, from ``axis`` on. A boolean mask gives one for each of its
    axes.
    """
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
# torch's own indexing differs from NumPy's: it refuses negative steps, and it places the axes of
# index arrays differently when integers take part. Therefore `finish` takes only steps that have
# one clear meaning:
# 1. Apply integers and slices with a positive step, as one basic indexing (a view).
# 2. Move the axes of index arrays to the front, then gather once over these leading axes. When only
#    the frame axis has an array, nothing must be gathered: the reader has put the frames in order.
# 3. Flip height, width and channels that have negative steps. The frames are in order already.
# 4. Insert new axes, and move the gathered axes to where NumPy puts them. That is the place of the
#    first index (integer or array) when all of these stand side by side in the key, else the front.


class _ParsedKey:
    """A key as one selector for each axis of the video, and the order of the result's axes."""

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
        # One selector for each axis of the video.
        self.selectors: list[Selector] = []
        # One entry for each axis of the result that a slice (False) or None (True) makes, in order.
        self.is_new: list[bool] = []
        # Number of these axes that stand before the axes of index arrays.
        self.gathered_at = 0
        self._read(items, missing)
        self.arrays = [selector for selector in self.selectors if isinstance(selector, np.ndarray)]
        try:
            self.gathered_shape = np.broadcast_shapes(*(array.shape for array in self.arrays))
        except ValueError:
            shapes = " ".join(str(array.shape) for array in self.arrays)
            raise IndexError(f"index arrays could not be broadcast together: shapes {shapes}") from None

    def _read(self, items: list[Any], missing: int) -> None:
        """Make the selectors. An Ellipsis stands for `missing` axes."""
        places: list[int] = []  # the places of integers and arrays in the key
        for place, item in enumerate(items):
            if item is None:
                self.is_new.append(True)
            elif item is Ellipsis or isinstance(item, slice):
                count, item = (missing, slice(None)) if item is Ellipsis else (1, item)
                self.is_new += [False] * count
                for _ in range(count):
                    self.selectors += _select(item, len(self.selectors), self.shape)
            else:
                if not places:
                    self.gathered_at = len(self.is_new)
                places.append(place)
                self.selectors += _select(item, len(self.selectors), self.shape)
        if places and places[-1] - places[0] != len(places) - 1:
            self.gathered_at = 0

    def plan(self, height_axis: int, width_axis: int) -> Plan:
        """Return the work that the key asks for; see the function `plan`."""
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
        """Return the frames to decode, and the selector along the block's first axis."""
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
        """Return a function that takes the steps of Note [How a block becomes the result]."""
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
    """Return the smallest half-open interval that holds all indices of a selector that is not
    empty.
    """
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
    """Return the part of a selector for torch's basic indexing.

    Ranges run forward, and the axes of index arrays are taken whole.
    """
    if isinstance(selector, int):
        return selector
    if isinstance(selector, range):
        forward = selector if selector.step > 0 else selector[::-1]
        size = forward.stop - forward.start  # torch refuses steps beyond int64
        return slice(forward.start, forward.stop, max(1, min(forward.step, size)))
    return slice(None)


# --- Lists of frame numbers -----------------------------------------------------------------------


def frame_list(indices: Any, num_frames: int) -> np.ndarray:
    """Frame numbers as an int64 array of numbers >= 0.

    Parameters
    ----------
    indices : list, tuple, range, 1-D array or tensor of whole numbers
        Of any integer or floating type. Negative numbers count from the last frame.
    num_frames : int

    Raises
    ------
    IndexError
        A number is less than -num_frames or not less than num_frames.
    FrameNumberError
        (an IndexTypeError and a RuntimeError) A number is not whole.
    IndexTypeError
        (a TypeError and an IndexError) `indices` is not a list of numbers. No bool is a number.
    ValueError
        `indices` has more than one axis.
    """
    array = flat_numbers(indices, "frame numbers", "one frame number")
    if array.dtype.kind == "f":
        _check_whole(array)
    outside = (array < -num_frames) | (array >= num_frames)
    if outside.any():
        _out_of_bounds(int(array[outside][0]), 0, num_frames)
    array = array.astype(np.int64, copy=False)
    return np.where(array < 0, array + num_frames, array)


def frame_number(index: Any) -> int:
    """One frame number: an integer, or a 0-d array or tensor of a whole number.

    Raises
    ------
    FrameNumberError
        (a TypeError, an IndexError and a RuntimeError) The number is not whole, or is a float of
        Python, which is more likely a time or a mistake.
    TypeError
        The value is not a number. No bool is a number.
    """
    if isinstance(index, float) and not hasattr(index, "dtype"):
        raise FrameNumberError(f"index must be an integer, not float ({_BY_TIME})")
    if hasattr(index, "dtype") and getattr(index, "ndim", 1) == 0:
        array = torch_adapter.to_numpy(index) if torch_adapter.is_tensor(index) else np.asarray(index)
        if array.dtype.kind == "f":
            _check_whole(array)
            return int(array)
    return integer("index", index)


_BY_TIME = "get_frame_played_at and get_frames_played_at take seconds"


def _check_whole(numbers: np.ndarray) -> None:
    """Raise FrameNumberError unless all floats are whole numbers."""
    broken = ~(np.isfinite(numbers) & (numbers == np.rint(numbers)))
    if broken.any():
        raise FrameNumberError(f"frame numbers must be whole, got {numbers[broken].flat[0]} ({_BY_TIME})")


def length_of(numbers: range) -> int:
    """Return the length of a range; `len` raises OverflowError for one above 2**63."""
    return max(
        0,
        (numbers.stop - numbers.start + numbers.step - (numbers.step > 0) + (numbers.step < 0))
        // numbers.step,
    )


def check_count(count: int, what: str) -> None:
    """Raise ValueError for more numbers than anybody asks for, before they fill the memory."""
    if count > MOST_NUMBERS:
        raise ValueError(f"{count} {what} are too many: at most {MOST_NUMBERS} (ask for less at a time)")


def flat_numbers(values: Any, what: str, single: str) -> np.ndarray:
    """Return a list, tuple, array or tensor as a 1-D array of numbers.

    Parameters
    ----------
    values
    what, single : str
        How errors name the values, and one of them.

    Raises
    ------
    IndexTypeError
        (a TypeError and an IndexError) `values` is not a list of numbers. Bools and text are not
        numbers.
    ValueError
        `values` has more than one axis, or is longer than MOST_NUMBERS.
    """
    if isinstance(values, Sequence):
        check_count(len(values) if not isinstance(values, range) else length_of(values), what)
    if torch_adapter.is_tensor(values):
        array = torch_adapter.to_numpy(values)
    elif isinstance(values, range) and max(map(abs, (values.start, values.stop, values.step))) < 1 << 62:
        array = np.arange(values.start, values.stop, values.step)
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
