"""What encoders refuse, and that each error says what is valid; nothing is ignored."""

import copy
import io
import pickle
from fractions import Fraction

import encoding
import numpy as np
import pytest
import torch

import cycodec
from cycodec.encoders import Encoder, VideoEncoder, available

FRAMES = encoding.moving(3)


def encoded(format="mp4", frames=FRAMES, **options):
    return VideoEncoder(frames, frame_rate=30).to_tensor(format, **options)


REFUSED = [
    ({"crf": 64}, "crf=64 .*0 to 51"),
    ({"crf": -1}, "crf=-1 .*0 to 51"),
    ({"codec": "libvpx-vp9", "crf": 64}, "crf=64 .*-1 to 63"),
    ({"codec": "mpeg4", "crf": 20}, "mpeg4.*no.*|.*has an option 'crf'.*qmin"),
    ({"codec": "nonsense"}, "no encoder 'nonsense'.*libx264"),
    ({"codec": "aac"}, "'aac' is no video encoder.*libx264"),
    ({"codec": "huffyuv"}, "mp4 holds no huffyuv.*libx264"),
    ({"preset": "sonic"}, "preset='sonic'.*ultrafast.*placebo"),
    ({"codec": "mpeg4", "preset": "fast"}, "option 'preset'"),
    ({"codec": "libsvtav1", "preset": 99}, "preset='99'.*13"),
    ({"pixel_format": "nope"}, "no pixel format 'nope'.*yuv420p"),
    ({"pixel_format": "rgb24"}, "does not support the pixel format rgb24.*yuv420p"),
    ({"extra_options": {"foo": 1}}, "libx264.*mp4 has an option 'foo'.*preset"),
    ({"extra_options": {"presett": "fast"}}, r"similar ones: preset"),
    ({"extra_options": {"movflags": "+nope"}}, "movflags='\\+nope'.*faststart"),
    ({"extra_options": {"x264-params": "nope=1"}}, "nope"),
    ({"codec": "libx265", "extra_options": {"x265-params": "nope=1"}}, "nope"),
    ({"extra_options": {"qp": -10}}, "qp=-10 .*0 to 69"),
    ({"extra_options": {"qp": ""}}, "qp=''"),
    ({"extra_options": {"colorspace": "purple"}}, "colorspace='purple'.*bt709"),
    ({"extra_options": {"b": 1}, "bit_rate": 1}, "bit_rate= and extra_options"),
    ({"crf": 20, "extra_options": {"crf": 21}}, "crf= and extra_options"),
    ({"crf": 20, "bit_rate": 100_000}, "crf and bit_rate can have an effect"),
    ({"codec": "libx265", "crf": 20, "bit_rate": 100_000}, "crf and bit_rate can have an effect"),
    ({"crf": 20, "extra_options": {"qp": 20}}, "crf and qp can have an effect"),
    ({"codec": "mjpeg", "gop": 3}, "gop has no effect"),
    ({"codec": "png", "gop": 3}, "gop has no effect"),
    ({"bit_rate": 0}, "bit_rate must be positive"),
    ({"gop": -1}, "gop must be 0 or more"),
    ({"threads": -1}, "threads must be 0 or more"),
    ({"bit_depth": 12}, "bit_depth=12 is for uint16"),
    ({"metadata": {"a=b": "c"}}, "metadata cannot store"),
    ({"metadata": {"title": None}}, "metadata must hold strings"),
    ({"metadata": ["title"]}, "metadata must be a dictionary"),
    ({"extra_options": ["qp"]}, "extra_options must be a dictionary"),
    ({"extra_options": {"qp": None}}, "'qp' must be a string, a number or a bool"),
    ({"codec": 5}, "codec must be a string"),
    ({"crf": "20"}, "crf must be a number"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[str(options) for options, _ in REFUSED])
def test_refused(options, words):
    with pytest.raises((ValueError, LookupError, NotImplementedError, TypeError), match=f"(?s){words}"):
        encoded(**options)


@pytest.mark.parametrize(
    ("format", "options", "words"),
    [("mkv", {"codec": "ffv1", "bit_rate": 1000}, "lossless"), ("mkv", {"faststart": True}, "MP4"),
     ("h264", {"metadata": {"title": "x"}}, "keeps no metadata"), ("nonsense", {}, "no container for format 'nonsense'"),
     ("wav", {}, "wav holds no video"), ("hls", {}, "no single file"), ("", {}, "no container"),
     ("mpg", {"codec": "mpeg2video", "crf": 3}, "option 'crf'")],
)  # fmt: skip
def test_refused_by_the_container(format, options, words):
    with pytest.raises((ValueError, LookupError, NotImplementedError), match=f"(?s){words}"):
        encoded(format, **options)


@pytest.mark.parametrize("number", [np.float32(20), np.float64(20), np.int64(20), Fraction(20)])
def test_numbers_of_other_kinds(number):
    wanted = encoded("h264", crf=20)
    assert torch.equal(encoded("h264", crf=number), wanted)
    if not isinstance(number, Fraction):
        assert torch.equal(encoded("h264", extra_options={"crf": number}), wanted)


def test_codec_option_errors_are_also_torchcodecs_classes():
    """TorchCodec raises RuntimeError for what FFmpeg refuses."""
    for options in ({"codec": "nonsense"}, {"crf": 64}, {"preset": "sonic"}, {"pixel_format": "rgb24"}):
        with pytest.raises(RuntimeError):
            encoded(**options)


@pytest.mark.parametrize(
    ("frames", "words"),
    [("text", "must be a torch.Tensor"), (5, "must be a torch.Tensor"), (None, "must be a torch.Tensor"),
     (torch.zeros(3, 3), r"\[N, C, H, W\]"), (torch.zeros(1, 2, 3, 4, 5), r"\[N, C, H, W\]"),
     (torch.zeros(2, 64, 64, 3, dtype=torch.uint8), "permute"), (torch.zeros(2, 5, 64, 64), "5 channels"),
     (torch.zeros(2, 3, 64, 64, dtype=torch.int64), "uint8, uint16, or floats"),
     (torch.zeros(2, 3, 64, 64, dtype=torch.bool), "not bool"), (torch.zeros(0, 3, 64, 64), "nothing to encode"),
     (torch.zeros(2, 3, 0, 64), "nothing to encode")],
)  # fmt: skip
def test_wrong_frames(frames, words):
    with pytest.raises(ValueError, match=words):
        VideoEncoder(frames, frame_rate=30)


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0, "must be > 0"), (-30, "must be > 0"), (float("nan"), "finite"), (float("inf"), "finite"), ("x", "number"),
     (None, "number"), (True, "number"), (1e300, "cannot be stored")],
)  # fmt: skip
def test_wrong_frame_rates(rate, words):
    with pytest.raises(ValueError, match=words):
        VideoEncoder(FRAMES, frame_rate=rate)


def test_frames_that_cannot_be_encoded():
    with pytest.raises(ValueError, match="NaN"):
        encoded(frames=torch.full((1, 3, 64, 64), float("nan")))
    with pytest.raises(ValueError, match=r"above 4095.*12 bits"):
        encoded("mkv", frames=torch.full((1, 1, 64, 64), 5000).to(torch.uint16), codec="ffv1", bit_depth=12)
    with pytest.warns(UserWarning, match="clipped"):
        encoded(frames=torch.full((1, 3, 64, 64), 1.5))
    with pytest.raises(ValueError, match=r"no alpha.*ffv1"):
        encoded(frames=encoding.moving(2, channels=4))
    with pytest.raises(ValueError, match="yuva420p"):
        encoded("webm", frames=encoding.moving(2, channels=4), pixel_format="yuv420p")
    with pytest.raises(ValueError, match="no frames"):
        encoded(frames=iter([]))
    with pytest.raises(ValueError, match="same dimensions"):
        encoded(frames=iter([FRAMES[0], FRAMES[0, :, :50]]))


def test_odd_sizes_are_refused_with_the_remedy():
    odd = encoding.moving(2, 95, 127)
    with pytest.raises(ValueError, match=r"127x95.*even size.*yuv444p"):
        encoded(frames=odd)
    assert len(encoded(frames=odd, pixel_format="yuv444p"))
    assert len(encoded("webm", frames=odd, extra_options={"deadline": "realtime"}))


def opened(tmp_path, **options):
    encoder = Encoder(**options)
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    return encoder, stream, encoder.open_file(tmp_path / "x.mp4")


def test_order_of_calls(tmp_path):
    encoder = Encoder()
    with pytest.raises(RuntimeError, match="add_video"):
        encoder.open_file(tmp_path / "x.mp4")
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with pytest.raises(RuntimeError, match="before add_frames"):
        stream.add_frames(FRAMES)
    assert encoder.open_file(tmp_path / "x.mp4") is encoder
    for add in (
        lambda: encoder.add_video(height=96, width=128, frame_rate=30),
        lambda: encoder.add_audio(sample_rate=16000, num_channels=1),
    ):
        with pytest.raises(RuntimeError, match="after open_file"):
            add()
    with pytest.raises(RuntimeError, match="already called"):
        encoder.open_file(tmp_path / "y.mp4")
    stream.add_frames(FRAMES)
    encoder.close()
    encoder.close()
    with pytest.raises(cycodec.ClosedError):
        stream.add_frames(FRAMES)
    with pytest.raises(cycodec.ClosedError):
        encoder.open_file(tmp_path / "y.mp4")
    with pytest.raises(cycodec.ClosedError):
        encoder.add_video(height=96, width=128, frame_rate=30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mp4"]


def test_a_refused_call_does_no_harm(tmp_path):
    encoder, stream, _ = opened(tmp_path)
    with pytest.raises(RuntimeError, match="Expected height=96 width=128, got height=64 width=64"):
        stream.add_frames(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with pytest.raises(TypeError):
        stream.add_frames("frames")
    with pytest.raises(ValueError):
        stream.add_frames(FRAMES.long())
    stream.add_frames(FRAMES)
    encoder.close()
    assert int(encoding.probe(tmp_path / "x.mp4", "nb_read_packets")["nb_read_packets"]) == 3
    assert encoder.stats().frames_in == encoder.stats().encoded == 3


def test_no_frames_leave_no_file(tmp_path):
    encoder, stream, _ = opened(tmp_path)
    stream.add_frames(FRAMES[:0])
    with pytest.raises(ValueError, match="nothing to encode"):
        encoder.close()
    assert list(tmp_path.iterdir()) == []


def test_copies_are_refused(tmp_path):
    encoder, stream, _ = opened(tmp_path)
    for object_ in (encoder, stream):
        for make in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled or copied"):
                make(object_)
    encoder.abort()
    encoder.abort()
    assert list(tmp_path.iterdir()) == []
    assert pickle.loads(pickle.dumps(VideoEncoder(FRAMES, frame_rate=30))).to_tensor("mp4").ndim == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"queue_frames": 0}, "positive"), ({"queue_frames": 1.5}, "integer"), ({"on_full": "wait"}, "block"),
     ({"on_full": "drop"}, "queue_frames")],
)  # fmt: skip
def test_wrong_queues(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Encoder(**arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"height": 0}, "height"), ({"width": -1}, "width"), ({"width": 1 << 20}, "width"), ({"frame_rate": 0}, "> 0"),
     ({"height": 96.5}, "height"), ({"bit_depth": 8}, "bit_depth")],
)  # fmt: skip
def test_wrong_streams(change, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Encoder().add_video(**{"height": 96, "width": 128, "frame_rate": 30, **change})


def test_wrong_samples(tmp_path):
    encoder = Encoder()
    stream = encoder.add_audio(sample_rate=16000, num_channels=2)
    with pytest.raises(RuntimeError, match="before add_samples"):
        stream.add_samples(torch.zeros(2, 5))
    encoder.open_file(tmp_path / "x.wav")
    for samples, words in (
        (torch.zeros(5), "2 dimensions"), (torch.zeros(1, 5), "Expected 2 channels, got 1"),
        (torch.zeros(2, 5).bool(), "float32"), (torch.full((2, 5), float("nan")), "NaN"), ([1.0], "torch.Tensor"),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match=words):
            stream.add_samples(samples)
    with pytest.warns(UserWarning, match="clipped"):
        stream.add_samples(torch.full((2, 5), 2.0))
    encoder.close()


def test_destinations_that_are_none(tmp_path):
    encoder = VideoEncoder(FRAMES, frame_rate=30)
    with pytest.raises(TypeError, match="path"):
        encoder.to_file(5)
    with pytest.raises(TypeError, match="to_file"):
        encoder.to_file_like(str(tmp_path / "x.mp4"), "mp4")
    with pytest.raises(TypeError, match="write method"):
        encoder.to_file_like(object(), "mp4")
    with pytest.raises(TypeError, match="mode 'wb'"):
        encoder.to_file_like(io.StringIO(), "mp4")
    with pytest.raises(TypeError, match="format"):
        encoder.to_tensor(None)
    with pytest.raises(FileNotFoundError):
        encoder.to_file(tmp_path / "missing" / "x.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(IsADirectoryError):
        encoder.to_file(tmp_path / "folder.mp4")
    with pytest.raises(LookupError, match="extension"):
        encoder.to_file(tmp_path / "x.nonsense")


def test_available():
    mp4 = available("mp4")
    assert mp4.container == "mp4"
    assert mp4.default_video == "libx264"
    assert {"libx264", "libx265", "mpeg4"} <= set(mp4.video)
    assert "huffyuv" not in mp4.video
    assert "aac" in mp4.audio
    assert {"ffv1", "png", "libvpx-vp9"} <= set(available("mkv").video)
    assert available("wav").video == ()
    assert available("mkv").default_audio in available("mkv").audio
    with pytest.raises(LookupError):
        available("nonsense")
    with pytest.raises(TypeError):
        available(5)
