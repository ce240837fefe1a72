"""Headers that hold impossible numbers: the frames are those of ffmpeg, or the error is typed.

A header is only a shortcut to the index. Numbers in it that nobody can calculate with lead to the
scan of the packets.
"""

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import media
import oracle
import pytest

import cycodec
from cycodec.decoders import VideoDecoder

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex")
WIDE = (0, 1, 7, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def boxes(data, begin=0, end=None):
    """Yields (begin, size, kind) of all boxes of an MP4 file."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8 or begin + size > end:
            return
        yield begin, size, kind
        if kind in CONTAINERS:
            yield from boxes(data, begin + 8, begin + size)
        begin += size


def find(data, kind, number=0):
    """Returns (begin, size) of a box."""
    return [(begin, size) for begin, size, name in boxes(data) if name == kind][number]


def agrees(path, count=None):
    """Asserts that all frames are ffmpeg's, forwards and as first reads of new decoders."""
    reference = oracle.reference(path)
    assert count is None or reference.count == count
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert [oracle.digest(frame) for frame in decoder[:]] == list(reference.digests)
    for number in (reference.count - 1, reference.count // 2):
        with VideoDecoder(path, dimension_order="NHWC") as decoder:
            assert oracle.digest(decoder[number]) == reference.digests[number]


def written(tmp_path, data, name="x.mp4"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("reorder_ctts17.mp4", 75),
        ("moov_size0.mp4", 18),
        ("tfdt_8000000000000000.mp4", 17),
        ("bigbox_8000000000000000_g_frag.mp4", 18),
    ],
)
def test_hostile_files(name, count):
    agrees(media.shared(f"hostile/{name}"), count)


def test_a_last_box_of_size_0_goes_on_to_the_end(tmp_path):
    data = bytearray(media.path("h264_plain.mp4").read_bytes())
    begin, size = find(data, b"moov")
    assert begin + size == len(data)
    struct.pack_into(">I", data, begin, 0)
    path = written(tmp_path, data)
    agrees(path, 75)
    assert "from headers" in repr(VideoDecoder(path).index)


@pytest.mark.parametrize("kind", [b"moov", b"mdat"])
def test_a_last_box_of_size_0_in_other_files(tmp_path, kind):
    """The samples come last, or the last box is that of a fragment."""
    name = {b"moov": "h264_faststart.mp4", b"mdat": "h264_fragmented.mp4"}[kind]
    data = bytearray(media.path(name).read_bytes())
    *_, (begin, size, _) = ((b, s, k) for b, s, k in boxes(data) if b + s == len(data))
    del size
    struct.pack_into(">I", data, begin, 0)
    agrees(written(tmp_path, data))


@pytest.mark.parametrize("size", [2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("name", ["h264_fragmented.mp4", "h264_plain.mp4"])
def test_a_box_of_any_size_behind_the_file(tmp_path, name, size):
    data = media.path(name).read_bytes()
    agrees(written(tmp_path, data + struct.pack(">I4sQ", 1, b"free", size)))


def without_overflow(path):
    """Opens a file and reads two frames: errors must be typed."""
    try:
        with VideoDecoder(path, num_threads=1) as decoder:
            decoder[len(decoder) - 1]
            decoder[0]
            decoder.get_frame_played_at(decoder.index.begin_seconds)
    except (cycodec.FFmpegError, IndexError):
        pass


@pytest.mark.parametrize("value", WIDE)
def test_any_decoding_time_of_a_fragment(tmp_path, value):
    data = bytearray(media.path("h264_fragmented.mp4").read_bytes())
    begin, size = find(data, b"tfdt", 1)
    assert (size, data[begin + 8]) == (20, 1)
    struct.pack_into(">Q", data, begin + 12, value)
    without_overflow(written(tmp_path, data))


# Each box, and the start of its 32-bit fields: after version and flags, or after the count.
FIELDS = {
    "h264_plain.mp4": (
        b"ctts",
        b"stts",
        b"stsz",
        b"stsc",
        b"stco",
        b"stss",
        b"elst",
        b"mdhd",
        b"mvhd",
        b"tkhd",
    ),
    "h264_fragmented.mp4": (b"trun", b"tfhd", b"trex", b"tfdt", b"mdhd"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_any_number_in_a_table(tmp_path, name):
    original = media.path(name).read_bytes()
    dice = random.Random(17)
    for kind in FIELDS[name]:
        begin, size = find(original, kind)
        for place in range(begin + 8, min(begin + size - 3, begin + 40), 4):
            for value in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, dice.randrange(2**32)):
                data = bytearray(original)
                struct.pack_into(">I", data, place, value)
                # libavformat itself allocates what a table announces
                if kind in (b"stsz", b"stsc", b"stts") and value > 1 << 20:
                    continue
                without_overflow(written(tmp_path, data))


def test_any_number_in_a_matroska_header(tmp_path):
    original = media.path("h264.mkv").read_bytes()
    # TimestampScale, Timestamp of a cluster, SeekPosition, DefaultDuration, CueClusterPosition
    for identifier in (b"\x2a\xd7\xb1", b"\xe7", b"\x53\xac", b"\x23\xe3\x83", b"\xf1"):
        place = original.find(identifier)
        while 0 <= place < 6000:
            length = original[place + len(identifier)] & 0x7F
            if 1 <= length <= 8:
                for value in (0, 1 << 8 * length - 1, (1 << 8 * length) - 1):
                    data = bytearray(original)
                    at = place + len(identifier) + 1
                    data[at : at + length] = value.to_bytes(length, "big")
                    without_overflow(written(tmp_path, data, "x.mkv"))
                    # the same number with eight bytes, over what follows
                    data[at - 1 : at + 8] = b"\x88" + (value << 64 - 8 * length).to_bytes(8, "big")
                    without_overflow(written(tmp_path, data, "x.mkv"))
            place = original.find(identifier, place + 1)


def test_a_lying_moov_costs_no_memory(tmp_path):
    """Its size says 900 MB, and the file has a few kilobytes."""
    data = bytearray(media.path("h264_plain.mp4").read_bytes())
    begin, _ = find(data, b"moov")
    struct.pack_into(">I", data, begin, 900_000_000)
    path = written(tmp_path, data)
    program = (
        "import resource, sys; from cycodec.decoders import VideoDecoder; from cycodec import FFmpegError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: VideoDecoder(sys.argv[1])\n"
        "except FFmpegError: pass\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cycodec.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200  # MiB


@pytest.mark.parametrize(
    "text", ['{"frames": ' + "[" * 100_000, '{"frames": [{"pts": 1e999, "key_frame": 1}]}']
)
def test_mappings_that_nobody_can_calculate_with(text):
    with pytest.raises(ValueError, match="custom_frame_mappings"):
        VideoDecoder(media.path("h264_plain.mp4"), custom_frame_mappings=text)


@pytest.mark.parametrize(("pts", "duration"), [(2**63, 1), (-(2**70), 1), (0, 2**62), (1e30, 1)])
def test_mappings_with_times_that_are_too_large(pts, duration):
    import json

    frames = [{"pts": pts, "duration": duration, "key_frame": 1}]
    with pytest.raises(ValueError, match="too large"):
        VideoDecoder(media.path("h264_plain.mp4"), custom_frame_mappings=json.dumps({"frames": frames}))
