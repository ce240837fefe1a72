"""Keys against NumPy: the result of every key, which frames it decodes, and the errors of illegal
keys.
"""

from __future__ import annotations

import io
import subprocess
import sys
import timeit
import wave

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from cycodec._shared.keys import IndexTypeError, frame_list, plan
from cycodec.decoders import AudioDecoder

ORDERS = {"NCHW": (2, 3), "NHWC": (1, 2)}
NUM_FRAMES, HEIGHT, WIDTH, CHANNELS = 7, 5, 6, 3


class FakeDecoder:
    """Serves frames and regions of a random video as a decoder would, and records the requests."""

    def __init__(self, order: str, num_frames: int = NUM_FRAMES) -> None:
        random = np.random.default_rng(5)
        self.nhwc = random.integers(0, 256, (num_frames, HEIGHT, WIDTH, CHANNELS), np.uint8)
        self.to_order = (0, *("NHWC".index(axis) for axis in order[1:]))
        self.all_frames = self.nhwc.transpose(self.to_order)  # the oracle
        self.height_axis, self.width_axis = ORDERS[order]

    def __getitem__(self, key):
        self.plan = plan(key, self.all_frames.shape, self.height_axis, self.width_axis)
        assert isinstance(self.plan.frames, np.ndarray)
        assert self.plan.frames.dtype == np.int64
        assert (self.plan.frames >= 0).all()
        y0, y1, x0, x1 = self.plan.region or (0, HEIGHT, 0, WIDTH)
        block = np.ascontiguousarray(self.nhwc[self.plan.frames][:, y0:y1, x0:x1])
        self.block = torch.from_numpy(block).permute(self.to_order)
        return self.plan.finish(self.block)

    def pixels_asked_for(self, key) -> list[np.ndarray]:
        """Returns for each axis the positions that NumPy reads for a key."""
        shape = self.all_frames.shape
        grids = np.meshgrid(*map(np.arange, shape), indexing="ij", sparse=True)
        return [np.unique(np.broadcast_to(grid, shape)[key]) for grid in grids]


@pytest.fixture(params=list(ORDERS))
def decoder(request):
    return FakeDecoder(request.param)


@pytest.fixture
def audio():
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", None))
        wav.writeframes(np.arange(NUM_FRAMES, dtype="<i2").tobytes())
    return AudioDecoder(file.getvalue())


# --- Keys that hypothesis makes -------------------------------------------------------------------


def integers_for(size: int) -> st.SearchStrategy[int]:
    return st.integers(-size, size - 1)


def slices_for(size: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-size - 3, size + 3)
    return st.builds(slice, bound, bound, st.none() | st.integers(-4, 4).filter(bool))


def in_any_form(array: np.ndarray) -> st.SearchStrategy:
    """Draws a form of the same indices: a list, an array of some integer type, or a tensor."""
    forms = [array, array.tolist(), torch.from_numpy(array)]
    if array.dtype != np.bool_:
        forms += [array.astype(np.int8), torch.from_numpy(array).to(torch.int32)]
        if array.size and array.min() >= 0:
            forms += [array.astype(np.uint16), torch.from_numpy(array).to(torch.uint8)]
    return st.sampled_from(forms)


@st.composite
def index_arrays(draw, size: int, shape: tuple[int, ...]):
    """Draws integers for one axis, in a shape that broadcasts to the given one."""
    own = tuple(
        draw(st.sampled_from([length, 1])) for length in shape[draw(st.integers(0, len(shape) - 1)) :]
    )
    values = draw(st.lists(integers_for(size), min_size=int(np.prod(own)), max_size=int(np.prod(own))))
    return draw(in_any_form(np.array(values, np.int64).reshape(own)))


@st.composite
def masks(draw, shape: tuple[int, ...], length: int):
    """Draws a mask of these axes. It mostly selects as many places as the index arrays beside it
    have.
    """
    count = int(np.prod(shape))
    length = min(count, draw(st.sampled_from([length, length, length, 1, 4])))
    mask = np.zeros(count, np.bool_)
    mask[draw(st.lists(st.integers(0, count - 1), min_size=length, max_size=length, unique=True))] = True
    return draw(in_any_form(mask.reshape(shape)))


@st.composite
def keys(draw, shape: tuple[int, ...]):
    """Draws any key that NumPy knows for an array of this shape; most are legal."""
    common = draw(st.sampled_from([(2,), (3,), (3, 2), (2, 1, 3), (1,), (0,), (2, 0)]))
    num_axes = draw(st.sampled_from([4, 4, 4, 3, 2, 1, 0]))
    ellipsis_at = draw(st.none() | st.integers(0, num_axes))
    items: list = []
    axis = 0
    while axis < num_axes:
        if ellipsis_at == axis:  # the rest counts from the end
            items.append(Ellipsis)
            shape = (*shape[:axis], *shape[len(shape) - num_axes + axis :])
            ellipsis_at = None
        kind = draw(
            st.sampled_from(["int", "slice", "slice", "array", "array", "mask", "newaxis", "scalar array"])
        )
        size = shape[axis]
        if kind == "newaxis":
            items.append(None)
            continue
        width = 1
        if kind == "int":
            items.append(draw(integers_for(size).flatmap(lambda i: st.sampled_from([i, np.int16(i)]))))
        elif kind == "scalar array":
            items.append(
                draw(integers_for(size).flatmap(lambda i: st.sampled_from([np.array(i), torch.tensor(i)])))
            )
        elif kind == "slice":
            items.append(draw(slices_for(size)))
        elif kind == "array":
            items.append(draw(index_arrays(size, common)))
        else:
            width = draw(st.integers(1, num_axes - axis))
            items.append(draw(masks(shape[axis : axis + width], common[-1])))
        axis += width
    if ellipsis_at is not None:
        items.append(Ellipsis)
    if draw(st.booleans()):
        items.append(None)
    return items[0] if len(items) == 1 and draw(st.booleans()) else tuple(items)


def numpy_key(key):
    """Return the key with its tensors as arrays, for the oracle."""
    if isinstance(key, tuple):
        return tuple(map(numpy_key, key))
    return key.numpy() if isinstance(key, torch.Tensor) else key


def check_against_numpy(decoder: FakeDecoder, key) -> None:
    oracle_key = numpy_key(key)
    try:
        expected = decoder.all_frames[oracle_key]
    except IndexError:
        with pytest.raises(IndexError):
            decoder[key]
        return
    result = decoder[key]
    assert result.dtype == torch.uint8
    assert tuple(result.shape) == np.shape(expected)
    np.testing.assert_array_equal(result.numpy(), expected)

    frames, region = decoder.plan.frames, decoder.plan.region
    if expected.size == 0:
        assert len(frames) == 0
        return
    wanted = decoder.pixels_asked_for(oracle_key)
    assert np.array_equal(np.unique(frames), wanted[0]), "decodes other frames than those asked for"
    y, x = wanted[decoder.height_axis], wanted[decoder.width_axis]
    box = (y[0], y[-1] + 1, x[0], x[-1] + 1)
    assert (region or (0, HEIGHT, 0, WIDTH)) == box, "the region is not the smallest box"
    assert region != (0, HEIGHT, 0, WIDTH), "the whole frame must be None"
    if len(frames) != len(wanted[0]):  # frames may repeat only where this avoids a copy of the whole result
        items = key if isinstance(key, tuple) else (key,)
        flipped = any(isinstance(i, slice) and (i.step or 1) < 0 for i in items)
        shared = result.untyped_storage().data_ptr() == decoder.block.untyped_storage().data_ptr()
        assert shared or flipped


PROPERTY = settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_any_key_equals_numpy(order):
    decoder = FakeDecoder(order)

    @PROPERTY
    @given(keys(decoder.all_frames.shape))
    def check(key):
        check_against_numpy(decoder, key)

    check()


@settings(max_examples=150, deadline=None)
@given(slices_for(NUM_FRAMES), slices_for(HEIGHT), slices_for(WIDTH))
def test_slices_of_all_axes(frames, rows, columns):
    check_against_numpy(FakeDecoder("NHWC"), (frames, rows, columns))
    check_against_numpy(FakeDecoder("NCHW"), (frames, slice(None), rows, columns))


# --- Keys with a meaning --------------------------------------------------------------------------

_mask = np.random.default_rng(7).random((NUM_FRAMES,)) > 0.5


@pytest.mark.parametrize(
    "key",
    [
        -1,
        -NUM_FRAMES,
        np.int64(-2),
        np.uint8(3),
        slice(-3, None),
        (),
        Ellipsis,
        None,
        [],
        [[]],
        (slice(2, 2), [0, 1]),
        (3, slice(1, 1)),
        ([], 0),
        (0, ..., 0, 0, 0),  # the ellipsis between integers stands for no axis
        (0, ..., [1, 2], 0, 0),  # between an integer and an array it still separates them
        ([1, 2], ..., 0, 0, 0),
        (None, [1, 2], ..., [0, 1]),
        ([5, 1, 1], 0),
        ([[0, 1], [2, 2]], slice(None), [[1], [0]]),
        (0, slice(None), [1, 0]),
        (slice(None), 0, [1, 0], [1, 0]),
        (_mask, 0),
        (_mask, slice(None), slice(None, None, -1)),
        (range(3), 0),
        ((0, 1), (1, 2)),
        np.zeros((NUM_FRAMES, 3), np.bool_),
        np.zeros(NUM_FRAMES, np.bool_),
        [True] * NUM_FRAMES,
        np.array([], np.int64),
        torch.empty(0, dtype=torch.int64),
        np.array([3, 1], dtype=">i4"),
        [torch.tensor(1), np.int8(2)],
    ],
    ids=repr,
)
def test_key_equals_numpy(decoder, key):
    check_against_numpy(decoder, key)


@pytest.mark.parametrize("order", ORDERS)
def test_mask_of_every_pixel(order):
    decoder = FakeDecoder(order)
    check_against_numpy(decoder, decoder.all_frames > 250)
    check_against_numpy(decoder, decoder.all_frames > 255)
    check_against_numpy(decoder, (slice(1, 6, 2), decoder.all_frames[0] > 200))
    check_against_numpy(decoder, (..., decoder.all_frames[0, 0] > 200))


def test_video_without_frames(decoder):
    empty = FakeDecoder("NCHW", num_frames=0)
    for key in [..., slice(None), slice(None, None, -1), [], (slice(None), 0), np.zeros(0, np.bool_)]:
        check_against_numpy(empty, key)
    for key in [0, -1, [0], ([0], 0)]:
        with pytest.raises(IndexError, match="axis 0 with size 0"):
            empty[key]


def test_work_is_what_was_asked_for():
    decoder = FakeDecoder("NCHW")

    def work(key):
        decoder[key]
        return decoder.plan.frames.tolist(), decoder.plan.region

    assert work(5) == ([5], None)
    assert work((6, 0)) == ([6], None)
    assert work((slice(0, 4), slice(None), slice(1, 3), slice(2, 5))) == ([0, 1, 2, 3], (1, 3, 2, 5))
    assert work(slice(None, None, -3)) == ([6, 3, 0], None)
    assert work((slice(5, None), ..., 2)) == ([5, 6], (0, HEIGHT, 2, 3))
    assert work((0, 0, [1, 3], [5, 4])) == ([0], (1, 4, 4, 6))
    assert work(([4, 0, 4], slice(None), 0, 0)) == ([4, 0, 4], (0, 1, 0, 1))
    assert work(([4, 0, 4], [0, 1, 2])) == ([0, 4], None)
    assert work((slice(None), slice(0, 0))) == ([], None)


def test_plain_keys_give_views(decoder):
    for key in [3, slice(1, 5), slice(None, None, -1), [4, 1, 2], [4, 4], ..., (slice(2, 4), slice(1, 2))]:
        result = decoder[key]
        assert result.untyped_storage().data_ptr() == decoder.block.untyped_storage().data_ptr(), key


def test_result_stays_on_the_device_and_dtype_of_the_block():
    for key in [3, [3, 1], ([3, 1], [0, 1]), [], (slice(None), slice(None, None, -1))]:
        planned = plan(key, (7, 3, 5, 6), 2, 3)
        block = torch.empty((len(planned.frames), 3, 5, 6), dtype=torch.float32, device="meta")
        result = planned.finish(block)
        assert (result.device.type, result.dtype) == ("meta", torch.float32)


# --- Illegal keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (NUM_FRAMES, ["index 7", "axis 0", "size 7"]),
        (-NUM_FRAMES - 1, ["index -8", "axis 0", "size 7"]),
        (10**30, ["axis 0", "size 7"]),
        (np.int64(99), ["index 99", "axis 0", "size 7"]),
        ([0, 7], ["index 7", "axis 0", "size 7"]),
        (torch.tensor([0, -8]), ["index -8", "axis 0", "size 7"]),
        ((0, 3), ["index 3", "axis 1", "size 3"]),
        ((..., 6), ["index 6", "axis 3", "size 6"]),
        ((0, 0, [[5]]), ["index 5", "axis 2", "size 5"]),
        ((0, 0, 0, 0, 0), ["too many indices", "4 axes", "5"]),
        (np.zeros((NUM_FRAMES, 3, 5, 6, 1), np.bool_), ["too many indices", "5"]),
        ((..., ...), ["ellipsis"]),
        ([True] * 6, ["mask", "6", "axis 0", "size 7"]),
        ((0, torch.ones(2, dtype=torch.bool)), ["mask", "2", "axis 1", "size 3"]),
        (np.ones((NUM_FRAMES, 4), np.bool_), ["mask", "4", "axis 1", "size 3"]),
        (([0, 1], [0, 1, 2]), ["broadcast", "(2,)", "(3,)"]),
    ],
    ids=repr,
)
def test_index_errors_say_what_was_out_of_place(key, words):
    decoder = FakeDecoder("NCHW")
    with pytest.raises(IndexError):
        decoder.all_frames[numpy_key(key)]
    with pytest.raises(IndexError) as error:
        decoder[key]
    assert not isinstance(error.value, TypeError)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    "key",
    [
        1.0,
        np.float64(1),
        True,
        False,
        np.True_,
        np.array(True),
        torch.tensor(False),
        "1",
        b"1",
        bytearray(b"1"),
        {1},
        frozenset({1}),
        {1: 2},
        1j,
        object(),
        [1.0],
        [0.5, 1],
        ["1"],
        [None],
        [[0, 1], [2]],
        [slice(1)],
        np.array([1.0]),
        np.array([], np.float32),
        torch.tensor([1.0]),
        torch.tensor(1.0),
        torch.tensor([1.0], dtype=torch.bfloat16),
        np.array(["1"]),
        np.array([1], "m8[s]"),
        (0, True),
        (0, 1.5),
        (slice(None), "red"),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_a_wrong_type(decoder, key):
    with pytest.raises(IndexTypeError) as error:
        decoder[key]
    assert isinstance(error.value, TypeError)
    assert isinstance(error.value, IndexError)
    allowed_is_said = "allowed are integers, slices" in str(error.value)
    assert allowed_is_said or "forms no index array" in str(error.value)


@pytest.mark.parametrize("key", [slice(0.5, 2), slice("a"), slice(None, None, 1.0), (0, slice(0.0, None))])
def test_slices_with_bounds_of_a_wrong_type(decoder, key):
    with pytest.raises(TypeError, match="slice indices"):
        decoder[key]


BOUNDS = [True, False, np.True_, np.array(True), np.array(2), np.array([2]), np.int8(2), "x", 1.0, 2**70]
BOUNDS += [-(2**70), torch.tensor(1), torch.tensor(True), torch.tensor(1.0)]


@pytest.mark.parametrize("bound", BOUNDS, ids=repr)
def test_slice_bounds_are_those_of_numpy(decoder, audio, bound):
    """Video and audio accept and refuse the same bounds as NumPy, where a Python bool is legal."""
    frames, samples = decoder.all_frames, audio[:].numpy().T
    for key in (slice(bound, 5), slice(None, bound), slice(0, 5, bound)):
        for ours, array, whole in (
            (decoder, frames, key),
            (decoder, frames, (0, key)),
            (audio, samples, key),
        ):
            try:
                expected = array[whole]
            except (TypeError, ValueError) as error:
                with pytest.raises(type(error), match=r"slice indices must be|step cannot be zero"):
                    ours[whole]
            else:
                result = ours[whole].numpy()
                assert np.array_equal(result.T if ours is audio else result, expected)


@pytest.mark.parametrize("key", [slice(None, None, 0), (slice(None), slice(None, None, 0))])
def test_slice_step_zero(decoder, key):
    with pytest.raises(ValueError, match="zero"):
        decoder[key]


# --- Cost -----------------------------------------------------------------------------------------


def test_plain_keys_need_no_torch():
    code = """
import sys, numpy as np
from cycodec._shared.keys import plan, frame_list
from cycodec._shared.time_keys import time_key
for key in [3, -1, slice(None, None, -2), [1, 1], (slice(2), ..., 0), np.arange(3), np.ones(7, bool)]:
    plan(key, (7, 3, 5, 6), 2, 3)
frame_list([1, -1], 7), time_key(1.5, 0, 2), time_key([0.5], 0, 2)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("key", [5, slice(2, 6), np.int64(5)])
def test_plain_keys_take_microseconds(key):
    seconds = min(timeit.repeat(lambda: plan(key, (7, 3, 5, 6), 2, 3), number=500, repeat=5)) / 500
    assert seconds < 20e-6  # 1 us on an idle machine


# --- Lists of frame numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "indices",
    [
        [3, -1, 3, 0],
        (3, -1, 3, 0),
        np.array([3, -1, 3, 0], np.int8),
        torch.tensor([3, -1, 3, 0]),
        torch.tensor([3, -1, 3, 0], dtype=torch.int32),
        [np.int64(3), torch.tensor(-1), 3, 0],
    ],
)
def test_frame_list(indices):
    frames = frame_list(indices, 10)
    assert frames.dtype == np.int64
    assert frames.tolist() == [3, 9, 3, 0]


def test_frame_list_of_other_sequences():
    assert frame_list(range(2, 8, 3), 10).tolist() == [2, 5]
    for empty in [[], (), range(0), np.array([], np.int64), torch.empty(0, dtype=torch.int64)]:
        assert frame_list(empty, 0).tolist() == []
        assert frame_list(empty, 0).dtype == np.int64


def test_frame_list_leaves_its_argument_alone():
    indices = np.array([-1, 2])
    frame_list(indices, 5)[:] = 0
    assert indices.tolist() == [-1, 2]


@pytest.mark.parametrize("indices", [[10], [0, -11], torch.tensor([10]), [2**62]])
def test_frame_list_out_of_bounds(indices):
    with pytest.raises(IndexError, match="size 10: the video has 10 frames"):
        frame_list(indices, 10)


@pytest.mark.parametrize(
    "indices",
    [
        3,
        None,
        "12",
        b"12",
        {1, 2},
        [True, 2],
        [np.False_],
        [1.5],
        ["1"],
        [None],
        [[1], [2, 3]],
        np.array([1.5]),
        np.array([True]),
        torch.tensor([0.5]),
        torch.tensor([True]),
        torch.tensor(3),
        [10**30],
    ],
    ids=repr,
)
def test_frame_list_of_a_wrong_type(indices):
    with pytest.raises(IndexTypeError):
        frame_list(indices, 10)


def test_frame_list_with_two_axes():
    with pytest.raises(ValueError, match=r"one axis, got shape \(1, 2\)"):
        frame_list([[1, 2]], 10)
