"""Ranges of frame numbers and of times, and frame numbers that are floats."""

import media
import numpy as np
import pytest
import torch

from cycodec.decoders import VideoDecoder

MODES = ("exact", "approximate")
FILES = ("h264_plain.mp4", "h264_startpts_10s.mp4", "vp9.webm", "ntsc.mp4")


def decoder(name="h264_plain.mp4", mode="exact"):
    return VideoDecoder(media.locate(name), seek_mode=mode)


# --- by number ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "arguments",
    [(0,), (3, None), (-4,), (-4, None), (2, None, 3), (0, 5), (5, 5), (8, 2), (-3, -1), (6, None, -2)],
)
def test_range_by_number_is_a_slice(mode, arguments):
    d = decoder(mode=mode)
    key = slice(*arguments) if len(arguments) > 1 else slice(arguments[0], None)
    batch = decoder(mode=mode).get_frames_in_range(*arguments)
    assert torch.equal(batch.data, d[key])
    assert len(batch.pts_seconds) == len(range(*key.indices(len(d))))


def test_range_by_number_takes_keywords():
    assert len(decoder().get_frames_in_range(start=1, step=2)) == len(range(1, len(decoder()), 2))
    with pytest.raises(TypeError, match="stop must be an integer"):
        decoder().get_frames_in_range(0, 2.5)


# --- by time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1e-10, 1e-7, 1e-4])
def test_a_range_with_an_instant_holds_its_frame(name, mode, length):
    exact = decoder(name)
    index = exact.index
    for number in (0, 1, 7, len(exact) - 1):
        begin, duration = index.pts_seconds(number), index.duration_seconds(number)
        for start in (begin, begin + duration / 2):
            batch = decoder(name, mode).get_frames_played_in_range(start, start + length)
            assert batch.pts_seconds.tolist() == [begin]
            assert torch.equal(batch.data[0], exact[number])
            assert len(decoder(name, mode).t[start : start + length]) == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", MODES)
def test_a_range_may_end_with_the_stream(name, mode):
    d = decoder(name, mode)
    end = d.metadata.end_stream_seconds
    batch = d.get_frames_played_in_range(np.nextafter(end, 0), end)
    assert len(batch) == 1
    assert batch.pts_seconds[0] == decoder(name).index.pts_seconds(len(decoder(name)) - 1)


@pytest.mark.parametrize("mode", MODES)
def test_equal_bounds_hold_no_instant(mode):
    d = decoder(mode=mode)
    batch = d.get_frames_played_in_range(0.5, 0.5)
    assert batch.data.shape == (0, *d[0].shape)
    assert len(d.get_frames_played_in_range(0.5, 0.5, fps=10)) == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_short_range_at_a_rate_holds_one_frame(mode):
    batch = decoder(mode=mode).get_frames_played_in_range(0.5, 0.5 + 1e-9, fps=10)
    assert batch.pts_seconds.tolist() == [0.5]


# --- frame numbers that are floats ----------------------------------------------------------------


@pytest.mark.parametrize(
    "numbers",
    [
        torch.tensor([0.0, 5.0, -1.0]),
        torch.tensor([0.0, 5.0, -1.0], dtype=torch.float16),
        torch.tensor([0.0, 5.0, -1.0], dtype=torch.bfloat16),
        np.array([0.0, 5.0, -1.0]),
        [0.0, 5, -1.0],
    ],
    ids=lambda numbers: str(getattr(numbers, "dtype", "list")),
)
def test_whole_floats_are_frame_numbers(numbers):
    d = decoder()
    assert torch.equal(decoder().get_frames_at(numbers).data, d[[0, 5, -1]])


@pytest.mark.parametrize("number", [torch.tensor(5.0), torch.tensor(5), np.float32(5), np.int8(5)])
def test_one_whole_float_of_a_tensor_is_a_frame_number(number):
    assert torch.equal(decoder().get_frame_at(number).data, decoder()[5])


@pytest.mark.parametrize(
    "numbers", [torch.tensor([1.5]), [0.0, 0.25], np.array([np.nan]), torch.tensor([torch.inf])], ids=str
)
def test_fractions_are_refused_and_point_to_times(numbers):
    for error in (RuntimeError, IndexError, TypeError):
        with pytest.raises(error, match=r"must be whole, got .*get_frames_played_at take seconds"):
            decoder().get_frames_at(numbers)


@pytest.mark.parametrize("number", [1.5, 5.0, torch.tensor(1.5), np.float64(1.5), float("nan")])
def test_one_fraction_is_refused(number):
    with pytest.raises(RuntimeError, match="get_frame_played_at"):
        decoder().get_frame_at(number)


def test_whole_floats_outside_are_index_errors():
    for numbers in ([1e30], torch.tensor([-1e30]), [float(len(decoder()))]):
        with pytest.raises(IndexError, match="out of bounds"):
            decoder().get_frames_at(numbers)


@pytest.mark.parametrize(
    "key", [1.5, np.float32(2), torch.tensor(1.5), [0.5, 1.5], slice(0.5, 1.5), (1.5, 0)]
)
def test_keys_of_seconds_point_to_t(key):
    with pytest.raises(IndexError, match=r"decoder\.t\[\.\.\.\] takes seconds"):
        decoder()[key]
