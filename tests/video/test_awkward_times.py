"""Times that the time base cannot tell apart or that are missing, and edited or joined files."""

import random
import struct

import first_reads
import oracle
import pytest
import recipes

from cycodec import FrameIndex
from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

PICTURE = "testsrc2=s=48x32:r={}:d={}"


def assert_frames(path, order=None):
    """Compare the frames of a file with ffmpeg's, each in the given order of access."""
    truth = first_reads.frames_of(path)
    decoder = VideoDecoder(path, dimension_order="NHWC")
    assert len(decoder) == len(truth)
    for number in order or range(len(truth)):
        assert oracle.digest(decoder[number]) == truth[number], number
    return decoder


@pytest.mark.parametrize(
    ("name", "rate", "encoder"),
    [
        ("fast.mkv", 2000, "libx264 -g 10 -bf 2"),
        ("fast_mjpeg.mkv", 2000, "mjpeg -pix_fmt yuvj420p"),
        ("faster.mkv", 5000, "libvpx-vp9"),
        ("fast.flv", 1500, "libx264 -bf 0"),
    ],
)
def test_more_frames_than_the_time_base_can_tell(name, rate, encoder, tmp_path):
    """Frames get equal times, and the stream is as long as it is."""
    path, frames = tmp_path / name, 100
    source = PICTURE.format(rate, frames / rate)
    recipes.run("-f", "lavfi", "-i", source, "-c:v", *encoder.split(), path)
    decoder = assert_frames(path)
    index = decoder.index
    begin = index.begin_seconds
    assert index.end_seconds - begin <= frames / rate + 0.0021
    assert (index.pts[1:] >= index.pts[:-1]).all()
    for number in (0, 37, frames - 1):
        assert abs(index.pts_seconds(number) - begin - number / rate) <= 0.0011
    assert (index.durations >= 0).all()
    assert FrameIndex.from_bytes(index.to_bytes()) == index
    assert index.index_at(begin + 40 / rate) in range(34, 48)


def test_frames_without_pts_follow_their_predecessor(tmp_path):
    """A hole in the timestamps belongs to the last frame before it."""
    path = tmp_path / "hole.flv"
    select = "setpts=if(gte(N\\,12)\\,PTS+5/TB\\,PTS)"
    recipes.run(
        *("-f", "lavfi", "-i", PICTURE.format(10, 2), "-vf", select, "-fps_mode", "passthrough"),
        *("-c:v", "flv1", "-g", "5", path),
    )
    data = bytearray(path.read_bytes())
    # frames 10 and 11 get the time of frame 9, so that their own time is not known
    tags = [place for place in flv_tags(data) if data[place] == 9]
    for number in (10, 11):
        data[tags[number] + 4 : tags[number] + 8] = data[tags[9] + 4 : tags[9] + 8]
    path.write_bytes(data)
    decoder = assert_frames(path)
    times = [decoder.index.pts_seconds(n) for n in range(len(decoder))]
    assert times == sorted(times)
    assert times[9] <= times[10] <= times[11] <= times[9] + 0.31
    assert times[12] > times[9] + 5


def flv_tags(data):
    """Where the tags of an FLV file begin."""
    place = 13
    while place + 11 < len(data):
        yield place
        place += 15 + int.from_bytes(data[place + 1 : place + 4], "big")


@pytest.mark.parametrize("order", [range(20), range(19, -1, -1), [9, 10, 3, 19, 10]])
def test_joined_gifs(order, tmp_path):
    """After a rewind, the demuxer ends such a file at the join."""
    parts = []
    for number in range(2):
        part = tmp_path / f"part{number}.gif"
        recipes.run("-f", "lavfi", "-i", f"{PICTURE.format(10, 1)},hue=h={90 * number}", part)
        parts.append(part.read_bytes())
    path = tmp_path / "joined.gif"
    path.write_bytes(b"".join(parts))
    assert_frames(path, order)


def boxes_of(data, begin, end):
    """Name, place and size of each MP4 box."""
    while begin + 8 <= end:
        size = int.from_bytes(data[begin : begin + 4], "big")
        yield data[begin + 4 : begin + 8], begin, size
        begin += size


def box(name, payload):
    return struct.pack(">I4s", 8 + len(payload), name) + payload


def edited(data, edits):
    """A file of one track whose moov stands last, with another edit list: (duration, begin)."""
    entries = b"".join(struct.pack(">IiI", duration, begin, 0x10000) for duration, begin in edits)
    edts = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + entries))
    [(begin, size)] = [(begin, size) for name, begin, size in boxes_of(data, 0, len(data)) if name == b"moov"]
    assert begin + size == len(data)
    moov = b""
    for name, place, length in boxes_of(data, begin + 8, begin + size):
        content = data[place : place + length]
        if name == b"trak":
            parts = [(n, data[p : p + s]) for n, p, s in boxes_of(data, place + 8, place + length)]
            rest = b"".join(part for n, part in parts[1:] if n != b"edts")
            content = box(b"trak", parts[0][1] + edts + rest)
        moov += content
    return data[:begin] + box(b"moov", moov)


@pytest.mark.parametrize(
    "edits",
    [
        [(80, 1024 + 512 * 5 * k) for k in range(18)],
        [(200, 1024 + 512 * k) for k in (60, 10, 40, 3, 80, 30)],
        [(40, 1024 + 512 * 3 * k) for k in range(30)],
        [(130, 1024 + 512 * 2 * k) for k in range(40)],
    ],
    ids=["rising", "mixed", "single frames", "overlapping"],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_many_short_edits_over_b_frames(edits, backwards, tmp_path):
    path = tmp_path / "edited.mp4"
    recipes.run("-f", "lavfi", "-i", PICTURE.format(25, 4), "-c:v", "libx264", "-g", "25", "-bf", "3", path)
    path.write_bytes(edited(path.read_bytes(), edits))
    count = len(first_reads.frames_of(path))
    assert count >= 30
    assert_frames(path, range(count - 1, -1, -1) if backwards else None)


AV1 = "libaom-av1 -cpu-used 8 -usage realtime"


@pytest.mark.parametrize(
    ("encoder", "edits"),
    [
        ("mpeg4 -bf 2", [(40, 8092), (40, 1224)]),
        ("mpeg4 -bf 2", [(60, 11264), (40, 10652)]),
        ("libx264 -bf 3 -b_strategy 0 -x264-params open-gop=1", [(80, 2760), (60, 13512)]),
        (AV1, [(40, 2048), (40, 5120), (40, 4608), (40, 15360)]),
        (AV1, [(80, 2048), (60, 1024), (80, 10240)]),
    ],
    ids=["discarded twin", "times", "first frame", "first packet again", "frames again"],
)
def test_edits_that_read_packets_again(encoder, edits, tmp_path):
    """Frames of one edit come before those of the next one, whatever times and bytes they share."""
    path = tmp_path / "edited.mp4"
    options = ["-frames:v", "60", "-threads", "1", "-g", "12", "-c:v", *encoder.split()]
    recipes.run("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25", *options, path)
    path.write_bytes(edited(path.read_bytes(), edits))
    outcome = first_reads.read(path, random.Random(1))
    assert outcome.reads
    assert not outcome.wrong
    with VideoDecoder(path) as decoder:
        before = decoder.index.pts.tolist(), decoder.index.durations.tolist()
        decoder[...]
        assert (decoder.index.pts.tolist(), decoder.index.durations.tolist()) == before
        assert decoder.confirm()


def concatenated(path, folder):
    """Joins MPEG-4 without and with B-frames, whose common headers announce none."""
    names = []
    for number, options in enumerate(("-g 6", "-bf 2 -g 12")):
        raw = folder / f"{number}.m4v"
        names.append(folder / f"{number}{path.suffix}")
        source = "testsrc2=s=96x64:r=25:d=0.5"
        recipes.run("-f", "lavfi", "-i", source, "-c:v", "mpeg4", *options.split(), raw)
        recipes.run("-r", "25", "-i", raw, "-c", "copy", names[-1])
    parts = folder / "parts.txt"
    parts.write_text("".join(f"file {name}\n" for name in names))
    recipes.run("-f", "concat", "-safe", "0", "-i", parts, "-c", "copy", path)


def swapped(path, folder):
    """Swaps the pts of each pair of packets, but the first packet's."""
    source, first = PICTURE.format(25, 1), folder / "first.mkv"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", "libx264", "-bf", "0", "-g", "10", first)
    swap = "setts=pts=if(N\\,if(mod(N\\,2)\\,PTS+1/(25*TB)\\,PREV_INPTS)\\,PTS)"
    recipes.run("-i", first, "-c", "copy", "-bsf:v", swap, path)


def times_of(decoder):
    return [decoder.index.pts_seconds(number) for number in range(len(decoder))]


@pytest.mark.parametrize("make", [concatenated, swapped])
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_times_do_not_depend_on_what_was_read(container, make, tmp_path):
    """A decoder that has seen the order of display gives the times of one that has not."""
    path = tmp_path / f"clip.{container}"
    make(path, tmp_path)
    known = VideoDecoder(path)
    stated = times_of(known)
    known.confirm()
    assert times_of(known) == stated
    for begin, end in zip(stated, [*stated[1:], known.index.end_seconds], strict=True):
        for instant in (begin, (begin + end) / 2):
            frame, expected = (d.get_frame_played_at(instant) for d in (VideoDecoder(path), known))
            assert (frame.pts_seconds, frame.duration_seconds) == (
                expected.pts_seconds,
                expected.duration_seconds,
            )
            assert frame.data.equal(expected.data), instant
