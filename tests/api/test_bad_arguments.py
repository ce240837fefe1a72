"""Wrong arguments, keys and times, and use after close raise the right exception; the decoder stays
usable.
"""

import math

import media
import numpy as np
import oracle
import pytest
import torch
from refusal import refused

import cycodec
from cycodec.decoders import VideoDecoder


@pytest.fixture
def plain():
    """Yields a decoder, and checks afterwards that it still works."""
    path = media.path("h264_plain.mp4")
    digests = oracle.reference(path).digests
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        yield decoder
        assert oracle.digest(decoder[41]) == digests[41]
        assert oracle.digest(decoder[3]) == digests[3]


@pytest.mark.parametrize("wrong", ["0", 1.0, [0], True, b"0", np.bool_(False), math.nan, object()])
def test_stream_index_of_another_type(wrong):
    with pytest.raises(TypeError, match="stream_index"):
        VideoDecoder(media.path("h264_plain.mp4"), stream_index=wrong)


def test_streams_that_are_not_there_or_no_video():
    path = media.path("h264_sound.mp4")
    assert len(VideoDecoder(path, stream_index=np.int64(0))) == 50
    error = refused(path, "h264_sound.mp4", LookupError, stream_index=7)
    assert "7" in str(error)
    error = refused(path, "h264_sound.mp4", stream_index=1)
    assert "audio" in str(error)
    with pytest.raises((ValueError, LookupError), match=r"stream_index|-1"):
        VideoDecoder(path, stream_index=-1)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"dimension_order": "CHWN"}, ValueError),
        ({"dimension_order": None}, ValueError),
        ({"memory_order": "channels_last"}, ValueError),
        ({"seek_mode": "fast"}, ValueError),
        ({"seek_mode": None}, ValueError),
        ({"on_error": "ignore"}, ValueError),
        ({"num_ffmpeg_threads": -1}, ValueError),
        ({"num_ffmpeg_threads": 1.5}, TypeError),
        ({"num_ffmpeg_threads": "2"}, TypeError),
        ({"num_ffmpeg_threads": True}, TypeError),
        ({"num_ffmpeg_threads": 2**40}, ValueError),
        ({"stream_index": 2**40}, ValueError),
        ({"num_threads": 0}, ValueError),
        ({"num_threads": 2, "num_ffmpeg_threads": 2}, ValueError),
        ({"output_dtype": torch.float64}, ValueError),
        ({"output_dtype": "uint16"}, ValueError),
        ({"device": "nonsense"}, (RuntimeError, ValueError)),
        ({"no_such_option": 1}, TypeError),
    ],
    ids=str,
)
def test_wrong_options(options, kind):
    with pytest.raises(kind, match=next(iter(options))):
        VideoDecoder(media.path("h264_plain.mp4"), **options)


def test_options_are_keywords():
    with pytest.raises(TypeError):
        VideoDecoder(media.path("h264_plain.mp4"), 0)


@pytest.mark.parametrize(
    "key",
    [
        1.0,
        "1",
        b"1",
        True,
        False,
        np.bool_(True),
        np.float64(1),
        {1},
        {"a": 1},
        object(),
        1j,
        [1.5],
        ["1"],
        (0, "x"),
    ],
)
def test_keys_of_another_type(plain, key):
    with pytest.raises((TypeError, IndexError)):
        plain[key]


@pytest.mark.parametrize("wrong", [1.0, "1", True, None, [1], np.bool_(True), torch.tensor(True), 2.5])
def test_get_frame_at_takes_integers_only(plain, wrong):
    with pytest.raises(TypeError):
        plain.get_frame_at(wrong)


@pytest.mark.parametrize(
    "wrong", ["12", [1.5], ["1"], [True], [[1, 2]], 5, None, torch.tensor([0.5]), [None]]
)
def test_get_frames_at_takes_lists_of_integers_only(plain, wrong):
    with pytest.raises((TypeError, IndexError, ValueError)):
        plain.get_frames_at(wrong)


@pytest.mark.parametrize("number", [75, -76, 10**6, -(10**6), 2**31, 2**63, -(2**63), 10**30])
def test_numbers_outside_the_stream(plain, number):
    for access in (
        plain.__getitem__,
        plain.get_frame_at,
        lambda n: plain.get_frames_at([0, n]),
        lambda n: plain[[0, n]],
    ):
        with pytest.raises(IndexError):
            access(number)


def test_ranges_are_clipped_like_slices(plain):
    assert len(plain.get_frames_in_range(70, 10**9)) == 5
    assert len(plain.get_frames_in_range(-5, 10**20)) == 5
    assert len(plain.get_frames_in_range(10, 5)) == 0
    assert plain[70 : 2**70].shape[0] == 5
    for step in (0, 1.5, "1"):
        with pytest.raises((ValueError, TypeError)):
            plain.get_frames_in_range(0, 5, step)
    with pytest.raises(ValueError):
        plain[::0]


def test_empty_requests_have_the_right_shape(plain):
    for batch in (
        plain.get_frames_at([]),
        plain.get_frames_at(torch.tensor([], dtype=torch.int64)),
        plain.get_frames_in_range(9, 9),
    ):
        assert tuple(batch.data.shape) == (0, 96, 128, 3)
        assert batch.data.dtype == torch.uint8
        assert tuple(batch.pts_seconds.shape) == tuple(batch.duration_seconds.shape) == (0,)
        assert batch.pts_seconds.dtype == torch.float64
    for key in ([], np.array([], np.int64), np.zeros(75, bool), slice(5, 5), slice(80, 90)):
        assert tuple(plain[key].shape) == (0, 96, 128, 3)


@pytest.mark.parametrize("length", [0, 1, 74, 76, 1000])
def test_masks_of_the_wrong_length(plain, length):
    for mask in (np.ones(length, bool), torch.ones(length, dtype=torch.bool), [True] * length):
        if length == 0 and isinstance(mask, list):
            continue  # [] is an empty list of numbers
        with pytest.raises(IndexError, match=r"mask|boolean"):
            plain[mask]


def test_regions_outside_the_frame(plain):
    assert tuple(plain[0:2, 90:200, :10].shape) == (2, 6, 10, 3)
    for key in ((0, 96), (0, 0, 128), (0, 0, 0, 3), (0, 0, 0, 0, 0), (0, -97), (slice(None), 200)):
        with pytest.raises(IndexError):
            plain[key]


def test_more_memory_than_there_is(plain):
    with pytest.raises(MemoryError):
        plain[np.zeros(10_000_000, np.int64)]


def test_use_after_close():
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    index, frame = decoder.index, decoder[5]
    kept = frame.clone()
    decoder.close()
    decoder.close()
    uses = [
        lambda: decoder[0],
        lambda: decoder[0:2],
        lambda: decoder.t[0.5],
        lambda: decoder.get_frame_at(0),
        lambda: decoder.get_frames_at([0]),
        lambda: decoder.get_frames_in_range(0, 1),
        lambda: decoder.get_frame_played_at(0.5),
        lambda: decoder.get_frames_played_at([0.5]),
        lambda: decoder.get_frames_played_in_range(0, 1),
        lambda: decoder.get_all_frames(),
        lambda: next(iter(decoder)),
        lambda: decoder.counters,
        lambda: decoder.__enter__(),
    ]
    for use in uses:
        with pytest.raises(cycodec.ClosedError, match=r"h264_plain\.mp4.*closed") as caught:
            use()
        assert isinstance(caught.value, ValueError)
    assert torch.equal(frame, kept)
    assert len(index) == 75
    assert "closed" in repr(decoder)


def test_a_with_block_closes():
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        decoder[0]
    with pytest.raises(cycodec.ClosedError):
        decoder[0]


def test_an_iteration_ends_when_the_decoder_is_closed():
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    frames = iter(decoder)
    next(frames)
    decoder.close()
    with pytest.raises(cycodec.ClosedError):
        next(frames)
