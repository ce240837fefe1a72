"""Copied packets: the frames of the new file are those of the source, to the bit."""

import io
import json
import subprocess

import encoding
import media
import oracle
import pytest
import recipes
import torch

import cycodec
from cycodec import concat, extract_audio, remux
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import Encoder, VideoEncoder


def digests(path):
    return oracle.reference(path).digests


@pytest.mark.parametrize(
    ("name", "containers"),
    [("h264_sound.mp4", ("mkv", "mov", "ts", "mp4")), ("h264_bpyramid.mp4", ("mkv", "ts", "mp4")),
     ("vp9.webm", ("mkv", "mp4")),
     ("hevc.mp4", ("mkv", "ts")), ("mpeg2.ts", ("mkv", "ts"))],
)  # fmt: skip
def test_whole_files(name, containers, tmp_path):
    source = media.path(name)
    for container in containers:
        path = tmp_path / f"x.{container}"
        assert remux(source, path) == 0
        assert digests(path) == digests(source)
        frames = VideoDecoder(path)
        assert len(frames) == len(VideoDecoder(source))
        step = 1e-3 if container in ("mkv", "ts", "mpg") else 1e-4
        ours = frames.get_all_frames().pts_seconds
        theirs = VideoDecoder(source).get_all_frames().pts_seconds
        assert ((ours - ours[0]) - (theirs - theirs[0])).abs().max() <= 2 * step


def test_sound_and_destinations(tmp_path):
    source = media.path("h264_sound.mp4")
    for container in ("mkv", "mp4", "ts"):
        ours, theirs = tmp_path / f"ours.{container}", tmp_path / f"theirs.{container}"
        remux(source, ours)
        subprocess.run([recipes.FFMPEG, "-v", "error", "-i", source, "-c", "copy", theirs], check=True)
        assert torch.equal(AudioDecoder(ours)[...], AudioDecoder(theirs)[...])
    file = io.BytesIO()
    remux(source.read_bytes(), file, format="mp4")
    assert len(VideoDecoder(file.getvalue())) == len(VideoDecoder(source))
    remux(source, tmp_path / "y.mp4", faststart=True, metadata={"title": "cut"})
    data = (tmp_path / "y.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    command = [
        encoding.FFPROBE,
        "-v",
        "error",
        "-show_entries",
        "format_tags",
        "-of",
        "json",
        str(tmp_path / "y.mp4"),
    ]
    assert (
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["format"]["tags"]["title"]
        == "cut"
    )


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0.9, 2.1), (1.2, None), (0.41, 0.6), (2.5, 100)])
def test_cuts(container, start, stop, tmp_path):
    source = media.path("h264_plain.mp4")
    decoder = VideoDecoder(source)
    frames, pts = decoder.get_all_frames().data, decoder.get_all_frames().pts_seconds
    path = tmp_path / f"x.{container}"
    begin = remux(source, path, start, stop)
    keys = [pts[n].item() for n in decoder.index.key_frames]
    assert begin == pytest.approx(max(key for key in keys if key <= start + 1e-6), abs=1e-5)
    first = int((pts >= begin - 1e-6).nonzero()[0])
    last = len(pts) if stop is None else int((pts < stop).sum())
    got = VideoDecoder(path).get_all_frames()
    assert last - first <= len(got) <= last - first + 3  # with the frames that others refer to
    assert torch.equal(got.data[: last - first], frames[first:last])
    times = got.pts_seconds - got.pts_seconds[0]
    assert (times[: last - first] - (pts[first:last] - pts[first])).abs().max() < 2e-3


def test_rotation_and_colours_stay(tmp_path):
    VideoEncoder(encoding.moving(5), frame_rate=30).to_file(
        tmp_path / "a.mp4",
        extra_options={"colorspace": "bt2020nc", "color_trc": "smpte2084", "color_primaries": "bt2020"},
    )
    turned = ["-display_rotation:v:0", "90"] if oracle.version() >= (6, 0) else ["-metadata:s:v", "rotate=90"]
    before, after = ([], turned) if oracle.version() < (6, 0) else (turned, [])
    command = [
        recipes.FFMPEG,
        "-v",
        "error",
        "-y",
        *before,
        "-i",
        tmp_path / "a.mp4",
        *after,
        "-c",
        "copy",
        tmp_path / "b.mp4",
    ]
    subprocess.run(command, check=True)
    for container in ("mp4", "mov"):
        remux(tmp_path / "b.mp4", tmp_path / f"c.{container}")
        ours, theirs = (
            VideoDecoder(tmp_path / f"c.{container}").metadata,
            VideoDecoder(tmp_path / "b.mp4").metadata,
        )
        for name in (
            "rotation",
            "color_space",
            "color_primaries",
            "color_transfer_characteristic",
            "width",
            "height",
        ):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert ours.rotation is not None
    for container in ("avi", "ts", "flv", "nut"):
        with pytest.raises(cycodec.UnsupportedError, match=r"keeps no rotation.* turned by .*90 degrees"):
            remux(tmp_path / "b.mp4", tmp_path / f"c.{container}")
    if oracle.version() >= (7, 0):
        remux(tmp_path / "b.mp4", tmp_path / "c.mkv")
        assert VideoDecoder(tmp_path / "c.mkv").metadata.rotation == theirs.rotation
    elif oracle.version() < (6, 0):
        with pytest.raises(cycodec.UnsupportedError, match="keeps no rotation"):
            remux(tmp_path / "b.mp4", tmp_path / "c.mkv")


def test_a_container_that_refuses_packets_is_named(tmp_path):
    with pytest.raises(
        cycodec.UnsupportedError, match=r"x.avi: the container avi refuses a packet .*\.mp4 has it"
    ):
        remux(media.path("h264_plain.mp4"), tmp_path / "x.avi")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("part", "error", "words"),
    [
        ({"stop": 0}, ValueError, "stop=0 must be after start=0"),
        ({"start": 1e6}, ValueError, "nothing from 1000000.0 s on"),
        ({"start": 1e6, "stop": 2e6}, ValueError, "nothing from 1000000.0 s to 2000000.0 s"),
        ({"start": "1"}, TypeError, "start must be a number of seconds, not str"),
    ],
)
def test_parts_that_are_none(part, error, words, tmp_path):
    for exact in (False, True):
        with pytest.raises(error, match=words):
            remux(media.path("h264_plain.mp4"), tmp_path / "x.mp4", exact=exact, **part)


def test_extract_audio(tmp_path):
    source = media.path("h264_sound.mp4")
    extract_audio(source, tmp_path / "x.m4a")
    assert torch.equal(AudioDecoder(tmp_path / "x.m4a")[...], AudioDecoder(source)[...])
    with pytest.raises(ValueError, match="no video"):
        VideoDecoder(tmp_path / "x.m4a")
    extract_audio(source, tmp_path / "y.mka", 0.5, 1.0)
    assert (
        0.4
        < AudioDecoder(tmp_path / "y.mka")[...].shape[1] / AudioDecoder(source).metadata.sample_rate
        < 0.65
    )


def recorded(path, seed, seconds=1, size=(96, 128)):
    """A file with video and sound."""
    encoder = Encoder()
    frames = encoding.moving(30 * seconds, *size, seed=seed)
    video = encoder.add_video(height=size[0], width=size[1], frame_rate=30)
    audio = encoder.add_audio(sample_rate=16000, num_channels=1)
    with encoder.open_file(path):
        video.add_frames(frames)
        audio.add_samples(torch.linspace(-0.5, 0.5, 16000 * seconds)[None])
    return path


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_concat(container, tmp_path):
    parts = [recorded(tmp_path / f"{n}.{container}", n) for n in range(3)]
    begins = concat(parts, tmp_path / f"x.{container}")
    assert begins == pytest.approx([0, 1, 2], abs=0.05)
    assert digests(tmp_path / f"x.{container}") == tuple(d for part in parts for d in digests(part))
    whole = AudioDecoder(tmp_path / f"x.{container}")[...]
    assert abs(whole.shape[1] - 3 * 16000) < 4 * 1024  # AAC fills its last frame
    pts = VideoDecoder(tmp_path / f"x.{container}").get_all_frames().pts_seconds
    assert (pts[1:] > pts[:-1]).all()


def test_segments_become_one_file_again(tmp_path):
    frames = encoding.moving(40)
    encoder = Encoder()
    video = encoder.add_video(height=96, width=128, frame_rate=30)
    with encoder.open_file(tmp_path / "s-%02d.mp4", segment_seconds=0.5):
        video.add_frames(frames)
    paths = [segment.path for segment in encoder.segments]
    concat(paths, tmp_path / "x.mp4")
    decoder = VideoDecoder(tmp_path / "x.mp4")
    assert len(decoder) == 40
    assert (decoder.get_all_frames().pts_seconds - torch.arange(40) / 30).abs().max() < 1e-3


def test_files_that_do_not_fit(tmp_path):
    one = recorded(tmp_path / "a.mp4", 1)
    other = recorded(tmp_path / "b.mp4", 2, size=(64, 64))
    with pytest.raises(ValueError, match=r"b.mp4.*the size is 64x64, not 128x96"):
        concat([one, other], tmp_path / "x.mp4")
    VideoEncoder(encoding.moving(5), frame_rate=30).to_file(tmp_path / "c.mp4")
    with pytest.raises(ValueError, match="the number of streams is 1, but that of the first file is 2"):
        concat([one, tmp_path / "c.mp4"], tmp_path / "x.mp4")
    assert not (tmp_path / "x.mp4").exists()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [(lambda s, p: remux(s, p / "x.wav"), NotImplementedError, "wav holds no"),
     (lambda s, p: remux(s, p / "x.mp4", 2, 1), ValueError, "after"),
     (lambda s, p: remux(s, p / "x.mp4", 1000, 1001), ValueError, "nothing from 1000"),
     (lambda s, p: remux(s, p / "x.mp4", -1), ValueError, "0 or more"),
     (lambda s, p: remux(s, p / "x.mp4", "a"), TypeError, "number"), (lambda s, p: remux(s, 5), TypeError, "path"),
     (lambda s, p: remux(s, io.BytesIO()), TypeError, "format="),
     (lambda s, p: remux(p / "none.mp4", p / "x.mp4"), FileNotFoundError, "none"),
     (lambda s, p: remux(b"nonsense" * 50, p / "x.mp4"), ValueError, "bytes"),
     (lambda s, p: concat(str(s), p / "x.mp4"), TypeError, "list"),
     (lambda s, p: concat([], p / "x.mp4"), ValueError, "no sources"),
     (lambda s, p: concat(5, p / "x.mp4"), TypeError, "list"),
     (lambda s, p: extract_audio(media.path("h264_plain.mp4"), p / "x.m4a"), LookupError, "audio")],
)  # fmt: skip
def test_wrong_calls(call, error, words, tmp_path):
    with pytest.raises(error, match=words):
        call(media.path("h264_sound.mp4"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", [{}, {"start": 0.3, "exact": True}])
def test_a_full_device(part, tmp_path):
    (tmp_path / "x.mkv").symlink_to("/dev/full")
    with pytest.raises(cycodec.NoSpaceError):
        remux(media.path("h264_sound.mp4"), tmp_path / "x.mkv", **part)
