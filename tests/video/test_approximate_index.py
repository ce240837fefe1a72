"""HeaderIndex, the index of approximate mode: what a header promises of the frames."""

import math
from fractions import Fraction

import media
import numpy as np
import pytest

from cycodec.core.video.header_index import HeaderIndex
from cycodec.core.video.index import FrameIndex
from cycodec.decoders import VideoDecoder

ANSWERS = (
    "__len__",
    "begin_seconds",
    "end_seconds",
    "first_position",
    "identity",
    "is_exact",
    "numbers_played",
    "position_at",
    "position_of",
    "positions_of",
    "reorder",
)


def header_index(begin=2.0, end=4.0, fps=25.0, count=50):
    return HeaderIndex("a.mp4", Fraction(1, 1000), begin, end, fps, count)


@pytest.mark.parametrize("kind", [FrameIndex, HeaderIndex])
def test_both_indexes_give_the_same_answers(kind):
    assert not [name for name in ANSWERS if not hasattr(kind, name)]


def test_positions_are_the_middles_of_frames():
    index = header_index()
    assert (len(index), index.first_position, index.is_exact, index.reorder) == (50, 2000, False, 0)
    assert [index.position_of(number) for number in (0, 1, 49)] == [2020, 2060, 3980]
    assert index.positions_of(np.array([49, 0, 0])) == [3980, 2020, 2020]


def test_positions_of_instants():
    index = header_index()
    assert [index.position_at(seconds) for seconds in (2, 2.5, 3.999, 4)] == [2000, 2500, 3980, 3980]
    assert index.position_at(float(np.float32(4.0) + np.float32(2**-22))) == 3980  # one float32 step
    for outside in (1.99, 4.01, 1e300):
        with pytest.raises(IndexError, match="the stream runs from 2 s to 4 s"):
            index.position_at(outside)


def test_numbers_played():
    index = header_index()
    assert index.numbers_played(2.0, 2.08) == range(2)
    assert index.numbers_played(2.01, 2.09) == range(3)
    assert index.numbers_played(2.04, 9.0) == range(1, 50)
    assert index.numbers_played(3.0, 3.0) == range(0)


def test_what_the_header_does_not_tell():
    index = header_index(end=None, fps=None, count=None)
    assert index  # although `len` raises
    assert index.end_seconds == math.inf
    with pytest.raises(ValueError, match=r"a\.mp4: the header does not say how many frames"):
        len(index)
    for ask in (index.position_of, index.position_at):
        with pytest.raises(ValueError, match=r"a\.mp4: the header has no frame rate"):
            ask(3)
    with pytest.raises(ValueError, match="the header has no frame rate"):
        index.positions_of([])
    with pytest.raises(ValueError, match="the header has no frame rate"):
        index.numbers_played(2.0, 3.0)


def test_positions_of_an_exact_index_are_frame_numbers():
    index = VideoDecoder(media.path("h264_plain.mp4")).index
    numbers = np.array([3, 1, 1])
    assert index.positions_of(numbers) is numbers
    assert (index.position_of(7), index.first_position) == (7, 0)
    assert index.position_at(1.0) == index.index_at(1.0) == 25
    assert index.numbers_played(1.0, 1.1) == range(25, 28)
    assert index.numbers_played(1.0, 1.0) == range(0)
