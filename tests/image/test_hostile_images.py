"""Mutated images end in a tensor or in a typed error, in bounded time and memory."""

import contextlib
import io
import random
import resource
import struct
import time
from functools import partial
from pathlib import Path

import image_seeds
import images
import numpy as np
import pytest
import torch
from image_seeds import SEEDS

import cycodec
from cycodec._image import webp
from cycodec.images import decode_animation, decode_image, get_image_metadata

WEBP = ("webp", "lossless", "alpha")
# files whose last bytes are no part of a picture: at most so many of them may be missing
UNUSED_BYTES = {
    "jpeg": 2,
    "progressive": 2,
    "cmyk": 2,
    "png": 21,
    "palette": 21,
    "interlaced": 21,
    "apng": 20,
    "gif": 4,
    "lossless": 1,
}
# GIF states no number of frames: so many lengths end between two of them
BETWEEN_FRAMES = {"gif": 2 * 3}


@pytest.fixture(scope="module")
def heic(tmp_path_factory):
    return image_seeds.heic(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(params=[*SEEDS, *(f"{name} by FFmpeg" for name in WEBP), "heic"])
def seed(request, monkeypatch):
    """The name of a kind of file, and a file; WebP by both libraries."""
    name = request.param.removesuffix(" by FFmpeg")
    if name == "heic":
        return name, request.getfixturevalue("heic")
    if name in WEBP:
        if name == request.param and not webp.HAS_LIBWEBP:
            pytest.skip("this build has no libwebp")
        monkeypatch.setattr(webp, "HAS_LIBWEBP", name == request.param)
    return name, SEEDS[name]


def mutated(data, chosen):
    """The file with a few bytes changed, left out or cut off; the head more often."""
    data = bytearray(data)
    for _ in range(chosen.randint(1, 6)):
        place = (
            chosen.randrange(len(data)) if chosen.random() < 0.5 else chosen.randrange(min(len(data), 400))
        )
        kind = chosen.randrange(5)
        if kind < 4:
            data[place] = (data[place] ^ 1 << chosen.randrange(8), chosen.randrange(256), 255, 0)[kind]
        elif chosen.random() < 0.3:
            del data[place + 1 :]
        else:
            del data[place : place + 4]
        data = data or bytearray(b"x")
    return bytes(data)


def outcome(data, decode=decode_animation, **options):
    """A tensor, or None for a typed error that names the bytes."""
    found, source = None, "<"
    start = time.process_time()
    try:
        result = decode(data, max_pixels=1 << 20, **options)
        found = result.data
    except cycodec.FFmpegError as error:
        source = error.source
    assert source.startswith("<")
    assert time.process_time() - start < 2
    return found


def test_mutations(seed):
    name, data = seed
    chosen = random.Random(name)
    decoded, count = 0, 400
    for _ in range(count):
        decode = chosen.choice([decode_image, decode_animation])
        mode, dtype = chosen.choice(["RGB", "RGBA", "GRAY", "UNCHANGED"]), chosen.choice(["auto", "uint8"])
        decoded += outcome(mutated(data, chosen), decode, mode=mode, output_dtype=dtype) is not None
    assert decoded < count  # damage is noticed


def test_a_file_that_is_cut_off_anywhere_is_an_error(seed):
    """No length of a file gives fewer frames, or a picture with parts that are missing."""
    name, data = seed
    whole = outcome(data)
    shorter = 0
    for end in range(1, len(data)):
        found = outcome(data[:end])
        if found is None:
            continue
        if found.shape == whole.shape:
            assert torch.equal(found, whole), end
            assert len(data) - end <= UNUSED_BYTES.get(name, 0), end
        else:
            shorter += 1
    assert shorter <= BETWEEN_FRAMES.get(name, 0)


def test_a_webp_whose_picture_is_empty():
    """The chunk of the picture states fewer bytes than its own header has."""
    for name, kind in (("lossless", b"VP8L"), ("alpha", b"VP8 ")):
        data = bytearray(SEEDS[name])
        place = data.index(kind) + 4
        for size in range(5 if kind == b"VP8L" else 10):
            data[place : place + 4] = struct.pack("<I", size)
            for decode in (decode_image, decode_animation, get_image_metadata):
                with pytest.raises(cycodec.InvalidDataError, match="no header"):
                    decode(bytes(data))


def test_an_animation_without_a_size():
    data = SEEDS["animated avif"]
    place = data.index(b"av01", data.index(b"stsd")) + 28
    for size in (b"\0\0\0\x0e", b"\0\x14\0\0"):
        changed = data[:place] + size + data[place + 4 :]
        for decode in (decode_image, decode_animation, get_image_metadata, partial(decode_image, size=5)):
            with pytest.raises(cycodec.InvalidDataError, match="no size"):
                decode(changed)


@pytest.mark.parametrize("mode", ["RGB", "GRAY"])
def test_scans_that_are_missing(mode):
    """A progressive file is cut off after each of its scans."""
    data = SEEDS["progressive"]
    scans = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for place in scans[1:]:
        for end in (place, place + 1, place + 5):
            for tail in (b"", b"\xff"):
                with pytest.raises(ValueError, match="truncated"):
                    decode_image(data[:end] + tail, mode="RGB")
    # an encoder may leave bits out, but no component
    whole = decode_image(data[: scans[-1]] + b"\xff\xd9", mode=mode)
    assert whole.shape[1:] == (30, 40)


def test_a_sequential_file_with_a_scan_for_each_component():
    split = images.jpeg_in_three_scans(images.photo(40, 30))
    assert np.array_equal(images.array(decode_image(split)), images.pillow(split))
    scans = [place for place in range(len(split)) if split[place : place + 2] == b"\xff\xda"]
    assert len(scans) == 3
    for tail, word in ((b"", "truncated"), (b"\xff\xd9", "damaged")):
        cut = split[: scans[1]] + tail
        with pytest.raises(ValueError, match=f"{word}: scans are missing"):
            decode_image(cut)
        assert torch.equal(decode_image(cut, mode="GRAY"), decode_image(split, mode="GRAY"))


def test_an_apng_has_the_frames_that_it_states():
    data = SEEDS["apng"]
    control = data.index(b"fcTL", data.index(b"IDAT")) - 4
    with pytest.raises(ValueError, match="truncated: it has fewer frames than it states"):
        decode_animation(data[:control])
    with pytest.raises(ValueError, match="damaged: it has fewer frames than it states"):
        decode_animation(data[:control] + images.chunk(b"IEND", b""))
    assert decode_image(data[:control]).shape == (3, 30, 40)


def test_a_gif_may_lack_its_end(tmp_path):
    data = SEEDS["gif"]
    assert data[-1:] == b";"
    assert torch.equal(decode_animation(data[:-1]).data, decode_animation(data).data)
    assert torch.equal(decode_animation(data[:-1] + b"!\xfe\5comm").data, decode_animation(data).data)
    for begun in (b"!", b"!\xf9", b"!\xf9\4\0\0\0\0\0", b",", b"," + bytes(9)):
        with pytest.raises(ValueError, match="truncated: the data end before the picture of a frame"):
            decode_animation(data[:-1] + begun)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_damage_leaves_no_memory_behind(seed):
    name, data = seed
    chosen = random.Random(name)
    files = [mutated(data, chosen) for _ in range(60)] + [data[: len(data) * k // 20] for k in range(1, 20)]
    sizes = []
    for _ in range(5):
        for changed in files:
            outcome(changed)
        sizes.append(resident())
    assert sizes[-1] - sizes[1] < 1 << 20


def test_large_claims_take_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = {"jpeg": (b"\xff\xc0", 5), "progressive": (b"\xff\xc2", 5)}
    for name, (marker, offset) in sizes.items():
        data = bytearray(SEEDS[name])
        at = data.index(marker) + offset
        data[at : at + 4] = b"\x3f\xff\x3f\xff"
        with pytest.raises((ValueError, MemoryError)):
            decode_image(bytes(data), region=(0, 8, 0, 8))
    gif = bytearray(SEEDS["gif"])
    gif[6:10] = b"\xff\xff\xff\xff"
    with pytest.raises(cycodec.LimitError):
        decode_image(io.BytesIO(bytes(gif)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000  # kB


def claiming(name, size):
    """A small file that claims to be of a large size."""
    if name == "png":
        header = struct.pack(">II", *size) + bytes([8, 6, 0, 0, 0])
        data = SEEDS["png"]
        return data[:8] + images.chunk(b"IHDR", header) + data[33:]
    data = bytearray(SEEDS[name])
    width, height = size
    if name == "animated avif":
        place = data.index(b"av01", data.index(b"stsd")) + 28
        data[place : place + 4] = struct.pack(">HH", width, height)
    elif name == "avif":
        place = data.index(b"ispe") + 8
        data[place : place + 8] = struct.pack(">II", width, height)
    elif name == "alpha":  # VP8 inside of VP8X
        place = data.index(b"VP8X") + 12
        data[place : place + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        place = data.index(b"\x9d\x01\x2a") + 3
        data[place : place + 4] = struct.pack("<HH", min(width, 16383), min(height, 16383))
    elif name == "lossless":
        place = data.index(b"VP8L") + 9
        bits = (min(width, 16384) - 1) | (min(height, 16384) - 1) << 14 | 1 << 28
        data[place : place + 4] = struct.pack("<I", bits)
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "by_ffmpeg"),
    [
        *((name, False) for name in ("png", "avif", "animated avif", "alpha", "lossless")),
        ("alpha", True),
        ("lossless", True),
    ],
)
def test_bombs(name, by_ffmpeg, monkeypatch):
    """A claim above max_pixels is refused, and one below it costs neither memory nor time."""
    if by_ffmpeg:
        monkeypatch.setattr(webp, "HAS_LIBWEBP", False)
    with pytest.raises((cycodec.LimitError, cycodec.InvalidDataError)):
        decode_image(claiming(name, (16000, 16000)), max_pixels=1 << 24)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for decode in (decode_image, decode_animation):
        with pytest.raises((cycodec.LimitError, cycodec.InvalidDataError)):
            decode(claiming(name, (9000, 9000)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB
    assert time.process_time() - start < 5


def items_file(kinds, extents=(), properties=(), owners=0, references=b""):
    """An AVIF file whose items have these kinds, and whose last item has these extents.

    `owners` items have all properties, each of which is the second one of the file.
    """
    infos = [
        images.full(b"infe", 2, 0, struct.pack(">HH", number, 0), kind, b"\0")
        for number, kind in enumerate(kinds, 1)
    ]
    pairs = b"".join(struct.pack(">II", *extent) for extent in extents)
    places = struct.pack(">BBHHHH", 0x44, 0, 1, len(kinds), 0, len(extents)) + pairs
    links = b"".join(struct.pack(">HB2B", number, 2, 1, 2) for number in range(1, owners + 1))
    size = images.full(b"ispe", 0, 0, struct.pack(">II", 64, 64))
    meta = [
        images.full(b"pitm", 0, 0, b"\0\1"),
        images.full(b"iinf", 0, 0, struct.pack(">H", len(kinds)), *infos),
        images.full(b"iloc", 0, 0, places),
        images.box(b"iref", bytes(4), references),
        images.box(
            b"iprp",
            images.box(b"ipco", size, *properties),
            images.full(b"ipma", 0, 0, struct.pack(">I", owners), links),
        ),
    ]
    return images.box(b"ftyp", b"avif\0\0\0\0avifmif1") + images.full(b"meta", 0, 0, *meta)


NAMED_TWICE = {
    "parts": lambda: items_file([b"av01", b"Exif"], [(100, 300_000)] * 5_000, owners=1) + bytes(400_000),
    "names": lambda: items_file([b"av01"], [], [images.box(b"auxC", bytes(4) + b"a" * 400_000)], 4_000),
    "alphas": lambda: items_file(
        [b"av01"] * 20_000,
        [],
        [images.box(b"free")],
        20_000,
        b"".join(images.box(b"auxl", struct.pack(">HHH", n, 1, 9)) for n in range(1, 20_000)),
    ),
}


@pytest.mark.parametrize("name", NAMED_TWICE)
def test_bytes_that_boxes_name_again_and_again(name):
    """Less than a megabyte took gigabytes, or minutes."""
    data = NAMED_TWICE[name]()
    assert len(data) < 1_000_000
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for read in (get_image_metadata, decode_image):
        with contextlib.suppress(cycodec.InvalidDataError):
            read(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    assert time.process_time() - start < 4


def test_runs_of_chunks_that_go_back():
    """Each one passed all chunks of an animation again, which took minutes."""
    data = SEEDS["animated avif"]
    place = data.index(b"stsc") - 4
    old = data[place : place + int.from_bytes(data[place : place + 4], "big")]
    runs = struct.pack(">6I", 1, 0, 1, 1 << 31, 0, 1) * 2
    new = images.full(b"stsc", 0, 0, struct.pack(">I", 4), runs)
    changed = bytearray(data[:place] + new + data[place + len(old) :])
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        begin = data.rindex(kind, 0, place) - 4
        size = int.from_bytes(data[begin : begin + 4], "big") + len(new) - len(old)
        changed[begin : begin + 4] = size.to_bytes(4, "big")
    with pytest.raises(cycodec.InvalidDataError, match="runs of chunks"):
        get_image_metadata(bytes(changed))


def test_a_grid_that_is_smaller_than_its_tiles(tmp_path):
    """Few bytes may stand for many large tiles, most of which lie outside of the picture."""
    (tile, *_), config = images.hevc_pictures(tmp_path / "tile.mp4", "testsrc2=s=128x128:d=0.04")
    whole = decode_image(images.heic([tile], config, (128, 128)))
    data = images.heic([tile] * 64, config, (128, 128), (8, 8, 32, 64))
    part = decode_image(data)
    assert part.shape == (3, 64, 32)
    assert torch.equal(part[:, :62, :30], whole[:, :62, :30])  # chroma is interpolated at the edge
    with pytest.raises(cycodec.InvalidDataError, match="max_pixels"):
        decode_image(data, max_pixels=1 << 18)
