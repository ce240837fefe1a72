"""csrc/resample gives the bytes that torch gives for whole frames, and equal floats within their
precision.

The tests compile its kernels separately and call them through ctypes.
"""

import ctypes
import itertools
import random
import subprocess

import numpy as np
import programs
import pytest
import torch
from programs import ROOT
from resizing import resize_bilinear

SOURCES = [
    ROOT / "csrc" / name
    for name in (
        "kernels/axis.c",
        "resample/resample.c",
        "resample/resample_rows.c",
        "kernels/half_row.c",
        "kernels/pack_rows.c",
        "kernels/kernel_level.c",
    )
]
PLAIN, AVX2, AVX512 = LEVELS = range(3)
SAMPLES = [np.uint8, np.float32, np.float16]  # ConvertType
GUARD = 5


class Rect(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("x0", "y0", "x1", "y1")]


class Axis(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_int) for name in ("length", "extent", "shift", "used")],
        ("spans", ctypes.POINTER(ctypes.c_int)),
        ("fixed", ctypes.POINTER(ctypes.c_int16)),
        ("floats", ctypes.POINTER(ctypes.c_float)),
    ]


def options():
    """Return what csrc/resample/resample.c is built with."""
    flags = ["pkg-config", "--cflags", "libavutil"]
    return [*subprocess.run(flags, capture_output=True, text=True, check=True).stdout.split(), "-lm"]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("resample") / "resample.so"
    programs.build(path, SOURCES, "-shared", "-fPIC", *options())
    library = ctypes.CDLL(str(path))
    library.resampler_alloc.restype = ctypes.c_void_p
    library.resampler_alloc.argtypes = [*[ctypes.c_int] * 4, Rect, ctypes.c_int, ctypes.c_int]
    library.resampler_needs.restype = Rect
    for function in (library.resampler_needs, library.resampler_step, library.resampler_free):
        function.argtypes = [ctypes.c_void_p]
    library.resampler_begin.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t]
    library.resampler_rows.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
    yield library
    library.kernel_limit(AVX512)


@pytest.fixture
def resample(library):
    """``resample(frame, height, width)`` returns a frame of the given size, or a region of it."""

    def resample(frame, height, width, region=None, level=AVX512, dtype=None, steps_per_call=1, frames=1):
        channels = frame.shape[2]
        x0, y0, x1, y1 = region = region or (0, 0, width, height)
        dtype = np.dtype(dtype or frame.dtype)
        library.kernel_limit(level)
        handle = library.resampler_alloc(
            frame.shape[1], frame.shape[0], width, height, Rect(*region), SAMPLES.index(dtype), channels
        )
        assert handle
        needs = library.resampler_needs(handle)
        assert 0 <= needs.x0 < needs.x1 <= frame.shape[1]
        assert 0 <= needs.y0 < needs.y1 <= frame.shape[0]
        # the input lacks the rows and columns that it does not need, and the result lies inside a
        # larger array
        rows = np.ascontiguousarray(frame[needs.y0 : needs.y1, needs.x0 : needs.x1])
        around = np.full((y1 - y0 + 2, channels * (x1 - x0) + 2 * GUARD), 77, dtype)
        per_call = steps_per_call * library.resampler_step(handle)
        out = around[1:-1, GUARD:-GUARD]
        for _ in range(frames):
            out[:] = 0
            library.resampler_begin(handle, out.ctypes.data, out.strides[0])
            for y in range(0, len(rows), per_call):
                part = rows[y : y + per_call].copy()
                library.resampler_rows(handle, part.ctypes.data, part.strides[0], len(part))
        library.resampler_free(handle)
        result = out.reshape(y1 - y0, x1 - x0, channels).copy()
        out[:] = 77
        assert (around == 77).all(), "written beyond the rows of the result"
        return result

    return resample


def picture(height, width, dtype=np.uint8, channels=3):
    """Returns noise, or black and white alone."""
    noise = np.random.default_rng(height * 5000 + width)
    frame = noise.integers(0, 256, (height, width, channels), np.uint8)
    if (height + width) % 3 == 0:
        frame = (frame > 127).astype(np.uint8) * np.uint8(255)
    return frame if dtype is np.uint8 else (frame / 255).astype(dtype)


def expected(frame, height, width, region=None):
    x0, y0, x1, y1 = region or (0, 0, width, height)
    return resize_bilinear(torch.from_numpy(frame)[None], height, width)[0, y0:y1, x0:x1].numpy()


def some_region(chance, height, width):
    x0, y0 = chance.randrange(width), chance.randrange(height)
    return x0, y0, chance.randint(x0 + 1, width), chance.randint(y0 + 1, height)


SIZES = [
    ((720, 1280), (256, 256)),
    ((360, 640), (256, 341)),
    ((24, 1920), (24, 8)),  # along one axis alone
    ((1080, 24), (8, 24)),
    ((24, 1920), (24, 455)),
    ((3, 3), (700, 500)),
    ((24, 32), (24, 32)),
    ((90, 160), (1, 1)),
    ((1, 1), (5, 9)),
    ((1, 50), (3, 20)),
    ((50, 1), (20, 3)),
    ((3, 200), (200, 3)),
    ((47, 63), (101, 7)),
    ((5, 4096), (5, 1)),
    ((30, 21), (20, 29)),  # rows of 63 and of 66 bytes
    ((30, 22), (20, 29)),
    ((9, 5), (7, 3)),  # rows of 15 and of 18 bytes
    ((9, 6), (7, 3)),
]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("before", "after"), SIZES, ids=str)
def test_bytes_are_those_of_torch(resample, before, after, level, channels):
    frame = picture(*before, channels=channels)
    whole = expected(frame, *after)
    assert np.array_equal(resample(frame, *after, level=level), whole)
    chance = random.Random(1)
    for steps in (1, 2, 4):
        x0, y0, x1, y1 = region = some_region(chance, *after)
        ours = resample(frame, *after, region, level, steps_per_call=steps)
        assert np.array_equal(ours, whole[y0:y1, x0:x1])


@pytest.mark.parametrize("level", LEVELS)
def test_bytes_of_many_lengths(resample, level):
    """Every length up to 26, and a few more, is resized to every other, along both axes."""
    lengths = [*range(1, 27), 33, 64, 65]
    for before, after in itertools.product(lengths, lengths):
        frame = picture(before, before, channels=(1, 3, 4)[(before + after) % 3])
        assert np.array_equal(resample(frame, after, after, level=level), expected(frame, after, after)), (
            before,
            after,
        )


def test_bytes_of_sizes_that_nobody_chose(resample):
    chance = random.Random(2)
    for _ in range(400):
        height, width, *after = (chance.randint(1, 400) for _ in range(4))
        frame = picture(height, width, channels=chance.choice((1, 3, 4)))
        region = some_region(chance, *after)
        theirs = expected(frame, *after, region)
        for level in LEVELS:
            ours = resample(frame, *after, region, level)
            assert np.array_equal(ours, theirs), (height, width, *after, region, level)


def axis(library, before, after, fixed):
    """Returns spans [after, 3] of csrc/kernels/axis.h, weights, and the number of their binary
    places.
    """
    made = Axis()
    assert library.axis_init(ctypes.byref(made), before, after, 0, after, fixed) == 0
    spans = np.ctypeslib.as_array(made.spans, (after, 3)).copy()
    weights = np.ctypeslib.as_array(made.fixed if fixed else made.floats, (made.used,)).copy()
    library.axis_free(ctypes.byref(made))
    return spans, weights, made.shift


def test_weights_sum_to_one(library):
    for before, after in ((1080, 256), (256, 1080), (7, 7), (1, 9), (640, 1)):
        spans, weights, shift = axis(library, before, after, True)
        sums = np.array([weights[start : start + count].sum(dtype=int) for _, count, start in spans])
        assert abs(sums - (1 << shift)).max() <= spans[:, 1].max()
        assert weights.max() > 0
        assert ((spans[:, 0] >= 0) & (spans[:, 0] + spans[:, 1] <= before)).all()
        spans, weights, _ = axis(library, before, after, False)
        sums = np.array([weights[start : start + count].sum() for _, count, start in spans])
        assert abs(sums - 1).max() < 1e-6


def test_weights_that_are_no_two_signed_bytes(resample, library):
    """AVX-512 multiplies a byte by a signed byte, so weights near 1 << 15 take another path, on
    either axis.
    """
    large = [n for n in range(300, 700) if axis(library, n, 100, True)[1].max() >= 0x7F80]
    assert large
    for length in large[:3]:
        for before, after in (
            ((length, 200), (100, 150)),
            ((200, length), (150, 100)),
            ((length, length), (100, 100)),
        ):
            frame = picture(*before)
            assert np.array_equal(resample(frame, *after), expected(frame, *after))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("before", "after"), SIZES, ids=str)
def test_floats_are_exact(resample, before, after, level, channels):
    frame = picture(*before, np.float32, channels)
    region = some_region(random.Random(3), *after)
    for part in (None, region):
        ours, exact = resample(frame, *after, part, level), expected(frame.astype(np.float64), *after, part)
        # the error of long sums is larger
        error = 3e-7 * max(1, before[0] / after[0] / 32, before[1] / after[1] / 32)
        assert np.abs(ours - exact).max() <= error
        half = resample(frame, *after, part, level, np.float16)
        assert np.array_equal(half, ours.astype(np.float16))


def test_a_resampler_makes_one_frame_after_the_other(resample):
    for level, channels in itertools.product(LEVELS, (1, 3, 4)):
        frame = picture(50, 60, channels=channels)
        assert np.array_equal(resample(frame, 20, 30, level=level, frames=3), expected(frame, 20, 30))


def test_no_byte_is_read_or_written_that_is_not_theirs(tmp_path):
    sources = [*SOURCES, ROOT / "tests" / "native" / "resample_rows.c"]
    sanitizers = programs.sanitizers(tmp_path)
    programs.run(tmp_path / "rows", sources, *sanitizers, *options(), says=" frames are equal\n")
