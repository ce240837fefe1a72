"""Metadata of the header equals ffprobe's; metadata of the content equals that of the frames."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import media
import oracle
import pytest
import recipes

from cycodec.decoders import VideoDecoder, get_container_metadata

NAMES = media.names("""
h264_plain.mp4 h264_sound.mp4 h264.mkv h264.ts h264.flv h264.avi h264_no_cues.mkv h264_fragmented.mp4 h264_annexb.h264
h264_10bit.mp4 h264_bt709.mp4 h264_full_range.mp4 hevc_pq.mp4 hevc_hlg.mp4 vp8_hidden.webm vp9.webm av1_svt.mp4 mpeg2.ts
mpeg1.mpg mpeg4_bframes.avi mjpeg.avi prores.mov ffv1.mkv wmv2.wmv animation.gif ntsc.mp4 vfr_dropped.mp4
starts_at_10s.mp4 two_videos.mp4 theora.ogv still.png mp3_id3_cover_chapters.mp3 h264_startpts_10s.mp4
h264_vfr_rot180_camera.mp4 h264_rot90_720p_bbb.mp4 hevc_hlg10_1080p.mp4 mp4_empty_second_video_track.mp4
h264_srt_subtitles.mkv
""")


SOUND_ONLY = ("heaac_latm.ts", "aac_music_priming.m4a")


def probe(path, *options):
    """Returns what ffprobe reports of a file."""
    command = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    done = subprocess.run(
        [command, "-v", "error", "-show_format", "-show_streams", "-of", "json", *options, f"file:{path}"],
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def first_frame(path, stream):
    found = probe(path, "-select_streams", str(stream), "-show_frames", "-read_intervals", "%+#1")
    return found["frames"][0]


def number(text, kind=float):
    """Returns a value of ffprobe's, or None if it has none."""
    return None if text in (None, "N/A", "unknown", "0/0") else kind(text)


@pytest.fixture(params=NAMES)
def probed(request):
    """(path, ffprobe's report) of a file with a video."""
    path = media.locate(request.param)
    return path, probe(path)


@pytest.fixture(params=(*NAMES, *SOUND_ONLY))
def any_probed(request):
    path = media.locate(request.param)
    return path, probe(path)


def test_container(any_probed):
    path, seen = any_probed
    container = get_container_metadata(path)
    assert [s.media_type for s in container.streams] == [s["codec_type"] for s in seen["streams"]]
    assert [s.codec for s in container.streams] == [number(s.get("codec_name"), str) for s in seen["streams"]]
    assert [s.stream_index for s in container.streams] == [s["index"] for s in seen["streams"]]
    assert container.duration_seconds_from_header == pytest.approx(
        number(seen["format"].get("duration")), abs=1e-5
    )
    rate = number(seen["format"].get("bit_rate"))
    assert container.bit_rate_from_header == (rate if rate is None else pytest.approx(rate, rel=1e-3))
    types = [s["codec_type"] for s in seen["streams"]]
    assert (container.best_video_stream is not None) == ("video" in types)
    assert (container.best_audio_stream is not None) == ("audio" in types)
    assert "ContainerMetadata" in repr(container)


def test_audio_streams(any_probed):
    path, seen = any_probed
    for ours, theirs in zip(get_container_metadata(path).streams, seen["streams"], strict=True):
        if theirs["codec_type"] == "audio":
            assert ours.sample_rate == int(theirs["sample_rate"])
            assert ours.num_channels == theirs["channels"]
            assert ours.sample_format == theirs["sample_fmt"]


def test_video_header(probed):
    path, seen = probed
    with VideoDecoder(path) as decoder:
        ours = decoder.metadata
        theirs = seen["streams"][decoder.stream_index]
        assert ours.stream_index == decoder.stream_index
        assert ours.media_type == "video"
        assert ours.codec == theirs["codec_name"]
        assert ours.pixel_format == theirs["pix_fmt"]
        for name in ("color_space", "color_primaries", "color_transfer_characteristic"):
            key = "color_transfer" if name.startswith("color_transfer") else name
            # the first frame gives the values that the header lacks
            value = theirs.get(key) or first_frame(path, decoder.stream_index).get(key)
            assert getattr(ours, name) == number(value, str), name
        duration = theirs.get("duration") or seen["format"].get("duration")
        assert ours.duration_seconds_from_header == seconds(duration)
        if "matroska" in seen["format"]["format_name"]:
            # its header has no start time: ffprobe's comes from the first packets
            assert ours.begin_stream_seconds_from_header in (None, seconds(theirs.get("start_time")))
        else:
            assert ours.begin_stream_seconds_from_header == seconds(theirs.get("start_time"))
        fps = number(theirs["avg_frame_rate"], Fraction)
        expected = None if not fps else pytest.approx(float(fps))
        if "matroska" in seen["format"]["format_name"]:
            # the header may lack a rate too: ffprobe's may be an estimate
            assert ours.average_fps_from_header in (None, expected)
        else:
            assert ours.average_fps_from_header == expected
        count = number(theirs.get("nb_frames"), int)
        assert ours.num_frames_from_header == count
        ratio = theirs.get("sample_aspect_ratio")
        if ratio not in (None, "0:1"):
            assert ours.pixel_aspect_ratio == Fraction(ratio.replace(":", "/"))


def seconds(text):
    value = number(text)
    return None if value is None else pytest.approx(value, abs=1e-5)


def test_video_content(probed):
    path, _ = probed
    with VideoDecoder(path) as decoder:
        ours = decoder.metadata
        reference = oracle.reference(path, decoder.stream_index)
        assert (ours.width, ours.height) == (reference.width, reference.height)
        assert (ours.height, ours.width) == tuple(decoder[0].shape[1:])
        assert ours.num_frames == ours.num_frames_from_content == len(decoder) == reference.count
        first, last = decoder.get_frame_at(0), decoder.get_frame_at(-1)
        assert ours.begin_stream_seconds == ours.begin_stream_seconds_from_content == first.pts_seconds
        assert ours.end_stream_seconds == pytest.approx(last.pts_seconds + last.duration_seconds, abs=1e-9)
        assert ours.duration_seconds == pytest.approx(
            ours.end_stream_seconds - ours.begin_stream_seconds, abs=1e-9
        )
        assert ours.average_fps == pytest.approx(len(decoder) / ours.duration_seconds)
        assert "VideoStreamMetadata" in repr(ours)


def test_approximate_mode_has_no_content_tier():
    with VideoDecoder(media.path("h264_plain.mp4"), seek_mode="approximate") as decoder:
        ours = decoder.metadata
        assert ours.num_frames_from_content is None
        assert ours.begin_stream_seconds_from_content is None
        assert ours.end_stream_seconds_from_content is None
        assert ours.num_frames == ours.num_frames_from_header == 75
        assert ours.average_fps == 25
        assert ours.duration_seconds == pytest.approx(3)


@pytest.mark.parametrize(
    ("name", "degrees"), [("rot90.mp4", 90), ("rot180.mp4", 180), ("rot270.mp4", 90), ("upright.mp4", 0)]
)
def test_rotation_is_reported_and_applied(name, degrees):
    path = media.path(name)
    with VideoDecoder(path) as decoder:
        ours = decoder.metadata
        assert abs(ours.rotation or 0) == degrees
        side = probe(path)["streams"][0].get("side_data_list", [{}])[0].get("rotation", 0)
        assert (ours.rotation or 0) % 360 == side % 360
        assert (ours.width, ours.height) == ((80, 128) if degrees == 90 else (128, 80))


def test_container_without_a_picture():
    container = get_container_metadata(media.shared("aac_music_priming.m4a"))
    assert container.best_video_stream_index is None
    assert container.best_audio_stream.codec == "aac"


@pytest.mark.parametrize("name", ["varying.mpg", "varying.ts", "varying.mkv", "varying.m1v"])
def test_a_rate_that_varies_is_unknown(name, tmp_path):
    """MPEG-1 says with a number that its rate varies. That number is no rate."""
    path = tmp_path / name
    recipes.run("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1", "-c:v", "mpeg1video", "-q:v", "3", path)
    with VideoDecoder(path) as decoder:
        assert decoder.metadata.bit_rate is None
        decoder.confirm()
        assert decoder.metadata.bit_rate is None
    assert VideoDecoder(path, seek_mode="approximate").metadata.bit_rate is None


def test_a_rate_that_is_stated_is_known(tmp_path):
    path = tmp_path / "constant.mpg"
    rate = ("-b:v", "800k", "-maxrate", "800k", "-bufsize", "400k")
    recipes.run("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1", "-c:v", "mpeg1video", *rate, path)
    assert VideoDecoder(path).metadata.bit_rate == 800_000
