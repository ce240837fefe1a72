"""Files that hold a FrameIndex: one that anybody may have written is refused, or it is harmless."""

import json
import os
import re
import stat
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import media
import numpy as np
import oracle
import pytest
import recipes
import torch

import cycodec
from cycodec.core.error import InvalidDataError, StaleIndexError
from cycodec.core.video.index_file import ADDED
from cycodec.decoders import VideoDecoder

OWNERS = media.names("h264_plain.mp4 h264.ts mpeg4_bframes.avi")

VALUES = [
    *(
        0,
        1,
        -1,
        2,
        17,
        1000,
        2**15,
        2**24 + 1,
        5 * 10**8,
        2**31 - 1,
        2**31,
        2**32,
        2**62,
        2**63,
        -(2**63),
        2**64,
    ),
    *(1.0, 0.5, 1e308, float("nan"), float("inf"), True, False, None, "", "x", "headers", "scan", "00" * 16),
    *([], {}, [[[[]]]], {"a": 1}),
]
NUMBERS = [0, 1, -1, 7, 2**31 - 1, 2**31, 2**32 - 1, -(2**31), 2**61, 2**62, 2**63 - 1, -(2**63)]

FRAME_ARRAYS = ["pts", "durations"]
ANCHOR_ARRAYS = ["pts", "dts", "pos", "sync_pos", "first", "ordinal", "size", "digest"]


def unpack(data):
    """Returns (header, list of difference arrays) of a saved index."""
    payload = zlib.decompress(data[12:])
    (length,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + length])
    sizes = [header["count"]] * 2 + [header["anchors"]] * 8 + [header["count"]] * header["stamped"]
    arrays = []
    place = 4 + length
    for size in sizes:
        arrays.append(np.frombuffer(payload, "<i8", size, place).copy())
        place += 8 * size
    assert place == len(payload)
    return header, arrays


def pack(header, arrays):
    """Returns a saved index with a right checksum."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return sealed(struct.pack("<I", len(text)) + text + b"".join(array.tobytes() for array in arrays))


def sealed(payload, prefix=b"CYCIDX\x01\x00"):
    packed = zlib.compress(payload, 1)
    return prefix + struct.pack("<I", zlib.crc32(packed)) + packed


@pytest.fixture(params=OWNERS)
def owner(request):
    """(path of a video, the bytes of its index)."""
    path = media.path(request.param)
    return path, VideoDecoder(path).index.to_bytes()


@pytest.fixture
def plain():
    return VideoDecoder(media.path("h264.ts")).index.to_bytes()


READER = """
import struct, sys
import oracle
import cycodec
from cycodec.decoders import VideoDecoder

path, digests = sys.argv[1], sys.argv[2].split(",")
stream = sys.stdin.buffer
while head := stream.read(4):
    data = stream.read(struct.unpack("<I", head)[0])
    answer = "right"
    try:
        index = cycodec.FrameIndex.from_bytes(data)
    except cycodec.InvalidDataError:
        answer = "refused"
    else:
        try:
            with VideoDecoder(path, index=index, dimension_order="NHWC", num_threads=1) as decoder:
                index.index_at(0.5) if index.begin_seconds <= 0.5 < index.end_seconds else None
                for number in (len(decoder) - 1, len(decoder) // 2, 0):
                    if len(decoder) != len(digests) or oracle.digest(decoder[number]) != digests[number]:
                        answer = "wrong"
        except (cycodec.FFmpegError, IndexError) as error:
            answer = type(error).__name__
        except BaseException as error:
            answer = f"untyped {type(error).__name__}: {error}"
    print(answer.replace("\\n", " "), flush=True)
"""


def use_all(path, indexes):
    """Returns what a child process makes of each index: it may crash, and this process goes on."""
    digests = ",".join(oracle.reference(path).digests)
    places = os.pathsep.join([str(Path(cycodec.__file__).parents[1]), str(Path(oracle.__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), digests],
        input=b"".join(struct.pack("<I", len(index)) + index for index in indexes),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": places},
        timeout=600,
    )
    answers = done.stdout.decode().splitlines()
    error = done.stderr.decode()[-2000:]
    assert done.returncode == 0, f"index {len(answers)} of {len(indexes)}: {error}"
    assert len(answers) == len(indexes)
    return answers


def test_unchanged_indexes_are_right(owner):
    path, data = owner
    header, arrays = unpack(data)
    assert use_all(path, [data, pack(header, arrays)]) == ["right", "right"]


def test_every_field_of_the_header(owner):
    path, data = owner
    header, arrays = unpack(data)
    cases = {}
    for name in header:
        for value in VALUES:
            cases[f"{name} {value!r}"] = pack({**header, name: value}, arrays)
        cases[f"without {name}"] = pack({k: v for k, v in header.items() if k != name}, arrays)
    answers = dict(zip(cases, use_all(path, list(cases.values())), strict=True))
    bad = {what: answer for what, answer in answers.items() if answer.startswith(("wrong", "untyped"))}
    assert bad == {}
    for name in header:
        assert answers[f"without {name}"] == ("right" if name in ADDED else "refused")
        for value in (2**64, -(2**63), 0.5, float("nan"), "x", [], {}):
            assert answers[f"{name} {value!r}"] == "refused"
    for what in (
        "den 0",
        "num 0",
        "num -1",
        "reorder 17",
        "reorder 2147483647",
        "packets 500000000",
        "count -1",
    ):
        assert answers[what] == "refused"


def test_values_of_the_arrays(owner):
    """Each case changes one value; no other place in a file holds the order of packets."""
    path, data = owner
    header, arrays = unpack(data)
    orders = [2, 1, 2, 2, 1, 1, 2, 2, 0, 0, 2]
    cases = []
    for number, (array, order) in enumerate(zip(arrays, orders, strict=False)):
        for place in {0, len(array) // 2, len(array) - 1}:
            for value in NUMBERS:
                values = array.copy()
                for _ in range(order):
                    values = np.cumsum(values)
                values[place] = value
                for _ in range(order):
                    values = np.diff(values, prepend=np.int64(0))
                cases.append([*arrays[:number], values, *arrays[number + 1 :]])
    answers = use_all(path, [pack(header, case) for case in cases])
    assert not [answer for answer in answers if answer.startswith(("wrong", "untyped"))]
    assert answers.count("refused") > len(answers) // 3


def test_differences_in_the_arrays(owner):
    """Each changes one stored difference, and with it all later values."""
    path, data = owner
    header, arrays = unpack(data)
    cases = []
    for number, array in enumerate(arrays):
        for place in {0, 1, len(array) - 1} & set(range(len(array))):
            for value in NUMBERS:
                changed = array.copy()
                changed[place] = value
                cases.append([*arrays[:number], changed, *arrays[number + 1 :]])
    answers = use_all(path, [pack(header, case) for case in cases])
    assert not [answer for answer in answers if answer.startswith("untyped")]


def test_an_index_of_another_file_is_harmless():
    """Without a fingerprint, nothing tells that an index is of another file."""
    paths = [media.path(name) for name in OWNERS]
    for path in paths:
        indexes = []
        for other in paths:
            header, arrays = unpack(VideoDecoder(other).index.to_bytes())
            indexes.append(pack({**header, "size": None, "digest": None}, arrays))
        assert not [answer for answer in use_all(path, indexes) if answer.startswith("untyped")]


# ---- what is refused, and why ----


def refused(data, match):
    text = rf"^x\.idx is no usable frame index: .*{match}.* \(make a new one with index\.save"
    with pytest.raises(cycodec.InvalidDataError, match=text):
        cycodec.FrameIndex.from_bytes(data, "x.idx")


def changed(data, **fields):
    header, arrays = unpack(data)
    return pack({**header, **fields}, arrays)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"count": True}, "'count'"),
        ({"packets": 0}, "0 packets"),
        ({"stamped": False}, "packets for frames"),
        ({"stamped": 1}, "'stamped'"),
        ({"remembers": None}, "'remembers'"),
        ({"stamped": False, "linear": True, "packets": 0}, "order"),
        ({"anchors": 0}, "0 anchors"),
        ({"anchors": 10**6}, "1000000 anchors"),
        ({"origin": "magic"}, "'origin'"),
        ({"origin": None}, "'origin'"),
        ({"stream_index": -2}, "'stream_index'"),
        ({"size": None}, "'size'"),
        ({"digest": "zz" * 16}, "'digest'"),
        ({"digest": "00"}, "'digest'"),
        ({"digest": None}, "'digest'"),
    ],
)
def test_a_field_that_cannot_be(plain, fields, match):
    refused(changed(plain, **fields), match)


def test_values_that_cannot_be(plain):
    header, arrays = unpack(plain)
    names = [*FRAME_ARRAYS, *(f"anchor {name}" for name in ANCHOR_ARRAYS), "ordinals"]

    def put(name, place, value):
        copies = [array.copy() for array in arrays]
        copies[names.index(name)][place] = value
        return pack(header, copies)

    refused(put("pts", 0, 2**63 - 1), "times are not from")
    refused(put("pts", 1, -(10**9)), "times do not rise")
    refused(put("durations", 1, -(10**9)), "durations are not from")
    refused(put("anchor first", 0, 1), "'first'")
    refused(put("anchor first", -1, -(10**6)), "'first'")
    refused(put("anchor first", -1, 10**6), "'first'")
    refused(put("anchor ordinal", 1, 10**6), "'ordinal'")
    refused(put("anchor pos", 0, -2), "'pos'")
    refused(put("anchor size", 0, -1), "'size'")
    refused(put("anchor digest", 0, 2**32), "'digest'")
    refused(put("ordinals", 0, -1), "numbers of packets")
    refused(put("ordinals", -1, 10**6), "numbers of packets")
    ordinals = np.zeros(header["count"], np.int64)
    refused(pack(header, [*arrays[:-1], ordinals]), "the same packet")


def test_headers_that_cannot_be(plain):
    _, arrays = unpack(plain)
    for text in (
        b"",
        b"7",
        b"null",
        b"[" * 2000,
        b'{"count":' * 300,
        b"{}",
        b"\xff\xfe{}",
        b'{"count": 1e5}',
    ):
        refused(pack(text, arrays), "header|Expecting|codec|JSON")
    refused(pack(b"[" * 100_000, arrays), "longer than 4096")
    refused(sealed(struct.pack("<I", 2**32 - 1)), "header")
    refused(sealed(b""), "wrong length")


def test_bytes_behind_the_arrays(plain):
    payload = zlib.decompress(plain[12:])
    refused(sealed(payload + b"\0"), "wrong length")
    refused(sealed(payload[:-1]), "wrong length")
    packed = zlib.compress(payload) + b"more"
    refused(plain[:8] + struct.pack("<I", zlib.crc32(packed)) + packed, "wrong length")


MEASURE = """
import resource, sys, cycodec
from cycodec.core.video.index import FrameIndex
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    FrameIndex.load(sys.argv[1])
except cycodec.InvalidDataError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("what", ["more than announced", "many frames", "many packets"])
def test_a_small_file_does_not_fill_the_memory(plain, tmp_path, what):
    header, arrays = unpack(plain)
    fields = {
        "more than announced": {},
        "many frames": {"count": 2**24},
        "many packets": {"packets": 2**31 - 1},
    }[what]
    text = json.dumps({**header, **fields}).encode()
    packer = zlib.compressobj(1)
    packed = packer.compress(
        struct.pack("<I", len(text)) + text + b"".join(array.tobytes() for array in arrays)
    )
    for _ in range(1024):
        packed += packer.compress(bytes(1 << 20))
    packed += packer.flush()
    path = tmp_path / "bomb.idx"
    path.write_bytes(plain[:8] + struct.pack("<I", zlib.crc32(packed)) + packed)
    assert path.stat().st_size < 1 << 23
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cycodec.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < (500 if what == "many frames" else 100)  # MiB


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(cycodec.InvalidDataError, match="begin"):
        cycodec.FrameIndex.load("/dev/zero")


@pytest.mark.parametrize("name", ["ts_packets_0", "reorder_2147483647", "den_0", "count_-1", "header_deep"])
def test_hostile_index_files(name):
    path = media.shared(f"hostile/idx_{name}.idx")
    with pytest.raises(cycodec.InvalidDataError, match=re.escape(str(path))):
        cycodec.FrameIndex.load(path)


def test_the_largest_delay_of_a_stream_is_bounded():
    """libavcodec ends the process if it is told a larger delay than codecs allow."""
    path = media.path("h264_plain.mp4")
    program = (
        "import sys; from cycodec.decoders import VideoDecoder; from cycodec import FrameIndex\n"
        "index = VideoDecoder(sys.argv[1]).index; index.reorder = 2**31 - 1\n"
        "print(len(VideoDecoder(sys.argv[1], index=index)[:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cycodec.__file__).parents[1])},
    )
    assert (done.returncode, done.stdout) == (0, "75\n"), done.stderr


# ---- where an index is saved ----


def test_saving_to_a_pipe_writes_to_it(plain, tmp_path):
    index = cycodec.FrameIndex.from_bytes(plain)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    index.save(pipe)
    reader.join(10)
    if reader.is_alive():  # the pipe was replaced, and nobody will ever write to it
        pytest.fail("nothing was written to the pipe")
    assert got == [plain]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_saving_to_a_device_keeps_it(plain, tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.open("wb").close()
    except PermissionError:
        device = Path("/dev/null")
    cycodec.FrameIndex.from_bytes(plain).save(device)
    assert stat.S_ISCHR(device.stat().st_mode)


def test_saving_to_the_redirected_output_keeps_the_link(plain, tmp_path):
    """ "/dev/stdout" is such a link; here the output is a regular file."""
    target = tmp_path / "output"
    link = tmp_path / "stdout"
    with open(target, "wb") as file:
        link.symlink_to(f"/proc/self/fd/{file.fileno()}")
        cycodec.FrameIndex.from_bytes(plain).save(link)
    assert link.is_symlink()
    assert target.read_bytes() == plain


def test_saving_over_a_link_leaves_its_target(plain, tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    link = tmp_path / "x.idx"
    link.symlink_to(target)
    cycodec.FrameIndex.from_bytes(plain).save(link)
    assert target.read_bytes() == b"precious"
    assert link.read_bytes() == plain
    assert not link.is_symlink()


def test_saving_does_not_follow_a_link_in_the_place_of_its_draft(plain, tmp_path):
    """Somebody who guesses the name of the draft must not choose which file is written."""
    target = tmp_path / "target"
    (tmp_path / f"x.idx.{os.getpid()}.tmp").symlink_to(target)
    cycodec.FrameIndex.from_bytes(plain).save(tmp_path / "x.idx")
    assert not target.exists()


def test_saving_takes_paths_of_bytes(plain, tmp_path):
    path = os.fsencode(tmp_path / "x.idx")
    index = cycodec.FrameIndex.from_bytes(plain)
    index.save(path)
    assert cycodec.FrameIndex.load(path) == index
    assert os.listdir(tmp_path) == ["x.idx"]


def test_the_bytes_of_an_index_are_an_index():
    path = media.path("h264_plain.mp4")
    made = VideoDecoder(path)
    data = made.index.to_bytes()
    for given in (data, bytearray(data), memoryview(data)):
        assert torch.equal(VideoDecoder(path, index=given)[7], made[7])
    with pytest.raises(StaleIndexError):
        VideoDecoder(media.path("h264_10bit.mp4"), index=data)
    with pytest.raises(InvalidDataError):
        VideoDecoder(path, index=data[:-1])
    with pytest.raises(TypeError, match="FrameIndex, its bytes or the path"):
        VideoDecoder(path, index=7)


@pytest.mark.parametrize("name", ["h264_plain.mp4", "h264.mkv", "vp8.webm", "vp9.webm"])
def test_an_index_that_lacks_a_frame_gives_no_neighbour(name):
    """A frame that the index does not have, inside a GOP, makes the index one of another stream."""
    path = media.path(name)
    with VideoDecoder(path) as decoder:
        header, arrays = unpack(decoder.index.to_bytes())
        keys = decoder.index.key_frames
        pts = decoder.index.pts
    assert not header["stamped"]
    missing = int(keys[1]) + 2
    assert missing + 2 not in keys
    rest = np.delete(pts, missing)
    arrays[0] = np.diff(np.diff(rest, prepend=0), prepend=0)
    arrays[1] = np.diff(np.append(np.diff(rest), rest[-1] - rest[-2]), prepend=0)
    first = np.cumsum(np.cumsum(arrays[6]))
    first -= first > missing
    arrays[6] = np.diff(np.diff(first, prepend=0), prepend=0)
    index = cycodec.FrameIndex.from_bytes(pack({**header, "count": len(rest)}, arrays))
    for number in (missing, missing + 1):
        with (
            VideoDecoder(path, index=index, num_threads=1) as decoder,
            pytest.raises(cycodec.StaleIndexError),
        ):
            decoder[number]


@pytest.mark.parametrize("width", [0, 32, 96])
def test_frame_0_corrects_the_size_that_an_index_states(tmp_path, width):
    """Header and index may lie alike: frame 0 shows the lie, and later frames have its size."""
    for number, size in enumerate(("64x48", "96x64")):
        source = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", "12"]
        recipes.run(*source, "-c:v", "libvpx", "-g", "6", tmp_path / f"{number}.mkv")
    (tmp_path / "names.txt").write_text("file '0.mkv'\nfile '1.mkv'\n")
    path = tmp_path / "joined.mkv"
    recipes.run("-f", "concat", "-i", tmp_path / "names.txt", "-c", "copy", path)
    data = bytearray(path.read_bytes())
    for old, new in ((b"\xb0\x81\x40", b"\xb0\x81\x60"), (b"\xba\x81\x30", b"\xba\x81\x40")):
        place = data.index(old)  # PixelWidth or PixelHeight becomes that of the second part
        data[place : place + 3] = new
    path.write_bytes(data)
    with VideoDecoder(path) as decoder:
        assert decoder[20].shape[-2:] == (48, 64)
        header, arrays = unpack(decoder.index.to_bytes())
    lie = pack({**header, "width": width, "height": width * 2 // 3}, arrays)
    with VideoDecoder(path, index=cycodec.FrameIndex.from_bytes(lie)) as decoder:
        decoder[20]
        if width == 96:
            with pytest.raises(cycodec.StaleIndexError, match=r"joined\.mkv"):
                decoder[0]
        assert decoder[0].shape[-2:] == (48, 64)
        assert decoder[20].shape[-2:] == (48, 64)
        assert decoder.metadata.width == 64
