"""Damaged headers of packets: each first read of a fresh decoder gives the frame of ffmpeg."""

import contextlib
import random

import first_reads
import oracle
import pytest
import recipes
from damaged_media import lacks_frames, made, packets

from cycodec import InvalidDataError
from cycodec.decoders import VideoDecoder

HEVC = "-c:v libx265 -x265-params log-level=none:keyint=5:bframes=2:pools=none:frame-threads=1"
# Their key frames come every five frames, so that most frames have packets before their GOP.
CLIPS = {
    "plain.webm": "-c:v libvpx-vp9 -g 5 -lag-in-frames 0",
    "hidden.webm": "-c:v libvpx-vp9 -g 5 -auto-alt-ref 1 -lag-in-frames 12",
    "resilient.mp4": "-c:v libvpx-vp9 -g 5 -error-resilient 1",
    "tiles.webm": "-vf scale=1088:64 -c:v libvpx-vp9 -g 5 -tile-columns 2 -tile-rows 1 -cpu-used 8 -deadline realtime",
    "full.webm": "-c:v libvpx-vp9 -g 5 -pix_fmt yuv444p -cpu-used 8",
    "deep.webm": "-c:v libvpx-vp9 -g 5 -pix_fmt yuv420p10le -cpu-used 8",
    "x.ivf": "-c:v libvpx-vp9 -g 5",
    "av1.mp4": "-c:v libaom-av1 -cpu-used 8 -g 5 -lag-in-frames 0",
    "hidden.mkv": "-c:v libaom-av1 -cpu-used 8 -g 5 -lag-in-frames 12",
    "av1.ivf": "-c:v libaom-av1 -cpu-used 8 -g 5",
    "x.hevc": f"{HEVC} -f hevc",
}
ROUNDS = 12
# Bytes of the container between the place that ffprobe names and the packet.
BEFORE = {".webm": 4, ".mkv": 4, ".ivf": 12}


def refuses_wrong_pixels(path):
    """True if ffmpeg's decoder gives no frame for a packet that is wrong behind its headers."""
    data = path.read_bytes()
    pos, size = max(packets(path)[1:], key=lambda packet: packet[1])
    other = path.with_name(f"pixels_{path.name}")
    counts = []
    for part in range(4, 16):
        changed = bytearray(data)
        changed[pos + BEFORE.get(path.suffix, 0) + size * part // 16] ^= 255
        other.write_bytes(changed)
        counts.append(oracle.ask(other, "v:0").count)
    return min(counts) < 12


@pytest.mark.parametrize("name", CLIPS)
def test_damage_in_the_headers_of_packets(tmp_path, name):
    """A few bits of the first bytes of one or two packets are wrong.

    dav1d 1.5 refuses any wrong bit, but only headers are read before the first frame.
    """
    path = made(tmp_path, name, CLIPS[name])
    is_confirmed = "av1" in CLIPS[name] and refuses_wrong_pixels(path)
    data, places = path.read_bytes(), packets(path)
    dice = random.Random(name)
    found = 0
    for attempt in range(ROUNDS):
        changed = bytearray(data)
        for pos, size in dice.sample(places[:-1], dice.randrange(1, 3)):
            begin = pos + BEFORE.get(path.suffix, 0)
            reach = size if name == "x.hevc" else min(size, 24)
            changed[begin + dice.randrange(reach)] ^= 1 << dice.randrange(8)
        other = path.with_name(f"{attempt}_{name}")
        other.write_bytes(changed)
        found += lacks_frames(other, len(places), is_confirmed)
    assert found or name == "x.hevc"


@pytest.mark.parametrize("name", CLIPS)
def test_intact_headers_leave_no_doubt(tmp_path, name):
    """The first read begins at the key frame before the wanted one."""
    path = made(tmp_path, name, CLIPS[name])
    reference = oracle.reference(path)
    with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
        assert decoder.index.origin in ("headers", "scan") or name == "x.hevc"
        begun = decoder.counters.frames_decoded
        last = int(decoder.index.key_frames[-1])
        assert last >= 5
        assert oracle.digest(decoder[last]) == reference.digests[last]
        assert decoder.counters.frames_decoded - begun <= 3


@pytest.mark.parametrize("name", ["x.ts", "x.mpg", "x.mkv", "x.mp4"])
def test_sequence_headers_that_change_the_pictures(tmp_path, name):
    """The decoder of MPEG-2 begins again, and drops the frames that wait to be shown.

    That of FFmpeg 9 shows them.
    """
    path = made(tmp_path, name, "-c:v mpeg2video -g 5 -bf 2")
    data = bytearray(path.read_bytes())
    places = [place for place in range(len(data)) if data.startswith(b"\0\0\1\xb3", place)]
    data[places[-2] + 7] ^= 0x10  # aspect_ratio_information
    path.write_bytes(data)
    assert lacks_frames(path, 12) == (oracle.version() < (8, 1))


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("name", ["x.ts", "x.mpg", "x.mkv", "x.mp4", "x.avi"])
def test_a_first_sequence_header_that_promises_low_delay(tmp_path, name, b_frames):
    """The decoder of MPEG-2 shows the picture before the second sequence header twice."""
    path = made(tmp_path, name, f"-c:v mpeg2video -g 5 -bf {b_frames}")
    data = bytearray(path.read_bytes())
    place = data.index(b"\0\0\1\xb5")
    assert data[place + 4] >> 4 == 1  # a sequence extension, ISO/IEC 13818-2, 6.2.2.3
    assert not data[place + 9] & 0x80
    data[place + 9] |= 0x80  # low_delay
    count = oracle.reference(path).count
    path.write_bytes(data)
    assert oracle.reference(path).count == count + 1
    assert not lacks_frames(path, count)


@pytest.mark.parametrize("kind", ["one below the picture", "none"])
@pytest.mark.parametrize("name", ["x.ts", "x.mkv", "x.mp4"])
def test_slices_that_a_picture_cannot_have(tmp_path, name, kind):
    """The decoder of MPEG-2 gives up the whole packet, although its first bytes are right."""
    path = made(tmp_path, name, "-c:v mpeg2video -g 5 -bf 2 -qscale:v 1")
    data = bytearray(path.read_bytes())
    place = [place for place in range(len(data)) if data.startswith(b"\0\0\1\0", place)][3]
    for row in [4] if kind != "none" else [1, 2, 3, 4]:
        found = data.index(bytes([0, 0, 1, row]), place)
        data[found + 3] = 0x70 if kind != "none" else 0xB2
    path.write_bytes(data)
    assert lacks_frames(path, 12)


@pytest.mark.parametrize("codec", ["libx264 -bf 0", "libvpx-vp9", "libaom-av1 -cpu-used 8"])
def test_a_first_packet_that_is_said_to_be_no_key(tmp_path, codec):
    """FFmpeg's demuxer cannot seek to it then."""
    path = made(tmp_path, "x.mp4", f"-c:v {codec} -g 5")
    data = bytearray(path.read_bytes())
    place = data.index(b"stss") + 12
    assert data[place : place + 4] == b"\0\0\0\1"
    data[place + 3] = 3
    path.write_bytes(data)
    assert not lacks_frames(path, 12)


def test_packets_that_are_lost_while_ffmpeg_looks_for_streams(tmp_path):
    """FFmpeg skips the rest of a cluster at a damaged block of sound, and only while it looks for
    streams. It looks for long, because the header of the sound is damaged, too.
    """
    sound = "-f lavfi -i sine=r=48000:d=1.2 -c:a libopus"
    path = made(tmp_path, "x.mkv", f"{sound} -c:v mpeg2video -g 5 -bf 2")
    data = bytearray(path.read_bytes())
    key_frame = packets(path)[5][0]
    place = next(pos for pos, _ in packets(path, "a:0") if pos > key_frame)
    data[place + 3 : place + 8] = b"\xff" * 5  # lacing, and impossible sizes
    data[data.index(b"\xe1\x91\x9f") + 1] += 1  # the size of the Audio element
    path.write_bytes(data)
    assert len(packets(path)) < 12
    assert lacks_frames(path, 12)


def test_a_lost_picture_that_is_shown_before_its_key_frame(tmp_path):
    """Its packet follows that of the key frame, whose number depends on it."""
    path = made(tmp_path, "x.mkv", "-c:v mpeg2video -g 5 -bf 2")
    data = bytearray(path.read_bytes())
    place = packets(path)[5][0] + 4
    assert data[place : place + 4] == b"\0\0\1\0"
    data[place] = 16  # no start code of a picture
    path.write_bytes(data)
    reference = oracle.reference(path)
    assert reference.count == 11
    for number in range(6, 11):
        decoder = VideoDecoder(path, dimension_order="NHWC", num_threads=1)
        assert oracle.digest(decoder[number]) == reference.digests[number], number


# Bytes of the first sequence parameter set, and bits that are changed there. FFmpeg refuses them.
WRONG_SETS = {"the window": (8, 0x08), "the aspect ratio": (7, 0xFF)}


@pytest.mark.parametrize("wrong", WRONG_SETS)
def test_a_first_parameter_set_that_is_wrong(tmp_path, wrong):
    """FFmpeg makes extradata of it, although it has decoded a picture with a later set only."""
    path = made(tmp_path, "x.ts", "-c:v libx264 -g 5 -bf 2")
    data = bytearray(path.read_bytes())
    offset, mask = WRONG_SETS[wrong]
    data[data.index(b"\0\0\1\x67") + 3 + offset] ^= mask
    path.write_bytes(data)
    # FFmpeg 9 accepts a set with a wrong window
    assert lacks_frames(path, 12) or (wrong == "the window" and oracle.version() >= (8, 1))


def test_a_picture_of_another_size_that_no_other_refers_to(tmp_path):
    """The decoder of Sorenson's H.263 has no reference of that size, and says nothing."""
    path = made(tmp_path, "x.flv", "-c:v flv -g 5")
    data = bytearray(path.read_bytes())
    place = data.index(b"\x22\0\0\x84", packets(path)[6][0])
    data[place + 6 : place + 10] = b"\xff" * 4  # the size, and the type of the picture
    path.write_bytes(data)
    assert lacks_frames(path, 12)


@pytest.mark.parametrize("name", ["x.avi", "x.mkv"])
def test_pictures_of_jpeg_that_use_the_tables_of_the_first_packet(tmp_path, name):
    """The markers of their own quantization tables are wrong."""
    path = made(tmp_path, name, "-c:v mjpeg -pix_fmt yuvj420p")
    data = bytearray(path.read_bytes())
    for pos, _ in packets(path)[1:4]:
        data[data.index(b"\xff\xdb", pos) + 1] = 0xE5  # a segment that decoders skip
    path.write_bytes(data)
    assert not lacks_frames(path, 12)


@pytest.mark.parametrize("name", ["x.avi", "x.ts", "x.h264"])
def test_damage_that_looks_like_a_parameter_set(tmp_path, name):
    """FFmpeg reads a set of full range from it, which no picture uses."""
    path = made(tmp_path, name, "-c:v libx264 -bf 2 -g 6", 2.4)
    data = bytearray(path.read_bytes())
    begin = data.index(b"\0\0\1\x67") + 7
    first = data.index(b"\0\0\1\x65") + 4
    data[begin : first + 40] = b"\xff" * (first + 40 - begin)
    path.write_bytes(data)
    lacks_frames(path, 24)


def test_streams_that_ffmpeg_cannot_describe(tmp_path):
    """A first packet that FFmpeg cannot split does not hide the frames behind it."""
    path = tmp_path / "clip.avi"
    source = "testsrc2=s=96x64:r=25:d=1"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", "libx264", "-bf", "0", "-g", "10", path)
    data = bytearray(path.read_bytes())
    chunk = data.index(b"00dc", data.index(b"movi"))
    size = int.from_bytes(data[chunk + 4 : chunk + 8], "little")
    data[chunk + 8 : chunk + 8 + size] = b"\xaa" * size
    path.write_bytes(data)
    truth = first_reads.frames_of(path)
    assert truth
    assert len(VideoDecoder(path)) == len(truth)
    for number, digest in enumerate(truth):
        decoder = VideoDecoder(path, dimension_order="NHWC")
        assert oracle.digest(decoder[number]) == digest, number


@pytest.mark.parametrize("name", ["x.mkv", "x.avi"])
@pytest.mark.parametrize("filler", [0x55, 255])
def test_mpeg4_whose_first_header_is_lost(tmp_path, name, filler):
    """The decoder expects no B-pictures then, and shows a picture twice where the first one comes.

    So there is one frame more than packets, and each one behind it has another number.
    """
    path = made(tmp_path, name, "-c:v mpeg4 -g 6 -bf 2", 2.4)
    data = bytearray(path.read_bytes())
    layer = data.index(b"\0\0\1\x20")  # of ISO/IEC 14496-2, 6.2.3
    data[layer : layer + 16] = bytes([filler]) * 16
    path.write_bytes(data)
    count = len(packets(path))
    assert oracle.reference(path).count == count + 1
    assert not lacks_frames(path, count)


@pytest.mark.parametrize("options", [{}, {"num_ffmpeg_threads": 2}, {"on_error": "mask"}])
def test_a_decoder_that_does_not_open(tmp_path, options):
    """Each read says so. The next one must not use the decoder that the one before left behind."""
    path = made(tmp_path, "x.mp4", HEVC)
    data = bytearray(path.read_bytes())
    sets = data.index(b"\x22\0\1", data.index(b"hvcC"))  # one picture parameter set, and its size
    data[sets + 1 : sets + 5] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert oracle.reference(path).count == 0
    with contextlib.suppress(InvalidDataError), VideoDecoder(path, **options) as decoder:
        for number in (0, 1, 4, 5, 6, 11, 0, 7):
            with pytest.raises((InvalidDataError, IndexError)):
                decoder[number]
