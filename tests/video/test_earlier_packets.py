"""Packets before the wanted GOP that give no frame, seen by the first read of a fresh decoder."""

import random
import struct

import numpy as np
import oracle
import pytest
import recipes
from damaged_media import lacks_frames, made, packets
from mutations.streams import fix_ogg_checksum

from cycodec.decoders import VideoDecoder

# Codecs whose decoders give no picture for damage that lies behind the header.
LATE = {
    "png.mov": "png",
    "utvideo.avi": "utvideo",
    "targa.mov": "targa",
    "sgi.mov": "sgi",
    "asv1.avi": "asv1",
}


@pytest.mark.parametrize("name", LATE)
def test_damage_behind_the_header_of_a_picture(tmp_path, name):
    """Some of these decoders conceal some damage; each must have dropped a frame here."""
    path = made(tmp_path, name, f"-c:v {LATE[name]} -strict -1")
    data, places = path.read_bytes(), packets(path)
    dice = random.Random(name)
    found = 0
    for attempt in range(40):
        changed = bytearray(data)
        pos, size = places[dice.randrange(1, 6)]
        for _ in range(8):
            changed[pos + dice.randrange(size // 3, size)] = dice.randrange(256)
        other = tmp_path / f"{attempt}_{name}"
        other.write_bytes(changed)
        found += lacks_frames(other, len(places))
        if found == 2:
            return
    assert found


def test_a_png_with_a_checksum_that_is_wrong_alone(tmp_path):
    """The decoder ignores the checksum of the picture's data, so that no frame is missing."""
    path = made(tmp_path, "x.mov", "-c:v png")
    data, places = bytearray(path.read_bytes()), packets(path)
    pos, size = places[2]
    place = data.index(b"IDAT", pos, pos + size)
    (length,) = struct.unpack_from(">I", data, place - 4)
    data[place + 4 + length] ^= 1
    path.write_bytes(data)
    assert not lacks_frames(path, len(places))


@pytest.mark.parametrize("number", [6, 8, 11])
def test_theora_whose_pages_have_right_checksums(tmp_path, number):
    """A picture of a GOP in the middle is damaged behind its header."""
    path = made(tmp_path, "x.ogg", "-c:v libtheora -g 5 -page_duration 1000", seconds=2.5)
    data = bytearray(path.read_bytes())
    pages = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    page, end = pages[2 + number], pages[3 + number]
    begin = page + 27 + data[page + 26]
    data[begin + 8 : end] = b"\xff" * (end - begin - 8)
    fix_ogg_checksum(data, page)
    path.write_bytes(data)
    assert VideoDecoder(path).index.origin == "scan"
    assert lacks_frames(path, 25)


@pytest.mark.parametrize(("container", "pixels"), [("avi", "bgr24"), ("mov", "rgb24"), ("mkv", "yuv420p")])
def test_a_raw_picture_that_is_too_short(tmp_path, container, pixels):
    """The table or the chunk of one picture states fewer bytes."""
    path = made(tmp_path, f"x.{container}", f"-c:v rawvideo -pix_fmt {pixels}")
    data, places = bytearray(path.read_bytes()), packets(path)
    pos, size = places[3]
    if container == "avi":
        data[pos - 4 : pos] = struct.pack("<I", 8)
        data[pos + 8 : pos + 16] = b"JUNK" + struct.pack("<I", size - 16)
        path.write_bytes(data)
    elif container == "mov":
        place = data.index(b"stsz")
        assert struct.unpack_from(">2I", data, place + 8) == (size, len(places))
        # a size for each picture
        table = struct.pack(">3I", 0, 0, len(places)) + struct.pack(
            f">{len(places)}I", *(8 if i == 3 else size for i in range(len(places)))
        )
        path.write_bytes(with_larger_box(data, place - 4, table))
    else:
        shorten_block(data, pos, size)
        path.write_bytes(data)
    assert packets(path)[3][1] == 8
    assert lacks_frames(path, len(places))


def with_larger_box(data, place, payload):
    """Returns the bytes of a QuickTime file with other data in a box behind "mdat"."""
    old = struct.unpack_from(">I", data, place)[0]
    new = data[place + 4 : place + 8] + payload
    grown = len(new) + 4 - old
    result = bytearray(data[:place] + struct.pack(">I", len(new) + 4) + new + data[place + old :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        begin = max(at for at in range(place) if data.startswith(kind, at)) - 4
        struct.pack_into(">I", result, begin, struct.unpack_from(">I", data, begin)[0] + grown)
    return result


def shorten_block(data, pos, size):
    """Let a SimpleBlock of Matroska hold 8 bytes, with a Void element behind them.

    FFmpeg calls the header of the block, 4 bytes, the packet's place; the size stands before it.
    """
    begin = pos - 2
    assert int.from_bytes(data[begin : begin + 2], "big") == 0x4000 | size + 4
    data[begin : begin + 2] = (0x4000 | 8 + 4).to_bytes(2, "big")
    data[pos + 12 : pos + 15] = b"\xec" + (0x4000 | size - 8 - 3).to_bytes(2, "big")


def fragments(path):
    """Returns the bytes before the first fragment of an MP4 file, the fragments, and the rest."""
    data = path.read_bytes()
    boxes = []
    place = 0
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        boxes.append((place, kind))
        place += size
    begins = [place for place, kind in boxes if kind == b"moof"]
    end = next((place for place, kind in boxes if kind == b"mfra"), len(data))
    return data[: begins[0]], [data[a:b] for a, b in zip(begins, [*begins[1:], end], strict=True)], data[end:]


@pytest.mark.parametrize(
    "codec", ["libx264 -g 5 -bf 2", "libx265 -x265-params log-level=none:keyint=5:bframes=2:pools=1"]
)
def test_fragments_that_are_lost_or_change_places(tmp_path, codec):
    """The decoder of H.264 drops pictures that come too late: those behind a lost IDR picture."""
    flags = "-movflags +empty_moov+frag_every_frame+default_base_moof"
    path = made(tmp_path, "x.mp4", f"-c:v {codec} {flags}")
    head, pieces, tail = fragments(path)
    found = 0
    for a, b in [(5, 5), (1, 5), (3, 5), (4, 5)]:
        lost = [piece for i, piece in enumerate(pieces) if i not in (a, b)]
        swapped = list(pieces)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        for kept in (lost, swapped):
            path.write_bytes(head + b"".join(kept) + tail)
            found += lacks_frames(path, len(VideoDecoder(path)))
    assert found or "265" in codec


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_pictures_of_hevc_whose_references_are_lost(tmp_path, container):
    """Decoders since FFmpeg 8 give no frame for them; older ones make up the references."""
    flags = "-movflags +empty_moov+frag_every_frame+default_base_moof"
    options = "-c:v libx265 -x265-params log-level=none:keyint=5:bframes=2:pools=1"
    path, other = made(tmp_path, "x.mp4", f"{options} {flags}"), tmp_path / f"lost.{container}"
    head, pieces, tail = fragments(path)
    found = 0
    # 4 is a key frame, and 5 is shown before it
    for lost in ([1], [2], [1, 5], [4, 5]):
        path.write_bytes(head + b"".join(p for i, p in enumerate(pieces) if i not in lost) + tail)
        recipes.run("-i", path, "-c", "copy", other)
        found += lacks_frames(other, len(packets(other)))
    assert found == 4 or oracle.version() < (9, 0)


PALETTES = {
    "smc.mov": "-c:v smc",
    "raw.mov": "-vf format=pal8 -c:v rawvideo",
    "raw.avi": "-vf format=pal8 -c:v rawvideo",
    "raw.nut": "-vf format=pal8 -c:v rawvideo",
    "changing.avi": "-vf split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1 -c:v rawvideo",
}


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_that_come_once(tmp_path, name):
    """Each frame has its palette: as a first read, after others, and backwards."""
    path = made(tmp_path, name, PALETTES[name])
    reference = oracle.reference(path)
    assert not lacks_frames(path, 12)
    decoder = VideoDecoder(path, dimension_order="NHWC", num_threads=1)
    for numbers in (range(12), range(11, -1, -1), [7, 3, 9, 0]):
        assert [oracle.digest(decoder[n]) for n in numbers] == [reference.digests[n] for n in numbers]
    assert len(set(reference.digests)) == 12


def test_intact_files_are_read_from_the_wanted_gop(tmp_path):
    """Checks find nothing, and the reader begins at the key frame."""
    for name, options in {
        "x.mov": "-c:v png",
        "x.ogg": "-c:v libtheora -g 4",
        "y.avi": "-c:v utvideo",
    }.items():
        path = made(tmp_path, name, options)
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            assert decoder.index.origin in ("headers", "scan")
            assert oracle.digest(decoder[9]) == oracle.reference(path).digests[9]
            assert decoder.counters.frames_decoded <= 3 + 8 * (name == "x.ogg")
            assert np.array_equal(decoder.index.pts, VideoDecoder(path).index.pts)
