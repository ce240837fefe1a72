"""Approximate mode decodes no more than exact mode, where the index of all frames costs nothing."""

import media
import numpy as np
import pytest
import recipes
import torch

from cycodec._video.approximate import ApproximateIndex
from cycodec.core.video.header_index import HeaderIndex
from cycodec.decoders import VideoDecoder

INDEXED = ("h264_plain.mp4", "h264.mkv", "vp9.webm", "h264_startpts_10s.mp4", "hevc_pq.mp4", "ntsc.mp4")


def both(name, **options):
    path = media.locate(name)
    return (VideoDecoder(path, seek_mode=mode, num_threads=1, **options) for mode in ("exact", "approximate"))


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("read", ["uniform", "last", "range", "all"])
def test_decodes_no_more_than_exact_mode(name, read):
    counters, frames = [], []
    for decoder in both(name):
        count = len(decoder)
        numbers = {
            "uniform": np.linspace(0, count - 1, 5).round().astype(int),
            "last": [count - 1],
            "range": range(count // 3, count // 3 + 4),
            "all": range(count),
        }[read]
        frames.append(decoder.get_frames_at(numbers))
        counters.append(decoder.counters)
    assert torch.equal(frames[0].data, frames[1].data)
    assert torch.equal(frames[0].pts_seconds, frames[1].pts_seconds)
    assert counters[1].frames_decoded <= counters[0].frames_decoded
    assert counters[1].packets_read <= counters[0].packets_read
    assert counters[1].seeks <= counters[0].seeks


def test_length_and_times_are_the_header_s():
    decoder = VideoDecoder(media.locate("h264_sound.mp4"), seek_mode="approximate")
    metadata = decoder.metadata
    assert isinstance(decoder._session.index, ApproximateIndex)
    assert decoder.index is None
    assert metadata.num_frames_from_content is None
    assert metadata.end_stream_seconds_from_content is None
    assert len(decoder) == metadata.num_frames == metadata.num_frames_from_header


def test_number_is_what_is_played_then():
    """The header's rule holds for a variable frame rate, where frame numbers are others."""
    path = media.locate("vfr_dropped.mp4")
    exact = VideoDecoder(path)
    approximate = VideoDecoder(path, seek_mode="approximate")
    fps, begin = approximate.metadata.average_fps, approximate.metadata.begin_stream_seconds
    for number in range(len(approximate)):
        instant = min(begin + (number + 0.5) / fps, exact.metadata.end_stream_seconds)
        assert approximate.get_frame_at(number).pts_seconds == exact.get_frame_played_at(instant).pts_seconds


def test_a_header_that_promises_too_much_repeats_the_last_frame(tmp_path):
    """The sound of a Matroska file is longer than its video, and the header tells the longest."""
    path = tmp_path / "long.mkv"
    recipes.run(
        *("-i", media.locate("h264_plain.mp4"), "-f", "lavfi", "-i", "sine=duration=9"),
        *("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16le", path),
    )
    exact = VideoDecoder(path)
    approximate = VideoDecoder(path, seek_mode="approximate")
    assert len(approximate) > len(exact)
    assert torch.equal(approximate[-1], exact[-1])
    assert torch.equal(approximate[0], exact[0])


@pytest.mark.parametrize("name", ["h264.ts", "h264.avi", "h264_annexb.h264"])
def test_what_must_be_scanned_is_not_indexed(name):
    decoder = VideoDecoder(media.locate(name), seek_mode="approximate")
    assert isinstance(decoder._session.index, HeaderIndex)
    assert decoder.counters.packets_read <= 2


def test_file_like_objects_are_not_walked_through():
    with open(media.locate("h264.mkv"), "rb") as file:

        class Remote:
            def __init__(self):
                self.got = 0

            def read(self, size):
                data = file.read(size)
                self.got += len(data)
                return data

            def seek(self, offset, whence):
                return file.seek(offset, whence)

        decoder = VideoDecoder(Remote(), seek_mode="approximate")
        assert isinstance(decoder._session.index, HeaderIndex)


def test_a_contradicted_index_is_given_up():
    """A packet of this file holds no picture, which shows only when it is decoded."""
    path = media.locate("bad_invalid_nalu.mp4")
    decoder = VideoDecoder(path, seek_mode="approximate", on_error="mask")
    batch = decoder.get_frames_at(range(len(decoder)))
    assert len(batch) == len(decoder)
    decoder = VideoDecoder(path, seek_mode="approximate")
    for number in range(len(decoder) - 1):
        decoder.get_frame_at(number)
    assert isinstance(decoder._session.index, HeaderIndex)
