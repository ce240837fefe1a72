"""FFmpeg probes MPEG-TS and -PS no longer than their headers require, and finds the same."""

import json
import subprocess
from pathlib import Path

import oracle
import pytest
import recipes
from damaged_media import lacks_frames, made

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.decoders import VideoDecoder

PICTURES = (
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=320x240:r=25:d=8",
    "-b:v",
    "3M",
    "-maxrate",
    "3M",
    "-bufsize",
    "1M",
)
SOUND = ("-f", "lavfi", "-i", "sine=d=8")
CLIPS = {
    "mpeg2.mpg": (*PICTURES, "-c:v", "mpeg2video", "-f", "mpeg"),
    "mpeg1.mpg": (*PICTURES, "-c:v", "mpeg1video", "-f", "mpeg"),
    "both.mpg": (*SOUND, *PICTURES, "-c:v", "mpeg2video", "-f", "mpeg"),
    "dvd.mpg": (*SOUND, *PICTURES, "-c:v", "mpeg2video", "-c:a", "ac3", "-f", "dvd"),
    "interlaced.mpg": (*PICTURES, "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-f", "mpeg"),
    "mpeg2.ts": (*PICTURES, "-c:v", "mpeg2video"),
    "vob.mpg": (*PICTURES, "-c:v", "mpeg2video", "-f", "vob"),
    "interlaced.ts": (*PICTURES, "-c:v", "mpeg2video", "-flags", "+ildct+ilme"),
}
SHORT = ("mpeg2.mpg", "vob.mpg", "mpeg1.mpg", "both.mpg", "mpeg2.ts")
# bytes that the head, 4 frames and FFmpeg's look at the end have at most
SHORT_BYTES = 700_000


def bytes_read():
    """Return how many bytes this process has read, as Linux counts them."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short_probing")
    for name, arguments in CLIPS.items():
        recipes.run(*arguments, folder / name)
    return folder


def seen_by_ffprobe(path):
    command = [
        "ffprobe",
        "-v",
        "error",
        "-of",
        "json",
        "-show_entries",
        "stream=codec_name,avg_frame_rate",
        path,
    ]
    streams = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    return [(s["codec_name"], s["avg_frame_rate"]) for s in streams]


def seen_by_us(path):
    demuxer = Demuxer(open_source(path))
    demuxer.probe()
    rates = [demuxer.frame_rate(i) for i in range(demuxer.num_streams)]
    names = [demuxer.codec_name(i) for i in range(demuxer.num_streams)]
    return [
        (n, "0/0" if r is None else f"{r.numerator}/{r.denominator}")
        for n, r in zip(names, rates, strict=True)
    ]


@pytest.mark.parametrize("name", CLIPS)
def test_probing_finds_what_ffprobe_finds(clips, name):
    assert seen_by_us(clips / name) == seen_by_ffprobe(clips / name)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system does not count what is read")
@pytest.mark.parametrize("name", CLIPS)
def test_probing_is_short_where_headers_tell(clips, name):
    demuxer = Demuxer(open_source(clips / name))
    before = bytes_read()
    demuxer.probe()
    assert (bytes_read() - before < SHORT_BYTES) == (name in SHORT or name.endswith(".ts"))


@pytest.mark.parametrize("name", ["interlaced.mpg", "interlaced.ts"])
def test_a_rate_that_changes_is_averaged_as_by_ffprobe(clips, tmp_path, name):
    """From the sixth picture on, each frame is shown for three fields."""
    data = bytearray((clips / name).read_bytes())
    place, found = data.find(b"\0\0\1\xb5"), 0
    while place >= 0:
        if data[place + 4] >> 4 == 8:
            found += 1
            if found > 5:
                data[place + 7] |= 0x02
                data[place + 8] |= 0x80
        place = data.find(b"\0\0\1\xb5", place + 4)
    assert found > 150
    path = tmp_path / name
    path.write_bytes(data)
    assert seen_by_us(path) == seen_by_ffprobe(path)


def test_a_stream_that_the_system_header_does_not_name_is_found(clips, tmp_path):
    """The system header names the video twice and not the sound, which must be found."""
    path = tmp_path / "joined.mpg"
    data = bytearray((clips / "both.mpg").read_bytes())
    place = data.index(b"\0\0\1\xbb")
    length = data[place + 5]
    # the entry of the sound becomes a second one of the video
    assert sorted(data[place + 12 : place + 6 + length : 3]) == [0xC0, 0xE0]
    for i in range(place + 12, place + 6 + length, 3):
        data[i] = 0xE0
    path.write_bytes(data)
    assert [codec for codec, _ in seen_by_us(path)] == [codec for codec, _ in seen_by_ffprobe(path)]


@pytest.mark.parametrize("name", SHORT)
def test_frames_are_those_of_ffmpeg(clips, name):
    command = ["ffmpeg", "-v", "error", "-i", clips / name, "-vf", "select='eq(n,0)+eq(n,101)+eq(n,199)'"]
    command += ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    theirs = subprocess.run(command, capture_output=True, check=True).stdout
    frames = [VideoDecoder(clips / name, dimension_order="NHWC")[i].numpy().tobytes() for i in (0, 101, 199)]
    assert b"".join(frames) == theirs


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.wtv", "-c:v libx264"),
        ("x.wtv", "-c:v mpeg2video -bf 2"),
        ("x.wtv", "-c:v mpeg4"),
        ("x.swf", "-c:v flv1"),
        ("x.roq", "-c:v roqvideo -s 64x64 -r 30"),
        ("x.dv", "-c:v dvvideo -s 720x576 -r 25"),
        ("x.gxf", "-c:v mpeg2video -s 720x576 -r 25"),  # its demuxer returns -1 at the end
    ],
)
def test_demuxers_that_cannot_read_on_from_any_byte(tmp_path, name, options):
    """Most of their containers name the streams in packets. That of WTV reads sectors by itself."""
    path = made(tmp_path, name, options)
    count = oracle.reference(path).count
    assert count >= 12
    assert not lacks_frames(path, count)
    with VideoDecoder(path) as decoder:
        assert len(decoder) == count
