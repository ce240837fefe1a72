"""Plain headers: a packet about which no decoder is asked is one that the decoder accepts."""

import random

import pytest
import recipes

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.header_check import decode_stream, judge_packets
from cycodec.core.container.packets import scan_packets

CLIPS = {  # name -> encoder with options; the extension names the container
    "h264.avi": "libx264 -bf 2 -g 8",
    "h264.flv": "libx264 -bf 2 -g 8",
    "h264.ts": "libx264 -bf 2 -g 8",
    "h264_baseline.avi": "libx264 -profile:v baseline -g 8",
    "h264_weights.flv": "libx264 -bf 3 -g 12 -refs 4 -weightp 2 -slices 2",
    "mpeg2.ts": "mpeg2video -bf 2 -g 8",
    "mpeg2.mpg": "mpeg2video -bf 2 -g 8",
}
# The order of pictures in these is counted from their slice headers.
ORDERS = {
    "long.ts": "libx264 -bf 3 -g 999 -b_strategy 0",
    "pyramid.ts": "libx264 -bf 5 -g 999 -x264-params b-pyramid=normal:b-adapt=0:ref=5",
    "open.ts": "libx264 -bf 3 -g 8 -x264-params open-gop=1:b-adapt=0",
    "refresh.ts": "libx264 -bf 0 -g 8 -x264-params intra-refresh=1",
    "timed.ts": "libx264 -bf 3 -g 8 -b:v 200k -x264-params nal-hrd=cbr:vbv-maxrate=200:vbv-bufsize=100:b-adapt=0",
    "baseline.ts": "libx264 -profile:v baseline -g 999",
    "bottom.ts": "libx264 -bf 3 -g 8 -x264-params fake-interlaced=1:b-adapt=0",
    "bottom_first.ts": "libx264 -bf 3 -g 8 -x264-params bff=1:b-adapt=0",
    "joined.ts": "libx264 -bf 3 -g 999 -x264-params b-adapt=0:slices=3 -force_key_frames 0.9,1.4",
    "long.avi": "libx264 -bf 3 -g 999 -b_strategy 0",
    "long.flv": "libx264 -bf 3 -g 999 -b_strategy 0",
}
UNUSUAL = {
    "fields.ts": "mpeg2video -bf 2 -g 8 -flags +ildct+ilme -alternate_scan 1",
    "mpeg4.avi": "mpeg4 -bf 2 -g 8",
}
# In MPEG-4, times are relative to those of earlier pictures, so that streams are judged whole.
PLANES = {
    "mpeg4.avi": "mpeg4 -bf 2 -g 8",
    "mpeg4.ts": "mpeg4 -bf 2 -g 8",
    "without_b.avi": "mpeg4 -g 8",
    "quarters.avi": "mpeg4 -bf 2 -g 8 -flags +qpel+mv4",
    "matrices.avi": "mpeg4 -bf 2 -g 8 -mpeg_quant 1",
    "partitions.avi": "mpeg4 -bf 1 -g 8 -data_partitioning 1",
    "large_base.avi": "mpeg4 -bf 2 -g 8 -r 30000/1001",
    "xvid.avi": "libxvid -g 8",
    "tagged.avi": "mpeg4 -bf 2 -g 8 -vtag XVID",
}
UNUSUAL_PLANES = {
    "interlaced.avi": "mpeg4 -bf 2 -g 8 -flags +ildct+ilme",
    "umax.avi": "mpeg4 -g 8 -vtag UMP4",
    "packed.avi": "libxvid -bf 2 -g 8",
}
HEADER_BYTES = 48  # from the first byte of a picture's header on
ROUNDS = 60
PLAIN = 32  # the flag of packets that hold one picture


def opened(folder, name, encoder, seconds=2):
    """Return a demuxer of a short clip, and its video stream. The clip is made if it is missing."""
    path = folder / name
    if not path.exists():
        source = f"testsrc2=s=96x64:r=12:d={seconds},noise=alls=8:allf=t,fade=d=1"
        recipes.run("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-c:v", *encoder.split(), path)
    demuxer = Demuxer(open_source(path))
    stream_index = demuxer.select_video()
    demuxer.probe()
    return demuxer, stream_index


def judge(folder, name, encoder, change=None):
    return judge_packets(*opened(folder, name, encoder), change)


def flipper(number):
    """Return a function that changes a few bits of the headers of each picture."""
    generator = random.Random(number)

    def change(data):
        places = [i for i in range(len(data) - 4) if data[i : i + 3] == b"\0\0\1"]
        # a header begins behind a start code, or behind a length at the packet's beginning
        begin = generator.choice(places) + 3 if places and places[0] < 4 else 4
        changed = bytearray(data)
        for _ in range(generator.choice((1, 1, 2, 8))):
            place = min(begin + generator.randrange(HEADER_BYTES), len(data) - 1)
            changed[place] ^= 1 << generator.randrange(8)
        return bytes(changed)

    return change


@pytest.mark.parametrize("name", CLIPS)
def test_ordinary_packets_are_plain(name, tmp_path):
    verdicts = judge(tmp_path, name, CLIPS[name])
    assert len(verdicts) == 24
    assert set(verdicts) == {(True, False, False)}


@pytest.mark.parametrize("name", CLIPS | UNUSUAL)
def test_a_plain_packet_is_never_refused(name, tmp_path):
    """Bits of the headers are changed. The decoder is asked about all packets here."""
    encoder = (CLIPS | UNUSUAL)[name]
    verdicts = [pair for number in range(ROUNDS) for pair in judge(tmp_path, name, encoder, flipper(number))]
    assert not [n for n, (is_plain, is_refused, _) in enumerate(verdicts) if is_plain and is_refused]
    refused = sum(is_refused for _, is_refused, _ in verdicts)
    assert refused > len(verdicts) // 100, "the changes must reach what a decoder refuses"


@pytest.mark.parametrize("name", CLIPS | ORDERS)
def test_the_order_of_plain_packets_is_that_of_libavcodec(name, tmp_path):
    encoder = (CLIPS | ORDERS)[name]
    counted = scan_packets(*opened(tmp_path, name, encoder, seconds=9), True)
    parsed = scan_packets(*opened(tmp_path, name, encoder), True, asks_all=True)
    assert len(counted) == 9 * 12
    assert all(decode_stream(*opened(tmp_path, name, encoder))[0]), "all packets are plain"
    assert counted.orders() == parsed.orders()
    assert counted.rows() == parsed.rows()


@pytest.mark.parametrize("name", ["long.avi", "baseline.avi"])
def test_the_order_of_changed_packets_is_that_of_libavcodec(name, tmp_path):
    """Bits of slice headers are changed in the file, most of which leave packets plain."""
    encoder = ORDERS.get(name, ORDERS["baseline.ts"])
    whole = scan_packets(*opened(tmp_path, name, encoder, seconds=9), True)
    data, places = (tmp_path / name).read_bytes(), [row[2] for row in whole.rows()]
    different = 0
    for number in range(5 * ROUNDS):
        generator, changed = random.Random(number), bytearray(data)
        for place in generator.sample(places[1:], 3):
            begin = data.index(b"\0\0\1", place) + 4
            changed[begin + generator.randrange(6)] ^= 1 << generator.randrange(8)
        (tmp_path / "changed.avi").write_bytes(changed)
        counted = scan_packets(*opened(tmp_path, "changed.avi", ""), True)
        parsed = scan_packets(*opened(tmp_path, "changed.avi", ""), True, asks_all=True)
        plain = [flags & PLAIN for *_, flags in counted.rows()]
        until = plain.index(0) if 0 in plain else len(plain)
        assert counted.orders()[:until] == parsed.orders()[:until], number
        different += counted.orders()[:until] != whole.orders()[:until]
    assert different > ROUNDS


def test_the_beginning_of_an_mpeg4_picture_is_enough(tmp_path):
    for number in range(ROUNDS):
        verdicts = judge(tmp_path, "mpeg4.avi", UNUSUAL["mpeg4.avi"], flipper(number))
        assert [cut for _, cut, _ in verdicts] == [whole for _, _, whole in verdicts], number


def test_the_beginning_of_a_large_mpeg4_picture_is_enough(tmp_path):
    """libavcodec refuses a picture that has not half a bit for each macroblock."""
    path = tmp_path / "large.avi"
    recipes.run("-f", "lavfi", "-i", "testsrc2=s=3840x2160:r=2:d=1", "-c:v", "mpeg4", "-q:v", "4", path)
    assert judge(tmp_path, "large.avi", "") == [(True, False, False), (True, False, False)]


def plane_type(data):
    """Return the type of picture that an MPEG-4 packet's first VOP states."""
    return "IPBS"[data[data.index(b"\0\0\1\xb6") + 4] >> 6]


def shown(types):
    """Return the ordinals of pictures in order of display: B-pictures precede their reference."""
    order, waiting = [], []
    for ordinal, kind in enumerate(types):
        if kind == "B":
            order.append(ordinal)
        else:
            order, waiting = order + waiting, [ordinal]
    return order + waiting


def some_changed(number, share):
    """Return a function that changes a share of packets by `flipper`, and a list of all."""
    generator, flip, packets = random.Random(number), flipper(number), []

    def change(data):
        if generator.random() < share and b"\0\0\1\xb6" in (changed := flip(data)):
            data = changed
        packets.append(data)
        return data

    return change, packets


@pytest.mark.parametrize("name", PLANES)
def test_ordinary_planes_are_plain(name, tmp_path):
    change, packets = some_changed(0, 0)
    verdicts, frames = decode_stream(*opened(tmp_path, name, PLANES[name]), change)
    assert len(verdicts) == len(packets) >= 24
    assert all(verdicts)
    types = [plane_type(data) for data in packets]
    assert frames == [(ordinal, types[ordinal]) for ordinal in shown(types)]
    if "-bf" in PLANES[name]:
        assert "B" in types


@pytest.mark.parametrize("name", PLANES | UNUSUAL_PLANES)
def test_a_plain_plane_gives_the_frame_that_its_header_states(name, tmp_path):
    """A few packets of each stream are changed; a decoder decodes what comes before others."""
    encoder = (PLANES | UNUSUAL_PLANES)[name]
    plain = lost = 0
    for number in range(5 * ROUNDS):
        change, packets = some_changed(number, 0.1)
        verdicts, frames = decode_stream(*opened(tmp_path, name, encoder), change, only_plain=True)
        types = [plane_type(data) for data, verdict in zip(packets, verdicts, strict=True) if verdict]
        assert frames == [(ordinal, types[ordinal]) for ordinal in shown(types)], number
        plain += len(types)
        if number < ROUNDS:
            verdicts, frames = decode_stream(*opened(tmp_path, name, encoder), some_changed(number, 0.1)[0])
            lost += len(verdicts) - len(frames)
    assert lost, "the changes must reach what a decoder leaves out"
    assert plain > ROUNDS or name in UNUSUAL_PLANES
