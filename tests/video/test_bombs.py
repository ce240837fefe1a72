"""False sizes and damaged files cause no crash and no hang, in child processes with limits on
memory and time.
"""

import json
import struct
import subprocess
import sys
import zlib

import media
import pytest
import recipes

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder

PRELUDE = """
import json, resource, sys, torch, cycodec
from cycodec.decoders import VideoDecoder
VideoDecoder(sys.argv[1])[0:3]  # everything is loaded before memory is measured
if sys.platform == "linux":
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def grown():
    unit = 1 if sys.platform == "darwin" else 1024
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
"""
OPEN = """
for path in sys.argv[3:]:
    try:
        with VideoDecoder(path) as decoder:
            decoder[0]
        outcome = ["decoded", ""]
    except Exception as error:
        outcome = ["FFmpegError" if isinstance(error, cycodec.FFmpegError) else type(error).__name__, str(error)]
    print(json.dumps([*outcome, grown()]), flush=True)
"""


def run_child(code, *arguments, memory, timeout):
    """Runs code in a process that may take `memory` more bytes; returns (printed lines, how the
    process ended).
    """
    intact = media.path("h264_plain.mp4")
    command = [sys.executable, "-c", PRELUDE + code, str(intact), str(memory), *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as hang:
        return (hang.stdout or b"").decode().splitlines(), f"no end after {timeout} s"
    return done.stdout.splitlines(), f"exit code {done.returncode}\n{done.stderr[-3000:]}"


def child(code, *arguments, memory=1 << 30, timeout=120):
    """Runs code in a limited process; returns its last line, read as JSON."""
    lines, end = run_child(code, *arguments, memory=memory, timeout=timeout)
    assert end.startswith("exit code 0\n"), f"the child died: {end}"
    return json.loads(lines[-1])


def patched(name, *changes):
    """Returns a file with bytes replaced by (where, offset, new bytes); `where` is a byte string to
    search for.
    """
    data = bytearray(media.path(name).read_bytes())
    for where, offset, new in changes:
        at = data.index(where) + offset
        data[at : at + len(new)] = new
    return bytes(data)


def png_of(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )


HUGE = struct.pack(">I", 0x7FFFFFF0)
BMP_HEADER = (1000, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
BOMBS = {
    "size.png": lambda: png_of(60_000, 60_000),
    "size_overflow.png": lambda: png_of(0x7FFFFFFF, 0x7FFFFFFF),
    "size.gif": lambda: b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2D\1\0;",
    "size.bmp": lambda: b"BM" + struct.pack("<4I2i2H2I2i2I", *BMP_HEADER) + bytes(900),
    "size.y4m": lambda: b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(1000),
    "track_size.mp4": lambda: patched("h264_plain.mp4", (b"avc1\0\0\0\0\0\0\0\1", 28, b"\xff\xf0\xff\xf0")),
    "sample_count.mp4": lambda: patched("h264_plain.mp4", (b"stsz", 12, HUGE)),
    "time_count.mp4": lambda: patched("h264_plain.mp4", (b"stts", 8, HUGE)),
    "sample_time.mp4": lambda: patched("h264_plain.mp4", (b"stts", 12, HUGE)),
    "offset_count.mp4": lambda: patched("h264_plain.mp4", (b"ctts", 8, HUGE)),
    "offset_run.mp4": lambda: patched("h264_plain.mp4", (b"ctts", 12, HUGE)),
    "chunk_count.mp4": lambda: patched("h264_plain.mp4", (b"stco", 8, HUGE)),
    "chunk_samples.mp4": lambda: patched("h264_plain.mp4", (b"stsc", 16, HUGE)),
    "chunk_place.mp4": lambda: patched("h264_plain.mp4", (b"stco", 12, HUGE)),
    "key_count.mp4": lambda: patched("h264_plain.mp4", (b"stss", 8, HUGE)),
    "edit_count.mp4": lambda: patched("h264_plain.mp4", (b"elst", 8, HUGE)),
    "edit_place.mp4": lambda: patched("h264_plain.mp4", (b"elst", 16, HUGE)),
    "sample_size.mp4": lambda: patched("h264_plain.mp4", (b"stsz", 16, HUGE)),
    "timescale_0.mp4": lambda: patched("h264_plain.mp4", (b"mdhd", 16, bytes(4))),
    "box_size.mp4": lambda: patched("h264_plain.mp4", (b"moov", -4, HUGE)),
    "run_count.mp4": lambda: patched("h264_fragmented.mp4", (b"trun", 8, HUGE)),
    "cluster_size.mkv": lambda: patched("h264.mkv", (bytes.fromhex("1f43b675"), 4, b"\x01\x7f\xff\xff\xff\xff\xff\xff")),
    "block_size.mkv": lambda: patched("h264.mkv", (b"\xa3", 1, b"\x08\xff\xff\xff")),
    "frame_size.avi": lambda: patched("mjpeg.avi", (b"00dc", 4, b"\xff\xff\xff\x7f")),
    "picture_size.avi": lambda: patched("raw.avi", (b"strf", 12, struct.pack("<ii", 60_000, 60_000))),
    "packet_size.flv": lambda: patched("flv1.flv", (b"FLV", 14, b"\xff\xff\xff")),
}  # fmt: skip


@pytest.fixture(scope="module")
def exploded(tmp_path_factory):
    """name -> (outcome, message, growth of memory) of all bombs, which few child processes open in
    turn.
    """
    folder = tmp_path_factory.mktemp("bombs")
    waiting = []
    for name, build in BOMBS.items():
        (folder / name).write_bytes(build())
        waiting.append(folder / name)
    outcomes = {}
    while waiting:
        lines, end = run_child(OPEN, *waiting, memory=2 << 30, timeout=120)
        for path, line in zip(waiting, lines, strict=False):
            outcomes[path.name] = json.loads(line)
        if len(lines) < len(waiting):  # the next bomb killed it
            outcomes[waiting[len(lines)].name] = ["died", end, 0]
        waiting = waiting[len(lines) + 1 :]
    return outcomes


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_go_off(exploded, name):
    """A header's sizes are not trusted before there are bytes to fill them."""
    outcome, message, grown = exploded[name]
    assert outcome in ("FFmpegError", "decoded"), message
    if outcome == "FFmpegError":
        assert name in message
    assert grown < 500_000_000


def announcing(count):
    """A fragmented file whose second fragment announces samples without sizes of their own."""
    data = bytearray(media.path("h264_fragmented.mp4").read_bytes())
    place = data.index(b"trun", data.index(b"trun") + 4)
    struct.pack_into(">II", data, place + 4, 1, count)
    return bytes(data)


def test_more_samples_than_bytes(tmp_path):
    """FFmpeg allocates them all. The file is refused before another demuxer does so again."""
    path = tmp_path / "samples.mp4"
    path.write_bytes(announcing(15_000_000))
    outcome, message, grown = child(OPEN, path)
    assert outcome == "FFmpegError"
    assert "samples" in message
    assert "bytes" in message
    assert grown < 900_000_000


# Pictures whose size only the decoder finds, of one colour: 100 megapixels in half a megabyte.
CANVASES = {"png": "-pix_fmt rgb24", "tiff": "-compression_algo deflate -pix_fmt rgb24"}
LOOK = """
with VideoDecoder(sys.argv[3]) as decoder:
    length, opened = len(decoder), grown()
    shape = list(decoder[0].shape)
print(json.dumps([length, opened, shape]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("suffix", CANVASES)
def test_a_canvas_whose_size_only_the_decoder_finds(tmp_path, suffix):
    path = tmp_path / f"canvas.{suffix}"
    source = ["-f", "lavfi", "-i", "color=gray:s=10000x10000:r=1:d=1", "-frames:v", "1"]
    recipes.run(*source, *CANVASES[suffix].split(), path)
    length, opened, shape = child(LOOK, path, memory=4 << 30)
    assert (length, shape) == (1, [3, 10000, 10000])
    assert opened < 30_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")])
def test_a_huge_cover_of_audio(tmp_path, suffix, codec):
    """Opening learns its size, and only reading it takes the memory for its pixels."""
    cover, path = tmp_path / "cover.png", tmp_path / f"cover.{suffix}"
    recipes.run(
        "-f", "lavfi", "-i", "color=gray:s=10000x6000:r=1:d=1", "-frames:v", "1", "-pix_fmt", "gray", cover
    )
    joined = f"-map 0 -map 1 -c:v copy -disposition:v attached_pic -c:a {codec}"
    recipes.run("-f", "lavfi", "-i", "sine=d=1", "-i", cover, *joined.split(), path)
    length, opened, shape = child(LOOK, path, memory=4 << 30)
    assert (length, shape) == (1, [3, 6000, 10000])
    assert opened < 30_000_000
    with pytest.raises(cycodec.LimitError, match="10000x6000"):
        VideoDecoder(path, max_pixels=1_000_000)
    assert len(AudioDecoder(path)) > 40_000


def test_the_shared_bomb():
    path = media.shared("bad_decompression_bomb.gif")
    outcome, message, grown = child(OPEN, path)
    assert outcome == "FFmpegError"
    assert "bad_decompression_bomb.gif" in message
    assert grown < 100_000_000


FUZZ = """
import random
data = open(sys.argv[3], "rb").read()
dice = random.Random(int(sys.argv[4]))
outcomes = []
for turn in range(int(sys.argv[5])):
    spoilt = bytearray(data)
    kind = turn % 3
    if kind == 0:  # a few flipped bits, anywhere
        for _ in range(dice.randrange(1, 40)):
            spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
    elif kind == 1:  # the headers, where the lies are
        for _ in range(dice.randrange(1, 8)):
            place = dice.randrange(min(len(spoilt), 1500))
            spoilt[place if dice.random() < 0.5 else -place - 1] = dice.choice((0, 1, 127, 128, 255))
    else:  # a piece taken out
        start = dice.randrange(len(spoilt))
        del spoilt[start : start + dice.randrange(1, 5000)]
    try:
        with VideoDecoder(bytes(spoilt), on_error=dice.choice(("raise", "mask"))) as decoder:
            for frame, _ in zip(decoder, range(60)):
                pass
            decoder[::7]
            while True:
                count = len(decoder)
                try:
                    decoder[[count - 1, 0, count // 2]]
                    break
                except IndexError:  # frames that were promised did not come
                    assert len(decoder) < count, f"no frame where len() promises {count}"
            decoder.t[decoder.metadata.begin_stream_seconds]
        outcomes.append("decoded")
    except cycodec.FFmpegError:
        outcomes.append("FFmpegError")
    except Exception as error:
        outcomes.append(f"turn {turn}: {type(error).__name__}: {error}")
print(json.dumps([outcomes, grown()]))
"""


@pytest.mark.parametrize(
    "name",
    media.names("""
    h264_plain.mp4 h264_fragmented.mp4 h264.mkv h264.ts h264_annexb.h264 mpeg4_packed_bframes.avi
    mpeg2.vob vp9.webm animation.gif h264.flv
    """),
)
def test_spoilt_files_never_crash_or_hang(name):
    """Any flipped bytes give frames or an FFmpegError, in bounded memory and time."""
    outcomes, grown = child(FUZZ, media.path(name), 11, 18, memory=2 << 30, timeout=120)
    assert [o for o in outcomes if o not in ("decoded", "FFmpegError")] == []
    assert "decoded" in outcomes
    assert grown < 500_000_000


def test_peak_memory_of_a_long_read_is_that_of_a_frame():
    """Iteration holds one frame at a time."""
    code = "for frame in VideoDecoder(sys.argv[3]): pass\nprint(json.dumps(grown()))"
    grown = child(code, media.shared("h264_bench_camera_768x432_139s.mp4"))
    assert grown < 60_000_000
