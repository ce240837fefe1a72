"""The walk through an AVI file finds what a scan of it finds, or steps aside."""

import random
import struct

import oracle
import pytest
import recipes

from cycodec._shared.sources import open_source
from cycodec._video import indexing
from cycodec.core.container.avi import walk_avi
from cycodec.core.container.demux import Demuxer
from cycodec.decoders import VideoDecoder

FRAMES = 36
ORDINARY = {  # name -> encoder with options
    "reordered": "mpeg4 -bf 2 -g 8",
    "in_order": "mpeg4 -g 8",
    "one_gop": "mpeg4 -bf 1 -g 999",
    "quarters": "mpeg4 -bf 2 -g 8 -flags +qpel+mv4",
    "matrices": "mpeg4 -bf 2 -g 8 -mpeg_quant 1",
    "partitions": "mpeg4 -bf 1 -g 8 -data_partitioning 1",
    "film": "mpeg4 -bf 2 -g 8",
    "xvid": "libxvid -g 8",
    "tagged": "mpeg4 -bf 2 -g 8 -vtag XVID",
    "small": "mpeg4 -bf 2 -g 8 -q:v 31",
    "with_sound": "mpeg4 -bf 2 -g 8 -c:a pcm_s16le",
    "with_mp3": "mpeg4 -bf 2 -g 8 -c:a libmp3lame",
}
UNUSUAL = {
    "packed": "libxvid -bf 2 -g 8",
    "interlaced": "mpeg4 -bf 2 -g 8 -flags +ildct+ilme",
    "umax": "mpeg4 -g 8 -vtag UMP4",
    "h264": "libx264 -bf 2 -g 8",
    "mjpeg": "mjpeg",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("avi")


def clip(folder, name):
    path = folder / f"{name}.avi"
    if not path.exists():
        encoder = (ORDINARY | UNUSUAL)[name]
        rate = "12000/1001" if name == "film" else "12"
        # libavformat looks at 40 pictures of this rate before it opens the file
        seconds = 12 if name == "film" else FRAMES // 12
        source = f"testsrc2=s=96x64:r={rate}:d={seconds}"
        source += "" if name == "small" else ",noise=alls=8:allf=t"
        sound = ["-f", "lavfi", "-i", "sine=d=3"] if "-c:a" in encoder else []
        pixels = [] if name == "mjpeg" else ["-pix_fmt", "yuv420p"]
        recipes.run("-f", "lavfi", "-i", source, *sound, *pixels, "-c:v", *encoder.split(), path)
    return path


def walked(path):
    """Return the rows of a walk through a file; None if it has stepped aside."""
    demuxer = Demuxer(open_source(str(path)))
    table = walk_avi(demuxer, demuxer.select_video())
    return None if table is None else table.rows()


def index_of(path):
    demuxer = Demuxer(open_source(str(path)))
    return indexing.predict_index(demuxer, demuxer.select_video())


def scanned_index(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "walk_avi", lambda *arguments: None)
        return index_of(path)


def chunks(data):
    """Return (position, tag, size) of each chunk in the list of packets, and behind it."""
    position = data.index(b"movi") + 4
    found = []
    while position + 8 <= len(data):
        size = struct.unpack_from("<I", data, position + 4)[0]
        found.append((position, bytes(data[position : position + 4]), size))
        position += 8 + size + size % 2
    return found


def pictures(data):
    return [(position, size) for position, tag, size in chunks(data) if tag[2:] == b"dc"]


@pytest.mark.parametrize("name", ORDINARY)
def test_the_index_is_that_of_a_scan(name, folder, monkeypatch):
    path = clip(folder, name)
    assert walked(path) is not None
    walk, scan = index_of(path), scanned_index(path, monkeypatch)
    assert walk.index.to_bytes() == scan.index.to_bytes()
    assert (walk.is_doubtful, walk.first_size) == (scan.is_doubtful, scan.first_size)
    assert not walk.is_doubtful
    assert walk.is_unread
    assert not scan.is_unread
    assert len(walk.index.pts) == len(oracle.reference(path).digests)


@pytest.mark.parametrize("name", ORDINARY)
def test_each_frame_of_a_fresh_decoder_is_ffmpegs(name, folder):
    path = clip(folder, name)
    expected = oracle.reference(path).digests
    for number in random.Random(name).sample(range(len(expected)), 12):
        frame = VideoDecoder(path, dimension_order="NHWC")[number]
        assert oracle.digest(frame) == expected[number]


def stored_apart(data):
    """Store the sound of a file before its pictures."""
    found = chunks(data)
    begin = found[0][0]
    packets = sorted((c for c in found if c[1][:2].isdigit()), key=lambda c: c[1][2:] == b"dc")
    first_position = begin - 4
    stored, entries = b"", b""
    keys = {}
    place = data.rindex(b"idx1") + 8
    for _, flags, position, _ in struct.iter_unpack("<4sIII", data[place : place + 16 * len(packets)]):
        keys[position + first_position] = flags
    for position, tag, size in packets:
        entries += tag + struct.pack("<III", keys[position], begin + len(stored) - first_position, size)
        stored += data[position : position + 8 + size + size % 2]
    return data[:begin] + stored + b"idx1" + struct.pack("<I", len(entries)) + entries


def test_streams_that_are_stored_apart(folder, tmp_path, monkeypatch):
    path = tmp_path / "apart.avi"
    path.write_bytes(stored_apart(clip(folder, "with_sound").read_bytes()))
    walk, scan = index_of(path), scanned_index(path, monkeypatch)
    assert walk.index.to_bytes() == scan.index.to_bytes()
    assert len(walk.index.pts) == FRAMES
    assert VideoDecoder(path)[30].shape == (3, 64, 96)


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_stream_is_scanned(name, folder):
    assert walked(clip(folder, name)) is None


def without_index(data):
    return data[: data.rindex(b"idx1")]


def with_garbage_behind(data):
    return data + bytes(range(100, 120))


def cut_off(data):
    return data[: len(data) * 2 // 3]


def another_size_in_the_index(data):
    place = data.rindex(b"idx1") + 8 + 16 * 5 + 12
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def another_place_in_the_index(data):
    place = data.rindex(b"idx1") + 8 + 16 * 5 + 8
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def another_size_in_a_chunk(data):
    place = pictures(data)[7][0] + 4
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


def another_tag(data):
    place = pictures(data)[7][0]
    return data[:place] + b"00db" + data[place + 4 :]


def a_byte_that_is_not_zero(data):
    position, size = next(pair for pair in pictures(data) if pair[1] % 2)
    place = position + 8 + size
    return data[:place] + b"0" + data[place + 1 :]


def without_a_picture_header(data):
    place = pictures(data)[9][0] + 8
    return data[:place] + b"\0\0\1\xb7" + data[place + 4 :]


def with_user_data_of_divx(data):
    place = data.index(b"\0\0\1\xb2")
    return data[: place + 4] + b"DivX503b1234p" + data[place + 4 + 13 :]


@pytest.mark.parametrize(
    "change",
    [
        without_index,
        with_garbage_behind,
        cut_off,
        another_size_in_the_index,
        another_place_in_the_index,
        another_size_in_a_chunk,
        another_tag,
        a_byte_that_is_not_zero,
        without_a_picture_header,
        with_user_data_of_divx,
    ],
    ids=lambda change: change.__name__,
)
def test_a_changed_file_is_scanned(change, folder, tmp_path):
    path = tmp_path / "changed.avi"
    path.write_bytes(change(clip(folder, "reordered").read_bytes()))
    assert walked(path) is None


@pytest.mark.parametrize("name", ["reordered", "with_mp3", "small"])
def test_no_change_makes_a_walk_differ_from_a_scan(name, folder, tmp_path, monkeypatch):
    """Bytes of the index, of chunk headers, of the bytes between chunks and of picture headers."""
    data = clip(folder, name).read_bytes()
    places = [position for position, _, _ in chunks(data)]
    path = tmp_path / "changed.avi"
    accepted = 0
    for number in range(250):
        dice, changed = random.Random(number), bytearray(data)
        for _ in range(dice.choice((1, 1, 3))):
            place = dice.choice((dice.choice(places) + dice.randrange(-3, 24), dice.randrange(len(data))))
            changed[min(max(place, 0), len(data) - 1)] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        try:
            demuxer = Demuxer(open_source(str(path)))
            stream = demuxer.select_video()
        except Exception:
            continue
        table = walk_avi(demuxer, stream)
        if table is None:
            continue
        accepted += 1
        walk, scan = index_of(path), scanned_index(path, monkeypatch)
        if not scan.is_doubtful:
            assert walk.index.to_bytes() == scan.index.to_bytes(), number
    assert accepted > 25


def test_a_second_picture_in_a_packet_gives_no_frame(folder, tmp_path):
    """The decoder ignores it, so that the walk need not look for one."""
    data = bytearray(clip(folder, "reordered").read_bytes())
    for position, size in pictures(data)[5:30:6]:
        data[position + 8 + size // 2 : position + 8 + size // 2 + 5] = b"\0\0\1\xb6\x50"
    path = tmp_path / "two.avi"
    path.write_bytes(data)
    assert walked(path) is not None
    expected = oracle.reference(path).digests
    assert len(VideoDecoder(path)) == len(expected) == FRAMES
    for number in range(FRAMES):
        frame = VideoDecoder(path, dimension_order="NHWC")[number]
        assert oracle.digest(frame) == expected[number], number
