"""The demuxer that first bytes prove is the one that FFmpeg finds by probing."""

import json
import subprocess

import pytest
import recipes

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.error import FFmpegError

PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=12:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=3")
CLIPS = {
    "h264.ts": (*PICTURES, "-c:v", "libx264"),
    "mpeg2.ts": (*PICTURES, "-c:v", "mpeg2video"),
    "mpeg4.ts": (*PICTURES, "-c:v", "mpeg4"),
    "hevc.ts": (*PICTURES, "-c:v", "libx265", "-x265-params", "log-level=error"),
    "both.ts": (*PICTURES, *SOUND, "-c:v", "libx264", "-c:a", "aac"),
    "aac.ts": (*SOUND, "-c:a", "aac", "-b:a", "256k"),
    "mp2.ts": (*SOUND, "-c:a", "mp2"),
    "padded.ts": (*PICTURES, "-c:v", "mpeg2video", "-muxrate", "4M"),
    "m2ts.ts": (*PICTURES, "-c:v", "libx264", "-mpegts_m2ts_mode", "1"),
    "h264.avi": (*PICTURES, "-c:v", "libx264"),
    "h264.flv": (*PICTURES, "-c:v", "libx264"),
    "h264.mp4": (*PICTURES, "-c:v", "libx264"),
    "vp8.webm": (*PICTURES, "-c:v", "libvpx"),
    "mpeg2.mpg": (*PICTURES, "-c:v", "mpeg2video", "-f", "vob"),
}
PACKET = 188


def probed_format(path):
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "format=format_name", path]
    found = json.loads(subprocess.run(command, capture_output=True).stdout or "{}")
    return found.get("format", {}).get("format_name")


def format_of(path):
    try:
        return Demuxer(open_source(path)).format_name
    except FFmpegError:
        return None


@pytest.mark.parametrize("name", CLIPS)
def test_the_format_is_that_of_ffprobe(name, tmp_path):
    path = tmp_path / name
    recipes.run(*CLIPS[name], path)
    assert format_of(path) == probed_format(path) is not None


@pytest.fixture
def stream(tmp_path):
    path = tmp_path / "clip.ts"
    recipes.run(*CLIPS["h264.ts"], path)
    return path.read_bytes()


@pytest.mark.parametrize("size", [PACKET, 10 * PACKET, 21 * PACKET, 22 * PACKET, 23 * PACKET])
def test_a_short_transport_stream_is_what_ffprobe_says(size, stream, tmp_path):
    path = tmp_path / "short.ts"
    path.write_bytes(stream[:size])
    assert format_of(path) == probed_format(path)


def test_a_transport_stream_that_begins_inside_a_packet_is_probed(stream, tmp_path):
    path = tmp_path / "shifted.ts"
    path.write_bytes(stream[100:])
    assert format_of(path) == probed_format(path) == "mpegts"


def test_the_first_byte_of_packets_proves_nothing_where_it_is_frequent(tmp_path):
    """Nothing tells then where packets begin."""
    path = tmp_path / "frequent.bin"
    path.write_bytes(b"\x47\x40\x11\x10" * 20_000)
    assert format_of(path) == probed_format(path)
    path.write_bytes(b"G" * 80_000)
    assert format_of(path) == probed_format(path)
