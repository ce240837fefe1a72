"""Exact cuts: copied frames keep their bits, and those around the cuts are encoded again."""

import hashlib
import io
import math
import subprocess

import encoding
import media
import oracle
import pytest
import recipes
import torch

from cycodec import UnsupportedError, extract_audio, remux
from cycodec._copy.order_counts import source_counts, with_order_counts
from cycodec._copy.smart_cut import StreamCut
from cycodec._shared import limits
from cycodec._shared.sources import make_access, open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.encode.recode import PacketReader
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import Encoder

GOOD = 34  # dB of each frame that is encoded again; the pictures are noisy


def decoded_by_command(path):
    """The digests of all frames that the ffmpeg command decodes; it must not complain."""
    command = [recipes.FFMPEG, "-v", "warning", "-i", path, "-map", "0:v:0", *oracle.passthrough()]
    command += ["-pix_fmt", "rgb24", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if line[:1] != "#"]


def psnr(ours, theirs):
    return encoding.psnr(ours[None].permute(0, 2, 3, 1).numpy(), theirs[None])


def check_cut(source, path, start, stop, **arguments):
    """Cut relative to the first frame; return which frames have the source's bits."""
    decoder = VideoDecoder(source)
    begin = decoder.get_frame_at(0).pts_seconds
    wanted = decoder.get_frames_played_in_range(begin + start, begin + stop)
    first = remux(source, path, begin + start, begin + stop, exact=True, **arguments)
    assert first == pytest.approx(wanted.pts_seconds[0].item(), abs=1e-6)
    ours = decoded_by_command(path)
    theirs = [oracle.digest(frame.permute(1, 2, 0)) for frame in wanted.data]
    assert len(ours) == len(theirs)
    got = VideoDecoder(path).get_all_frames()
    assert [oracle.digest(frame.permute(1, 2, 0)) for frame in got.data] == ours
    shown = got.pts_seconds - (got.pts_seconds[0] if path.suffix == ".ts" else 0)
    assert (shown - (wanted.pts_seconds - wanted.pts_seconds[0])).abs().max() < 1.1e-3
    same = [a == b for a, b in zip(ours, theirs, strict=True)]
    for number, is_same in enumerate(same):
        assert is_same or psnr(got.data[number], wanted.data[number]) > GOOD
    return same


def keys_between(source, start, stop):
    """The numbers of the key frames of a part, counted from its first frame."""
    decoder = VideoDecoder(source)
    begin = decoder.get_frame_at(0).pts_seconds
    pts = decoder.get_frames_played_in_range(begin + start, begin + stop).pts_seconds
    keys = decoder.get_frames_at(decoder.index.key_frames).pts_seconds
    return [n for n, time in enumerate(pts) if (keys - time).abs().min() < 1e-6]


# the name of a source, and the containers into which it is cut
SOURCES = [
    ("h264_plain.mp4", ("mp4", "mkv", "ts")), ("h264_open_gop.mp4", ("mp4", "mkv", "ts")),
    ("h264_open_gop.ts", ("mp4", "ts")), ("h264_no_bframes.mp4", ("mp4",)), ("h264_bpyramid.mp4", ("mkv",)),
    ("h264_10bit.mp4", ("mp4",)), ("h264_444.mp4", ("mkv",)), ("h264_mbaff.mp4", ("mp4",)),
    ("hevc.mp4", ("mp4", "mkv", "ts")), ("hevc_10bit.mp4", ("mp4",)), ("mpeg2.ts", ("mkv", "ts")),
    ("mpeg4.mp4", ("mp4", "mkv")), ("mpeg4_no_bframes.mp4", ("mp4", "mkv")),
    ("vp9.webm", ("mkv", "mp4")), ("vp8.webm", ("mkv",)), ("av1_aom.mkv", ("mkv",)),
    ("av1_svt.mp4", ("mp4",)), ("ffv1.mkv", ("mkv",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "containers"), SOURCES, ids=[name for name, _ in SOURCES])
def test_cuts_at_any_frame(name, containers, tmp_path):
    source = media.path(name)
    start, stop = (0.37, 0.9) if name == "ffv1.mkv" else (0.37, 1.61)
    keys = keys_between(source, start, stop)
    for container in containers:
        same = check_cut(source, tmp_path / f"x.{container}", start, stop)
        # from the first key frame on everything is copied, but for a few frames that cross the end
        assert all(same[keys[0] : -3])
        assert not any(same[: keys[0]])


def test_parts_inside_a_gop(tmp_path):
    source = media.path("hevc_one_gop.mp4")
    assert not any(check_cut(source, tmp_path / "x.mp4", 0.5, 0.61))
    assert all(check_cut(source, tmp_path / "x.mp4", 0, 0.5)[:-3])
    whole = check_cut(source, tmp_path / "x.mp4", 0, 0.999)
    assert all(whole)


def test_open_ends(tmp_path):
    source = media.path("h264_plain.mp4")
    wanted = oracle.reference(source).digests
    assert remux(source, tmp_path / "x.mp4", start=0.5, exact=True) == pytest.approx(0.48)
    assert decoded_by_command(tmp_path / "x.mp4") == list(wanted[12:])
    assert remux(source, tmp_path / "x.mp4", stop=0.97, exact=True) == 0
    assert decoded_by_command(tmp_path / "x.mp4")[:24] == list(wanted[:24])
    assert remux(source, tmp_path / "x.mp4", exact=True) == 0
    assert decoded_by_command(tmp_path / "x.mp4") == list(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("codec", ["x264", "x264-pyramid", "x264-cavlc", "x265", "x265-pyramid"])
def test_many_cuts_of_open_gops(codec, seed, tmp_path):
    options = {
        "x264": "-c:v libx264 -x264-params open-gop=1:bframes=3:keyint=",
        "x264-pyramid": "-c:v libx264 -x264-params open-gop=1:bframes=7:b-pyramid=strict:ref=4:keyint=",
        "x264-cavlc": "-c:v libx264 -x264-params open-gop=1:bframes=2:cabac=0:ref=3:keyint=",
        "x265": "-c:v libx265 -x265-params log-level=none:open-gop=1:bframes=3:keyint=",
        "x265-pyramid": "-c:v libx265 -x265-params log-level=none:open-gop=1:bframes=6:ref=4:keyint=",
    }[codec]
    generator = torch.Generator().manual_seed(seed)
    length = int(torch.randint(20, 50, (1,), generator=generator))
    container = ("mp4", "mkv", "ts")[seed % 3]
    source = tmp_path / f"source.{container}"
    picture = "testsrc2=size=160x128:rate=30:duration=5,noise=alls=12:allf=t"
    command = [recipes.FFMPEG, "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, *f"{options}{length}".split(), source], check=True)
    for start, seconds in torch.rand(3, 2, generator=generator).tolist():
        begin = round(3 * start, 3)
        check_cut(source, tmp_path / f"x.{container}", begin, round(begin + 0.1 + 1.5 * seconds, 3))


def with_sound(path, codec="aac"):
    encoder = Encoder()
    video = encoder.add_video(height=96, width=128, frame_rate=30, gop=20)
    audio = encoder.add_audio(sample_rate=48000, num_channels=1, codec=codec)
    with encoder.open_file(path):
        video.add_frames(encoding.moving(60))
        # a rising tone: AAC stores noise as such, and its decoder makes another one each time
        audio.add_samples(
            0.5 * torch.sin(2 * math.pi * torch.linspace(0, 60, 96000, dtype=torch.float64) ** 2)[None]
        )
    return path


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_sound_of_mp4_begins_at_the_sample(codec, tmp_path):
    source = with_sound(tmp_path / "source.mp4", codec)
    begin = remux(source, tmp_path / "x.mp4", 0.51, 1.4, exact=True)
    whole, part = AudioDecoder(source).get_all_samples(), AudioDecoder(tmp_path / "x.mp4").get_all_samples()
    assert part.pts_seconds == VideoDecoder(tmp_path / "x.mp4").get_frame_at(0).pts_seconds == 0
    first = round(begin * 48000)
    count = min(part.data.shape[1], whole.data.shape[1] - first)
    assert 0.88 * 48000 < count < 0.9 * 48000 + 4096
    error = (part.data[:, :count] - whole.data[:, first : first + count]).abs().max()
    assert error == 0 if codec == "alac" else error < 2e-3


@pytest.mark.parametrize(("container", "codec"), [("mkv", "aac"), ("ts", "aac"), ("mkv", "libopus")])
def test_sound_of_others_begins_at_a_packet(container, codec, tmp_path):
    """Readers of Matroska drop the priming: that of Opus, and with FFmpeg 9 that of others, too."""
    source = with_sound(tmp_path / f"source.{container}", codec)
    begin = remux(source, tmp_path / f"x.{container}", 1.51 if container == "ts" else 0.51, exact=True)
    video = VideoDecoder(tmp_path / f"x.{container}").get_frame_at(0).pts_seconds
    sound = AudioDecoder(tmp_path / f"x.{container}").get_all_samples()
    assert 0 <= sound.pts_seconds - video < 1024 / 48000
    if codec == "libopus":
        return  # its decoder takes long to settle
    whole = AudioDecoder(source).get_all_samples()
    first = round((begin + sound.pts_seconds - video - whole.pts_seconds) * 48000)
    ours = sound.data[0, 2048:6144]  # the decoder needs the packet before
    errors = [(whole.data[0, first + 2048 + d : first + 6144 + d] - ours).abs().max() for d in range(-48, 49)]
    assert min(errors) < 2e-3


def test_sound_alone(tmp_path):
    source = tmp_path / "sound.m4a"
    extract_audio(with_sound(tmp_path / "source.mp4"), source)
    assert remux(source, tmp_path / "x.m4a", 0.3, 0.8, exact=True) == pytest.approx(0.3)
    part = AudioDecoder(tmp_path / "x.m4a").get_all_samples()
    whole = AudioDecoder(source).get_all_samples()
    assert (part.data[:, :20000] - whole.data[:, 14400:34400]).abs().max() < 2e-3


def test_two_cameras(tmp_path):
    encoder = Encoder()
    cameras = [encoder.add_video(height=96, width=128, frame_rate=30, gop=gop) for gop in (12, 25)]
    with encoder.open_file(tmp_path / "source.mkv"):
        for seed, camera in enumerate(cameras):
            camera.add_frames(encoding.moving(60, seed=seed))
    begin = remux(tmp_path / "source.mkv", tmp_path / "x.mkv", 0.5, 1.5, exact=True)
    for stream, key in ((0, 24), (1, 25)):
        whole = VideoDecoder(tmp_path / "source.mkv", stream_index=stream)
        part = VideoDecoder(tmp_path / "x.mkv", stream_index=stream)
        first = round(begin * 30)
        assert len(part) == 45 - first
        assert torch.equal(part[key - first : 26], whole[key : 26 + first])
        assert (part.get_all_frames().pts_seconds - torch.arange(45 - first) / 30).abs().max() < 1.1e-3


def test_destinations_and_tags(tmp_path):
    source = with_sound(tmp_path / "source.mp4")
    file = io.BytesIO()
    remux(source, file, 0.5, 1.5, exact=True, format="mp4", metadata={"title": "part"})
    assert len(VideoDecoder(file.getvalue())) == 30
    remux(source, tmp_path / "x.mp4", 0.5, 1.5, exact=True, faststart=True)
    data = (tmp_path / "x.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert encoding.probe(tmp_path / "x.mp4", "codec_tag_string")["codec_tag_string"] == "avc3"
    remux(source, tmp_path / "y.mp4", 2 / 3, 4 / 3, exact=True)  # nothing to encode
    assert encoding.probe(tmp_path / "y.mp4", "codec_tag_string")["codec_tag_string"] == "avc1"


def test_random_access_in_the_new_file(tmp_path):
    for name in ("h264_open_gop.mp4", "hevc.mp4", "mpeg4.mp4"):
        remux(media.path(name), tmp_path / "x.mp4", 0.3, 1.9, exact=True)
        wanted = decoded_by_command(tmp_path / "x.mp4")
        decoder = VideoDecoder(tmp_path / "x.mp4")
        for number in (39, 0, 20, 38, 3, 12, 39, 25):
            assert (
                hashlib.md5(decoder[number].permute(1, 2, 0).contiguous().numpy()).hexdigest()
                == wanted[number]
            )


def test_parts_that_cannot_be_joined_are_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(StreamCut, "_is_joined", lambda *arguments: False)
    same = check_cut(media.path("h264_plain.mp4"), tmp_path / "x.mp4", 0.37, 1.6)
    assert not any(same)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ffv1_long_gop.mkv", "stores one header"), ("mpeg4_bframes.avi", "do not say when"),
     ("h264_rgb.mkv", "pixel format gbrp")],
)  # fmt: skip
def test_streams_that_cannot_be_cut(name, words, tmp_path):
    with pytest.raises(UnsupportedError, match=rf"{name}.*{words}.*leave exact out"):
        remux(media.path(name), tmp_path / "x.mkv", 0.3, 0.9, exact=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("start", "stop", "exact", "error", "words"),
    [
        (0, 1, 1, TypeError, "exact"),
        (2, 1, True, ValueError, "after"),
        (100, 101, True, ValueError, "nothing from"),
    ],
)
def test_wrong_calls(start, stop, exact, error, words, tmp_path):
    with pytest.raises(error, match=words):
        remux(media.path("h264_plain.mp4"), tmp_path / "x.mp4", start, stop, exact=exact)
    assert list(tmp_path.iterdir()) == []


def test_headers_of_another_kind_are_left_alone():
    assert source_counts([], []) is None
    assert source_counts([b"\x67\x64"], [b"\x65\x88"]) is None
    assert with_order_counts([[b"\x41\x9a"]], 4, 6) is None
    assert with_order_counts([[b"\x67\x64\0\x0a"]], 4, 6) is None


def test_an_entry_is_told_by_its_own_messages(tmp_path):
    # behind the end of the message stand bytes that would be another one, a late recovery point
    message = b"\0\0\1\x06\x05\x10" + bytes(range(16, 32)) + b"\x80"
    filler = b"\0\0\1\x0c\x06\x01\x40\x80"
    data = media.path("h264_open_gop.h264").read_bytes()
    slice_at = data.index(b"\0\0\1\x65")
    slice_at -= data[slice_at - 1] == 0
    (tmp_path / "x.h264").write_bytes(data[:slice_at] + message + filler + data[slice_at:])
    demuxer = Demuxer(open_source(tmp_path / "x.h264", make_access(chosen=limits.get_limits())))
    reader = PacketReader(demuxer, 0)
    packets = [reader.read() for _ in range(14)]
    assert [n for n, packet in enumerate(packets) if reader.is_entry(packet)] == [0, 9]
