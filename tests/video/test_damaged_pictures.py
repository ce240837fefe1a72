"""Damaged pictures: the same bytes in any order of access, those of ``ffmpeg -threads 1``.

Decoders conceal damage, or leave a part of the picture as its buffer was. Both may depend on what
was decoded before.
"""

import random

import first_reads
import oracle
import pytest
import recipes

from cycodec import FFmpegError, StaleIndexError
from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import scan_packets
from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

FRAMES = 24
CLIPS = {  # name -> encoder with options; the extension names the container
    "h264.mp4": "libx264 -bf 2 -g 8",
    "h264_long.mkv": "libx264 -bf 2 -g 24",
    "hevc.mp4": "libx265 -x265-params log-level=none:keyint=8:min-keyint=8",
    "mpeg2.mkv": "mpeg2video -bf 2 -g 8",
    "mpeg4.mp4": "mpeg4 -bf 2 -g 8",
    "mjpeg.avi": "mjpeg -pix_fmt yuvj420p",
    "vp8.mkv": "libvpx -g 8",
    "vp9.mkv": "libvpx-vp9 -g 8",
    "theora.ogg": "libtheora -g 8",
    "h264.ts": "libx264 -bf 2 -g 8",
    "mpeg2.mpg": "mpeg2video -bf 2 -g 8",
}


def clean(folder, name):
    path = folder / name
    source = f"testsrc2=s=96x64:r=12:d={FRAMES // 12},noise=alls=8:allf=t"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", *CLIPS[name].split(), "-threads", "1", path)
    return path


def packets_of(path):
    """Offset and size of each packet, behind the headers of Matroska's blocks."""
    table = scan_packets(Demuxer(open_source(str(path))), 0)
    data = path.read_bytes()
    places = []
    for _, _, offset, size, _ in table.rows():
        # an EBML number and three bytes of a SimpleBlock, or of a Block in its group
        begin = offset if path.suffix != ".mkv" else data.index(b"\x81", offset) + 4
        places.append((begin, size))
    return places


def damage(path, seed):
    """Overwrite bytes in the middle of some packets, or of places of the file."""
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice([1, 2, 3])):
        place = dice.randrange(len(data) // 4, len(data) - 200)
        for i in range(place, place + dice.choice([1, 4, 40])):
            data[i] = dice.randrange(256)
    broken = path.with_name(f"broken{seed}_{path.name}")
    broken.write_bytes(data)
    return broken


def cut_out(path, seed):
    """Overwrite the rest of a packet's slice, so that the decoder cannot but notice it."""
    data = bytearray(path.read_bytes())
    offset, size = random.Random(seed).choice(packets_of(path)[2:-1])
    data[offset + size // 3 : offset + size] = bytes(size - size // 3)
    broken = path.with_name(f"cut{seed}_{path.name}")
    broken.write_bytes(data)
    return broken


def digests(decoder, numbers):
    """The digest of each frame, or the name of the error."""
    found = {}
    for number in numbers:
        try:
            found[number] = oracle.digest(decoder[number])
        except (FFmpegError, IndexError) as error:
            found[number] = type(error).__name__
    return found


@pytest.mark.parametrize("name", CLIPS)
def test_order_of_access_does_not_matter(name, tmp_path):
    path = clean(tmp_path, name)
    compared = 0
    for seed in range(12):
        # a packet of MJPEG with broken headers uses tables of the one before
        broken = cut_out(path, seed) if name == "mjpeg.avi" else damage(path, seed)
        try:
            truth = first_reads.frames_of(broken)
        except RuntimeError:
            continue
        is_repeated = False
        numbers = list(range(len(truth)))
        orders = [numbers, numbers[::-1], random.Random(seed).sample(numbers, len(numbers))]
        for order in orders:
            try:
                decoder = VideoDecoder(broken, dimension_order="NHWC", num_threads=1)
                decoder.confirm()
            except FFmpegError:
                assert not truth, f"seed {seed}"
                continue
            assert len(decoder) == len(truth), f"seed {seed}"
            found = digests(decoder, order)
            if not is_repeated and any(found[n] != truth[n] for n in numbers):
                # a part of a picture is unwritten, and two runs of ffmpeg may differ
                truth = oracle.repeated(broken, [found[n] for n in numbers])
                is_repeated = True
            wrong = [n for n in numbers if found[n] != truth[n]]
            assert wrong == [], f"seed {seed}, in order {order}"
            compared += 1
    assert compared > 12


# name -> what begins the header of a picture, and what stands behind it in the file that is refused
HEADERS = {
    "h264.mp4": (b"", 5, b"\x02\x02"),
    "h264.mkv": (b"", 5, b"\x02\x02"),
    "h264.flv": (b"", 21, b"\x02\x02"),
    "h264.ts": (b"\0\0\1\x41", 4, b"\x02\x02"),
    "h264.h264": (b"\0\0\1\x41", 4, b"\x02\x02"),
    "hevc.mp4": (b"", 6, b"\x02\x02"),
    "hevc.mkv": (b"", 6, b"\x02\x02"),
    "lengths.mp4": (b"", 0, b"\xff"),
    "lengths.mkv": (b"", 0, b"\xff"),
    "vp8.webm": (b"", 0, b"\xfe\xff\xff"),
    "flv1.flv": (b"", 12, b"\xff\xff\xff\xff"),
    "h263p.mkv": (b"", 0, b"\xff\xff\xff\xff"),
}
CODECS = {"lengths": "h264", "flv1": "flv", "h263p": "h263p"}


def with_refused_packet(folder, name):
    """A clip of three GOPs; the decoder refuses a packet of the second one by its header."""
    codec = CODECS.get(name.split(".")[0], name.split(".")[0])
    path = folder / name
    encoder = next((CLIPS[other] for other in CLIPS if other.split(".")[0] == codec), f"{codec} -g 8")
    source = f"testsrc2=s=96x64:r=25:d={FRAMES / 25},noise=alls=8:allf=t"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", *encoder.split(), "-threads", "1", path)
    start, behind, header = HEADERS[name]
    data = bytearray(path.read_bytes())
    demuxer = Demuxer(open_source(str(path)))
    offset = scan_packets(demuxer, demuxer.select_video(None)).rows()[12][2]
    if path.suffix in (".mkv", ".webm"):
        offset = data.index(b"\x81", offset) + 4
    place = data.index(start, offset) + behind
    data[place : place + len(header)] = header
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", HEADERS)
def test_frames_behind_a_refused_packet_have_their_numbers_at_once(name, tmp_path):
    """The first read of a fresh decoder, without `confirm`, gives ffmpeg's frame of that number."""
    path = with_refused_packet(tmp_path, name)
    truth = first_reads.frames_of(path)
    assert 16 < len(truth) < FRAMES
    for number in range(len(truth)):
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            assert oracle.digest(decoder[number]) == truth[number], number
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        batch = decoder.get_frames_at([len(truth) - 1, 9, 20])
        assert [oracle.digest(picture) for picture in batch.data] == [truth[n] for n in (-1, 9, 20)]
        assert len(decoder) == len(truth)


def test_a_saved_index_does_not_hide_a_refused_packet(tmp_path):
    """The index of a header is wrong, and the frames behind the packet are not read by it."""
    path = with_refused_packet(tmp_path, "h264.mp4")
    VideoDecoder(path).index.save(tmp_path / "clip.idx")
    with VideoDecoder(path, index=tmp_path / "clip.idx") as decoder, pytest.raises(StaleIndexError):
        decoder[22]


def test_the_size_of_frame_0_holds_whichever_frame_is_read_first(tmp_path):
    """The container states the size of all frames but those of the first GOP."""
    path = tmp_path / "two_sizes.mkv"
    source = f"testsrc2=s=96x64:r=25:d={FRAMES / 25}"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", "libvpx", "-g", "8", path)
    data = bytearray(path.read_bytes())
    place = data.index(b"\x9d\x01\x2a\x60\x00\x40\x00") + 5  # start code, width and height
    data[place] = 48
    path.write_bytes(data)
    truth = first_reads.frames_of(path)
    for number in (0, 7, 8, FRAMES - 1):
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            assert oracle.digest(decoder[number]) == truth[number], number
            assert decoder.metadata.height == 48


@pytest.mark.parametrize("name", ["h264.mp4", "vp8.mkv"])
def test_packets_are_checked_once(name, tmp_path):
    """A decoder reads the packets before a key frame for the first read behind it, and no more."""
    path = clean(tmp_path, name)
    with VideoDecoder(path, num_threads=1) as decoder:
        decoder[FRAMES - 1]
        first = decoder.counters.packets_read
        decoder[FRAMES - 6]
        decoder[FRAMES - 1]
        assert decoder.counters.packets_read - first < first
        assert decoder.counters.frames_decoded < FRAMES


@pytest.mark.parametrize("name", ["hevc_open_gop.mp4", "h264_open_gop.mp4", "h264_open_gop.ts"])
def test_leading_pictures_are_no_damage(name, make_media):
    """Decoding begins at the key frame of an open GOP, whose leading pictures lack references."""
    path = make_media(name)
    truth = VideoDecoder(path)[...]
    for number in VideoDecoder(path).index.key_frames.tolist():
        with VideoDecoder(path, num_threads=1) as decoder:
            assert decoder[number].equal(truth[number])
            assert decoder.counters.frames_decoded <= 3


@pytest.mark.parametrize("name", ["hevc_open_gop.mp4", "hevc.mkv", "h264_open_gop.mp4"])
def test_readers_share_what_was_checked(name, make_media):
    """A check that begins at a later key frame refuses no picture that is shown before it."""
    path = make_media(name)
    first = VideoDecoder(path)
    keys = first.index.key_frames.tolist()
    first[keys[1] + 1]  # the packets before this frame's GOP are checked
    second = VideoDecoder(path, index=first.index, num_threads=1)
    second[keys[-1]]
    assert second.counters.frames_decoded < keys[-1] - keys[-2]
    assert second.index is first.index


@pytest.mark.parametrize("name", ["h264.mp4", "h264_long.mkv", "mpeg2.mkv", "mpeg4.mp4"])
def test_frames_that_refer_to_damage_are_invalid(name, tmp_path):
    """With on_error="mask", valid frames are those of the intact file, in any order."""
    path = clean(tmp_path, name)
    intact = first_reads.frames_of(path)
    masked = 0
    for seed in range(4):
        broken = cut_out(path, seed)
        valid = {}
        for order in (range(FRAMES), range(FRAMES - 1, -1, -1)):
            decoder = VideoDecoder(broken, dimension_order="NHWC", num_threads=1, on_error="mask")
            if len(decoder) != FRAMES:
                break
            for number in order:
                frame = decoder.get_frames_at([number])
                is_valid = bool(frame.valid[0])
                assert valid.setdefault(number, is_valid) == is_valid, f"seed {seed}, frame {number}"
                if is_valid:
                    assert oracle.digest(frame.data[0]) == intact[number], f"seed {seed}, frame {number}"
                masked += not is_valid
        batch = VideoDecoder(broken, dimension_order="NHWC", on_error="mask").get_frames_at(range(FRAMES))
        if valid:
            assert batch.valid.tolist() == [valid[n] for n in range(FRAMES)], f"seed {seed}"
    assert masked
