"""Frame rates and times of frames, as ffprobe reads them."""

from fractions import Fraction

import encoding
import numpy as np
import oracle
import pytest
import torch

from cycodec.decoders import VideoDecoder
from cycodec.encoders import Encoder, VideoEncoder

FRAMES = encoding.moving(8)
RATES = {
    Fraction(30000, 1001): "30000/1001",
    30000 / 1001: "30000/1001",
    "24000/1001": "24000/1001",
    29.97: "2997/100",
    25: "25/1",
    12.5: "25/2",
    Fraction(1, 3): "1/3",
    240: "240/1",
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("container", ["mp4", "mkv", "mov", "webm", "avi", "ts"])
def test_frame_rates_are_exact(container, rate, tmp_path):
    if container == "ts" and rate not in (Fraction(30000, 1001), 25, 12.5):
        pytest.skip("ffprobe guesses the rate of a transport stream")
    codec = {"webm": "libvpx", "avi": "mpeg4", "ts": "libx264"}.get(container)
    path = tmp_path / f"x.{container}"
    VideoEncoder(FRAMES, frame_rate=rate).to_file(path, codec=codec)
    assert encoding.probe(path, "avg_frame_rate")["avg_frame_rate"] == RATES[rate]
    times = np.array(oracle.frame_times(path))
    times -= times[0]
    unit = 0.001 if container in ("mkv", "webm") else 2e-5
    assert np.abs(times - np.arange(8) / float(Fraction(RATES[rate]))).max() <= unit


def variable(path, times, chunks, codec=None, **options):
    encoder = Encoder(**options)
    stream = encoder.add_video(height=96, width=128, frame_rate=30, codec=codec)
    with encoder.open_file(path):
        for start, stop in zip([0, *chunks], [*chunks, len(times)], strict=True):
            stream.add_frames(FRAMES[start:stop], times[start:stop])
    return encoder


@pytest.mark.parametrize("queue", [None, 3])
@pytest.mark.parametrize(
    ("container", "codec", "unit"),
    [("mp4", None, 2e-6), ("mov", "mpeg4", 2e-5), ("mkv", "ffv1", 1e-3), ("webm", "libvpx-vp9", 1e-3),
     ("ts", "libx264", 2e-5),     ("mp4", "libx265", 2e-6), ("mp4", "libsvtav1", 2e-6), ("nut", "ffv1", 2e-6)],
)  # fmt: skip
def test_variable_frame_rates(container, codec, unit, queue, tmp_path):
    times = [0.0, 0.0331, 0.1, 0.101, 0.25, 1 / 3, 0.5, 1.0]
    path = tmp_path / f"x.{container}"
    encoder = variable(path, times, [1, 4], codec, queue_frames=queue)
    got = np.array(oracle.frame_times(path))
    got -= 0 if container != "ts" else got[0]
    assert np.abs(got - times).max() <= unit
    assert encoder.stats().frames_in == encoder.stats().encoded == 8


def test_times_may_be_tensors_arrays_and_numbers(tmp_path):
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with encoder.open_file(tmp_path / "x.mp4"):
        stream.add_frames(FRAMES[:2], torch.tensor([0.5, 0.6], dtype=torch.float64))
        stream.add_frames(FRAMES[2:4], np.array([0.7, 0.8]))
        stream.add_frames(FRAMES[4], 0.9)
        stream.add_frames(FRAMES[5:7])  # goes on at the frame rate
    index = VideoDecoder(tmp_path / "x.mp4").get_all_frames().pts_seconds
    wanted = torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9, 0.9 + 1 / 30, 0.9 + 2 / 30], dtype=torch.float64)
    assert (index - wanted).abs().max() < 2e-6


@pytest.mark.parametrize(
    ("container", "codec", "times", "words"),
    [("mp4", None, [0.0, 0.1, 0.05], "must rise: 0.050000 s comes after 0.100000"),
     ("mp4", None, [0.0, 0.1, 0.1], "must rise"),     ("mkv", None, [0.0, 0.1, 0.1002], "units of 0.001"),
     ("mp4", None, [0.0, -0.1, 0.3], r"pts_seconds\[1\] is -0.1"),
     ("mp4", None, [0.0, float("nan"), 0.3], "finite"), ("mp4", None, [0.0, 0.1], "3 frames"),
     ("mp4", None, ["a"] * 3, "numbers"),
     ("avi", "mpeg4", [0.0, 0.1, 0.2], "stores no times"), ("h264", None, [0.0, 0.1, 0.2], "stores no times"),
     ("mp4", "mpeg2video", [0.0, 0.1, 0.2], "constant frame rate")],
)  # fmt: skip
def test_wrong_times_are_refused(container, codec, times, words, tmp_path):
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30, codec=codec)
    encoder.open_file(tmp_path / f"x.{container}")
    with pytest.raises((ValueError, NotImplementedError), match=words):
        stream.add_frames(FRAMES[:3], times)
    encoder.abort()
    assert list(tmp_path.iterdir()) == []


def test_later_calls_are_checked_against_earlier_ones(tmp_path):
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with encoder.open_file(tmp_path / "x.mp4"):
        stream.add_frames(FRAMES[:2], [0.0, 1.0])
        with pytest.raises(ValueError, match="must rise"):
            stream.add_frames(FRAMES[2], 1.0)
        stream.add_frames(FRAMES[2], 1.5)
    assert np.allclose(oracle.frame_times(tmp_path / "x.mp4"), [0, 1, 1.5])


def test_times_after_a_constant_rate_are_refused(tmp_path):
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    encoder.open_file(tmp_path / "x.mp4")
    stream.add_frames(FRAMES[:2])
    with pytest.raises(ValueError, match="from the first frames on"):
        stream.add_frames(FRAMES[2:3], [0.5])
    encoder.abort()


def test_rates_that_an_encoder_lacks(tmp_path):
    with pytest.raises(ValueError, match=r"17/1 frames a second.*25, .*60"):
        VideoEncoder(FRAMES, frame_rate=17).to_file(tmp_path / "x.mpg", codec="mpeg1video")


@pytest.mark.parametrize("seconds", [1e18, 1e300])
def test_times_beyond_64_bits_are_refused(seconds, tmp_path):
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with encoder.open_file(tmp_path / "x.mkv"):
        with pytest.raises(ValueError, match=r"pts_seconds\[1\] is 1e\+.* the last time that can be stored"):
            stream.add_frames(encoding.moving(2), pts_seconds=[0, seconds])
        stream.add_frames(encoding.moving(1), pts_seconds=[0])
    assert len(VideoDecoder(tmp_path / "x.mkv")) == 1
