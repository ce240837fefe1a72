"""Keys of seconds: instants, slices of time, grids of instants, and keys that are none of these."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings

from cycodec._shared.keys import IndexTypeError
from cycodec._shared.time_keys import (
    TimeRange,
    fps_grid,
    instant,
    instants,
    time_grid,
    time_key,
    time_range,
)


@pytest.mark.parametrize(
    "value", [1, 1.0, np.float32(1), np.int8(1), np.array(1.0), torch.tensor(1.0), Fraction(1)], ids=repr
)
def test_instant(value):
    assert instant(value) == 1.0
    assert type(instant(value)) is float
    assert time_key(value, 0.0, 2.0) == 1.0


@pytest.mark.parametrize(
    "value",
    ["1", b"1", True, np.True_, np.array(True), torch.tensor(True), None, 1j, np.str_("1"), np.complex64(1)],
    ids=repr,
)
def test_instant_of_a_wrong_type(value):
    with pytest.raises(IndexTypeError, match="must be a number"):
        instant(value)
    with pytest.raises(TypeError):
        time_key(value, 0.0, 2.0)
    with pytest.raises(TypeError):
        time_key(slice(value, 1j), 0.0, 2.0)
    with pytest.raises(TypeError):
        instants([value])


def test_integer_beyond_every_float_is_not_finite():
    with pytest.raises(ValueError, match="must be finite"):
        instant(10**400)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_seconds_must_be_finite(value):
    for call in [
        lambda: instant(value),
        lambda: instants([0.0, value]),
        lambda: time_key(value, 0.0, 2.0),
        lambda: time_key(slice(value, None), 0.0, 2.0),
        lambda: time_key(slice(None, value), 0.0, 2.0),
        lambda: time_key(slice(None, None, value), 0.0, 2.0),
        lambda: fps_grid(0.0, 1.0, value),
    ]:
        with pytest.raises(ValueError, match="must be finite"):
            call()


def test_instants():
    for seconds in [[0.5, 2], (0.5, 2), np.array([0.5, 2], np.float32), torch.tensor([0.5, 2.0])]:
        assert instants(seconds).tolist() == [0.5, 2.0]
        assert instants(seconds).dtype == np.float64
    assert instants(torch.tensor([0.5], dtype=torch.bfloat16)).tolist() == [0.5]
    assert instants([]).shape == (0,)
    assert time_key([0.5, 2], 0, 3).tolist() == [0.5, 2]
    assert time_key(torch.tensor([0.5, 2]), 0, 3).tolist() == [0.5, 2]


@pytest.mark.parametrize(
    "seconds", [1.0, "12", None, {1.0}, [True], [0.5, False], ["a"], torch.tensor([True])]
)
def test_instants_of_a_wrong_type(seconds):
    with pytest.raises(IndexTypeError):
        instants(seconds)


def test_tuple_of_seconds_is_no_list():
    with pytest.raises(TypeError):
        time_key((0.5, 2.0), 0.0, 3.0)


def test_time_slices():
    assert time_key(slice(None), 0.5, 2.0) == TimeRange(0.5, 2.0)
    assert time_key(slice(1, None), 0.5, 2.0) == TimeRange(1.0, 2.0)
    assert time_key(slice(None, 1.5), 0.5, 2.0) == TimeRange(0.5, 1.5)
    assert time_key(slice(1.0, 1.0), 0.5, 2.0) == TimeRange(1.0, 1.0)
    assert time_key(slice(None, None, 0.5), 0.5, 2.0).tolist() == [0.5, 1.0, 1.5]
    assert time_key(slice(1.0, 1.0, 0.5), 0.5, 2.0).tolist() == []


@pytest.mark.parametrize("step", [0, -1, 0.0, -0.25])
def test_step_of_time_must_be_positive(step):
    with pytest.raises(ValueError, match="must be positive"):
        time_key(slice(None, None, step), 0.0, 2.0)
    for grid in (time_grid, fps_grid):
        with pytest.raises(ValueError, match="must be positive"):
            grid(0.0, 1.0, step)


def test_time_ranges_outside_the_stream():
    for start, stop, words in [
        (1.5, 1.0, "backwards"),
        (0.4, 1.0, "starts at 0.4 s, outside"),
        (2.0, 2.0, "starts at 2.0 s, outside"),
        (1.0, 2.1, "stops at 2.1 s, beyond"),
    ]:
        with pytest.raises(ValueError, match=words):
            time_range(start, stop, 0.5, 2.0)
        with pytest.raises(ValueError, match=words):
            time_key(slice(start, stop), 0.5, 2.0)
    assert time_range(0.0, 0.0, 0.0, 0.0) == TimeRange(0.0, 0.0)  # the stream has no duration


@settings(deadline=None)  # a loaded machine makes any example slow
@given(st.floats(-1e5, 1e5), st.floats(0.01, 1e5))
def test_float32_copies_of_the_ends_are_inside(begin, duration):
    end = begin + duration
    start, stop = float(np.float32(begin)), float(np.float32(end))
    assume(start <= stop)
    inside = time_range(start, stop, begin, end)
    assert begin <= inside.start <= inside.stop <= end


def test_grid_does_not_add_up_errors():
    grid = time_key(slice(0.0, 1000.0, 0.1), 0.0, 1000.0)
    assert len(grid) == 10_000
    assert grid[-1] == 9999 * 0.1
    assert len(fps_grid(0.0, 1000.0, 30000 / 1001)) == 29971


@settings(deadline=None)  # a loaded machine makes any example slow
@given(
    st.integers(0, 10**4).map(lambda n: n / 10),
    st.integers(0, 500),
    st.sampled_from([0.1, 0.25, 1 / 3, 0.04, 1001 / 30000, 2.0]),
)
def test_grid_up_to_a_multiple_of_the_step_leaves_it_out(start, count, step):
    stop = start + count * step
    assert len(time_key(slice(start, stop, step), 0.0, 1e9)) == count
    assert len(fps_grid(start, stop, 1 / step)) == count


@settings(deadline=None)  # a loaded machine makes any example slow
@given(st.floats(0, 1e4), st.floats(0, 1e3), st.floats(0.01, 100))
def test_grid_lies_in_the_range(start, length, step):
    stop = start + length
    for grid in (time_key(slice(start, stop, step), 0.0, 1e9), fps_grid(start, stop, 1 / step)):
        assert (len(grid) > 0) == (start < stop)
        if len(grid):
            assert grid[0] == start
            assert grid[-1] < stop
            assert grid[-1] + step >= stop - 1e-9 * stop


@pytest.mark.parametrize("step", [1e-12, 5e-324])
def test_grid_that_nobody_can_decode(step):
    with pytest.raises(ValueError, match="too many"):
        time_key(slice(0.0, 10.0, step), 0.0, 10.0)
