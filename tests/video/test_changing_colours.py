"""Streams that signal their colours from some place on only, or signal others there.

Decoders of H.264, MPEG-2 and MPEG-4 keep the colours that were told last. Each frame must have
those of a pass from the beginning, whatever was read before.
"""

import re

import first_reads
import oracle
import pytest
import recipes

from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

CODECS = {
    "h264": "libx264 -bf 1",
    "hevc": "libx265 -x265-params log-level=none",
    "mpeg2video": "mpeg2video",
}
COLOURS = {
    "none": "",
    "full": "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range pc",
    "bt601": "-color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m -color_range tv",
    "bt2020": "-color_primaries bt2020 -color_trc bt709 -colorspace bt2020nc -color_range tv",
}
ORDERS = ["none full", "full none", "none full none", "bt601 bt2020 none"]


def first_sets_only(data, codec):
    """A raw stream whose parameter sets stand at its beginning only."""
    kept, seen = [], set()
    for unit in re.split(b"(?=\0\0\1)", data):
        kind = None
        if len(unit) > 3 and codec == "h264":
            kind = unit[3] & 31 if unit[3] & 31 in (7, 8) else None
        elif len(unit) > 3 and codec == "hevc":
            kind = unit[3] >> 1 if 32 <= unit[3] >> 1 <= 34 else None
        if kind is None or kind not in seen:
            kept.append(unit)
        seen.add(kind)
    return b"".join(kept)


def joined(folder, codec, order, container, sets_once=False):
    """A file of several parts that signal different colours."""
    parts = []
    for number, name in enumerate(order.split()):
        part = folder / f"part{number}.{codec}"
        options = COLOURS[name]
        if codec == "mpeg2video":
            options = options.replace("-color_range pc", "").replace("-color_range tv", "")
        source = f"testsrc2=s=64x48:r=12:d=1,noise=alls=6:allf=t:all_seed={number}"
        encode = [*CODECS[codec].split(), "-g", "4", *options.split()]
        recipes.run("-f", "lavfi", "-i", source, "-c:v", *encode, "-f", codec, part)
        data = part.read_bytes()
        parts.append(first_sets_only(data, codec) if sets_once else data)
    raw = folder / f"joined.{codec}"
    raw.write_bytes(b"".join(parts))
    if container == "raw":
        return raw
    path = folder / "joined.mp4"
    recipes.run("-r", "12", "-i", raw, "-c", "copy", path)
    if container != "mp4":
        path, source = folder / f"joined.{container}", path
        recipes.run("-i", source, "-c", "copy", path)
    return path


def assert_reads(path, threads=3):
    """Compare reads in several orders with ffmpeg, also with so many threads of FFmpeg."""
    truth = first_reads.frames_of(path)
    numbers = range(len(truth))

    def opened(**options):
        return VideoDecoder(path, dimension_order="NHWC", **options)

    def right(decoder, chosen):
        return [oracle.digest(decoder[n]) == truth[n] for n in chosen]

    first = [right(opened(), [number])[0] for number in numbers]
    assert all(first), f"first reads: {[n for n in numbers if not first[n]]}"
    for options in ({}, {"num_ffmpeg_threads": threads}):
        decoder = opened(**options)
        assert all(right(decoder, numbers[::-1])), f"backwards, {options}"
        assert all(right(decoder, numbers[::5])), f"after backwards, {options}"
    decoder = opened()
    decoder[-1]
    assert [oracle.digest(frame) for frame in decoder[...]] == list(truth)
    assert [oracle.digest(frame) for frame in opened(num_threads=4)[...]] == list(truth)
    assert len(truth) > 10


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("codec", "container"),
    [
        *(
            (codec, container)
            for codec in ("h264", "mpeg2video")
            for container in ("raw", "mp4", "mkv", "ts")
        ),
        ("hevc", "mp4"),  # HEVC's parameter sets tell all colours
    ],
)
def test_signalled_from_some_place_on(codec, order, container, tmp_path):
    assert_reads(joined(tmp_path, codec, order, container))


@pytest.mark.parametrize("container", ["raw", "mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_parameter_sets_only_where_they_change(codec, container, tmp_path):
    """Later key frames need the parameter sets of an earlier packet."""
    assert_reads(joined(tmp_path, codec, "full bt601 none", container, sets_once=True))


@pytest.mark.parametrize("container", ["h264", "avi", "ts", "mkv", "mp4"])
@pytest.mark.parametrize("place", ["before each", "behind each", "first"])
def test_a_set_that_no_picture_uses(place, container, tmp_path):
    """A sequence parameter set of full range stands there, which no picture parameter set names."""
    units = {}
    for name in ("full", "none"):
        part = tmp_path / f"{name}.h264"
        source = "testsrc2=s=64x48:r=12:d=2"
        encode = [*CODECS["h264"].split(), "-g", "4", *COLOURS[name].split()]
        recipes.run("-f", "lavfi", "-i", source, "-c:v", *encode, part)
        units[name] = re.split(b"(?=\0\0\1)", part.read_bytes())
    unused = next(unit for unit in units["full"] if unit[3:] and unit[3] & 31 == 7).rstrip(b"\0")
    if place == "behind each":
        unused = with_number_1(unused)
    data = [] if place != "first" else [unused, b"\0"]
    for unit in units["none"]:
        is_set = unit[3:] and unit[3] & 31 == 7
        data += [unused, b"\0"] if is_set and place == "before each" else []
        data.append(unit)
        data += [unused, b"\0"] if is_set and place == "behind each" else []
    raw = tmp_path / "raw.h264"
    raw.write_bytes(b"".join(data))
    path = raw
    for extension in {"h264": [], "mp4": ["mp4"], "avi": ["avi"]}.get(container, ["mp4", container]):
        path, source = tmp_path / f"x.{extension}", path
        recipes.run("-r", "12", "-i", source, "-c", "copy", path)
    assert_reads(path)


def with_number_1(unit):
    """A sequence parameter set of H.264 whose number is 1 instead of 0: the bits 010, not 1."""
    bits = "".join(f"{byte:08b}" for byte in unit[7:])
    assert bits[0] == "1"
    bits = "010" + bits[1:].rstrip("0")
    bits += "0" * (-len(bits) % 8)
    return unit[:7] + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def test_colours_of_the_container_are_kept(tmp_path):
    """MP4's colr box gives the colours where the stream tells none."""
    source = joined(tmp_path, "h264", "none full none", "mp4")
    path = tmp_path / "colr.mp4"
    recipes.run("-i", source, "-c", "copy", *COLOURS["bt2020"].split(), "-movflags", "+write_colr", path)
    assert b"colr" in path.read_bytes()
    assert_reads(path)


def test_a_long_file_is_not_searched_to_its_beginning(tmp_path):
    """Key frames that tell no colours cost a limited number of reads, once."""
    path = tmp_path / "long.mp4"
    source = "testsrc2=s=32x32:r=25:d=12"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", "mpeg2video", "-g", "2", path)
    decoder = VideoDecoder(path)
    decoder[-1]
    searched = decoder.counters.seeks
    assert 1 < searched < 80
    decoder[2]
    decoder[-1]
    assert decoder.counters.seeks <= searched + 2


# Codecs without references whose decoders keep something of earlier pictures, and encodings that
# differ in it.
REMEMBERED = {
    "the range of JPEG": ("mjpeg", "yuvj420p", "yuv420p -strict -1", "yuvj420p"),
    "no range of JPEG": ("mjpeg", "yuv420p -strict -1", "yuvj420p"),
    "RGB of JPEG": ("ljpeg", "bgr24", "yuv444p -strict -1", "bgr24"),
    "components of DNxHD": (
        "dnxhd",
        "gbrp10le -profile:v dnxhr_444",
        "yuv422p -profile:v dnxhr_sq -colorspace bt2020nc",
    ),
    "chroma of MPEG-2": ("mpeg2video", "yuv422p -bf 2 -g 6", "yuv420p -bf 2 -g 6"),
    "components of JPEG 2000": ("jpeg2000", "yuv420p10", "gray", "yuv420p"),
}


@pytest.mark.parametrize(
    ("kind", "container"),
    [
        *((kind, "mov") for kind in REMEMBERED),
        *(("chroma of MPEG-2", container) for container in ("mkv", "ts")),
        ("the range of JPEG", "mkv"),
        ("the range of JPEG", "avi"),
        ("components of DNxHD", "avi"),
    ],
)
def test_what_decoders_remember_of_earlier_pictures(kind, container, tmp_path):
    codec, *formats = REMEMBERED[kind]
    if codec in ("ljpeg", "dnxhd") and oracle.version() >= (8, 1):
        pytest.skip("docs/ffmpeg.md: runs of this ffmpeg differ, or it follows a matrix that tags RGB")
    parts = []
    for number, options in enumerate(formats):
        parts.append(tmp_path / f"part{number}.nut")
        source = f"testsrc2=s=256x128:r=25:d=0.4,hue=h={70 * number}"
        recipes.run("-f", "lavfi", "-i", source, "-c:v", codec, "-pix_fmt", *options.split(), parts[-1])
    names = tmp_path / "list.ffconcat"
    names.write_text("".join(["ffconcat version 1.0\n", *(f"file '{part}'\n" for part in parts)]))
    path = tmp_path / f"joined.{container}"
    recipes.run("-f", "concat", "-safe", "0", "-i", names, "-c", "copy", path)
    # each of FFmpeg's frame threads remembers other pictures of DNxHD
    assert_reads(path, threads=1 if codec == "dnxhd" else 3)
    decoder = VideoDecoder(path)
    if codec == "mpeg2video" and oracle.version() >= (8, 1):
        decoder.confirm()  # docs/ffmpeg.md: other frames come out than the container announces
    saved = decoder.index.to_bytes()
    for number, digest in enumerate(first_reads.frames_of(path)):
        with VideoDecoder(path, index=saved, dimension_order="NHWC") as decoder:
            assert oracle.digest(decoder[number]) == digest, number
