"""The commands that write media: encode, transcode, cut, concat."""

import subprocess
import sys
from fractions import Fraction

import encoding
import numpy as np
import oracle
import pytest
import torch
from PIL import Image

from cycodec._cli import app as cli
from cycodec._cli.commands.transcode import _nearest_rate
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import AudioEncoder, VideoEncoder


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for n, frame in enumerate(encoding.moving(12)):
        Image.fromarray(frame.permute(1, 2, 0).numpy()).save(folder / f"{n:03d}.png")
    return folder


@pytest.mark.parametrize("kind", ["folder", "pattern", "files"])
def test_encode_pictures(folder, kind, tmp_path, capsys):
    names = {"folder": [folder], "pattern": [f"{folder}/*.png"], "files": sorted(folder.iterdir())}[kind]
    options = ["--codec", "ffv1", "--pixel-format", "bgr0", "--rate", "30000/1001"]
    assert run("encode", *names, "-o", tmp_path / "x.mkv", *options) == 0
    assert "12 frames" in capsys.readouterr().out
    assert torch.equal(VideoDecoder(tmp_path / "x.mkv")[:], encoding.moving(12))
    assert encoding.probe(tmp_path / "x.mkv", "avg_frame_rate")["avg_frame_rate"] == "30000/1001"


def test_encode_raw_frames_with_sound(tmp_path):
    frames = encoding.moving(12)
    (tmp_path / "x.rgb").write_bytes(frames.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
    AudioEncoder(torch.zeros(1, 6400), sample_rate=16000).to_file(tmp_path / "x.wav")
    arguments = [
        tmp_path / "x.rgb",
        "--size",
        "128x96",
        "--audio",
        tmp_path / "x.wav",
        "-o",
        tmp_path / "x.mp4",
    ]
    assert run("encode", *arguments, "--crf", 10, "--option", "tune=psnr", "--faststart") == 0
    assert len(VideoDecoder(tmp_path / "x.mp4")) == 12
    assert AudioDecoder(tmp_path / "x.mp4").metadata.sample_rate == 16000
    assert encoding.psnr(encoding.ffmpeg_rgb(tmp_path / "x.mp4", 96, 128), frames) > 33


def test_depth_pictures(tmp_path):
    depth = torch.randint(0, 65536, (16, 24)).numpy().astype(np.uint16)
    Image.fromarray(depth).save(tmp_path / "d.png")
    assert run("encode", tmp_path / "d.png", "-o", tmp_path / "x.mkv", "--codec", "ffv1") == 0
    raw = encoding.ffmpeg_rgb(tmp_path / "x.mkv", 16, 24, "gray16le", np.uint16)
    assert np.array_equal(raw[0, ..., 0], depth)


def test_transcode(make_media, tmp_path, capsys):
    source = make_media("h264_sound.mp4")
    assert run("transcode", source, "-o", tmp_path / "x.mkv", "--size", "64x48", "--codec", "ffv1") == 0
    decoder = VideoDecoder(tmp_path / "x.mkv")
    assert (decoder.metadata.width, decoder.metadata.height) == (64, 48)
    assert len(decoder) == len(VideoDecoder(source))
    rate = AudioDecoder(source).metadata.sample_rate
    assert (
        abs(AudioDecoder(tmp_path / "x.mkv")[...].shape[1] - AudioDecoder(source)[...].shape[1]) < rate / 20
    )
    assert run("transcode", source, "-o", tmp_path / "y.mp4", "--no-audio") == 0
    assert "frames" in capsys.readouterr().out


def record(path, times):
    """Write a frame at each of these times."""
    from cycodec.encoders import Encoder

    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with encoder.open_file(path):
        stream.add_frames(encoding.moving(len(times)), times)


def test_transcode_keeps_variable_times(tmp_path):
    times = [0.0, 0.1, 0.15, 0.4, 0.8]
    record(tmp_path / "a.mp4", times)
    assert run("transcode", tmp_path / "a.mp4", "-o", tmp_path / "b.mp4") == 0
    assert np.allclose(oracle.frame_times(tmp_path / "b.mp4"), times, atol=1e-4)


def test_cut_and_concat(make_media, tmp_path, capsys):
    source = make_media("h264_plain.mp4")
    assert run("cut", source, "--start", "0:01", "--stop", 2, "-o", tmp_path / "x.mp4") == 0
    assert "begins at" in capsys.readouterr().out
    assert 1 <= len(VideoDecoder(tmp_path / "x.mp4")) < len(VideoDecoder(source))
    assert run("cut", source, "--start", 0.5, "--stop", 0.9, "--exact", "-o", tmp_path / "z.mp4") == 0
    assert len(VideoDecoder(tmp_path / "z.mp4")) == 11  # the frames 12 to 22 of 25 a second
    assert run("concat", source, source, "-o", tmp_path / "y.mp4") == 0
    assert len(VideoDecoder(tmp_path / "y.mp4")) == 2 * len(VideoDecoder(source))


def test_errors_are_one_line(folder, make_media, tmp_path, capsys):
    source = make_media("h264_plain.mp4")
    small = tmp_path / "small.mp4"
    VideoEncoder(encoding.moving(2, 64, 64), frame_rate=30).to_file(small)
    (tmp_path / "x.rgb").write_bytes(b"12345")
    (tmp_path / "bad.png").write_bytes(b"12345")
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        (["encode", tmp_path / "none", "-o", tmp_path / "x.mp4"], "there is no such file"),
        (["encode", tmp_path / "empty", "-o", tmp_path / "x.mp4"], "has no pictures"),
        (["encode", folder, "-o", tmp_path / "x.nonsense"], "no container"),
        (["encode", folder, "-o", tmp_path / "x.mp4", "--codec", "mpeg4", "--crf", 5], "option 'crf'"),
        (["encode", tmp_path / "x.rgb", "--size", "4x4", "-o", tmp_path / "x.mp4"], "no whole frames"),
        (["encode", tmp_path / "bad.png", "-o", tmp_path / "x.mp4"], "cannot read the picture"),
        (["cut", tmp_path / "none.mp4", "-o", tmp_path / "x.mp4"], "none.mp4"),
        (["concat", source, small, "-o", tmp_path / "x.mp4"], "the size is 64x64"),
        (["transcode", tmp_path / "x.rgb", "-o", tmp_path / "x.mp4"], "x.rgb"),
    ):
        assert run(*arguments) == 1
        error = capsys.readouterr().err
        assert words in error
        assert len(error.strip().splitlines()) == 1
        assert not (tmp_path / "x.mp4").exists()
    for arguments in (
        ["encode", folder],
        ["cut", source, "--start", "x", "-o", "y"],
        ["cut", source, "--start", 2, "--stop", 1, "-o", "y"],
        ["encode", folder, "-o", "x", "--size", "a"],
    ):
        assert run(*arguments) == 2


@pytest.mark.parametrize("command", ["cut", "concat", "transcode", "index", "encode", "encode --audio"])
def test_an_input_is_never_overwritten(command, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    VideoEncoder(encoding.moving(3), frame_rate=30).to_file("x.mp4")
    before = (tmp_path / "x.mp4").read_bytes()
    (tmp_path / "link.mp4").symlink_to("x.mp4")
    name, *more = command.split()
    sources = [folder] if more else ["x.mp4"]
    assert run(name, *sources, *more, *(["x.mp4"] if more else []), "-o", "link.mp4") == 2
    assert "link.mp4 is also the input" in capsys.readouterr().err
    assert (tmp_path / "x.mp4").read_bytes() == before


def test_encode_does_not_overwrite_a_picture_of_its_folder(folder, capsys):
    first = min(folder.iterdir())
    before = first.read_bytes()
    assert run("encode", folder, "-o", first) == 2
    assert "is also the input" in capsys.readouterr().err
    assert first.read_bytes() == before


def test_sheet_does_not_overwrite_its_image(folder, capsys):
    first = min(folder.iterdir())
    assert run("sheet", first, "-o", first) == 2
    assert "is also the input" in capsys.readouterr().err


def test_frames_need_a_folder(make_media, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("frames", make_media("h264_plain.mp4"), "--index", 0, "-o", tmp_path / "file") == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (25.0, "25"),
        (30000 / 1001, "30000/1001"),
        (24000 / 1001, "24000/1001"),
        (1000.0, "1000"),
        (0.5, "1/2"),
    ],
)
def test_nearest_rate(rate, expected):
    assert str(_nearest_rate(rate)) == expected


@pytest.mark.parametrize("rate", [24.732, 640000 / 25877, 59.940059, 1e-9, 65535.0, 1e6])
def test_every_encoder_takes_the_nearest_rate(rate):
    nearest = _nearest_rate(rate)
    assert nearest > 0
    assert nearest.denominator <= 65535
    assert nearest.numerator <= 65535 or rate > 65535
    if 1 < rate < 1000:
        assert abs(nearest / Fraction(rate) - 1) < 1e-5


def test_transcode_a_rate_that_mpeg4_cannot_store(tmp_path):
    times = [0.0, 0.041, 0.0803, 0.1217, 0.16178]
    record(tmp_path / "a.mp4", times)
    assert run("transcode", tmp_path / "a.mp4", "-o", tmp_path / "b.mp4", "--codec", "mpeg4") == 0
    assert np.allclose(oracle.frame_times(tmp_path / "b.mp4"), times, atol=1e-3)


def test_what_ffmpeg_says_has_no_addresses(folder, tmp_path, capsys):
    arguments = ["--codec", "mpeg4", "--rate", "640000/25877"]
    assert run("encode", folder, "-o", tmp_path / "x.mp4", *arguments) == 1
    error = capsys.readouterr().err
    assert "FFmpeg says: [mpeg4] " in error
    assert "0x" not in error


def test_concat_from_standard_input(make_media, tmp_path):
    source = make_media("h264_plain.mp4")
    done = subprocess.run(
        [sys.executable, "-m", "cycodec", "concat", "-", str(source), "-o", str(tmp_path / "x.mp4")],
        input=source.read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert b"standard input" in done.stdout
    assert len(VideoDecoder(tmp_path / "x.mp4")) == 2 * len(VideoDecoder(source))
