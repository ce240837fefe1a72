"""Pictures that are left out on the way to a frame: a lost one among them must not go unseen."""

import oracle
import pytest
from damaged_media import made, packets

from cycodec.decoders import VideoDecoder

# The key frame is the first one, so that all pictures belong to the wanted GOP.
CLIPS = {
    "mpeg2.mkv": "-c:v mpeg2video -bf 2 -g 12",
    "mpeg4.mkv": "-c:v mpeg4 -bf 2 -g 12",
    "h264.mp4": "-c:v libx264 -bf 2 -g 12 -x264-params b-pyramid=none",
    "hevc.mp4": "-c:v libx265 -x265-params log-level=none:keyint=12:bframes=3:pools=none:frame-threads=1",
}
# Bytes of a packet that are changed, from its first one on, so that the decoder gives no picture.
LOST = {
    "mpeg2.mkv": b"\xff\xff\xff\xff",
    "mpeg4.mkv": b"\xff\xff\xff\xff",
    "h264.mp4": None,
    "hevc.mp4": None,
}


def without_picture(folder, name):
    """A clip whose first picture that may be left out cannot be decoded."""
    path = made(folder, name, CLIPS[name])
    data = bytearray(path.read_bytes())
    for pos, size in packets(path)[1:]:
        begin = pos + (4 if path.suffix == ".mkv" else 0)
        if is_unreferenced(name, data[begin : begin + size]):
            if LOST[name] is not None:
                data[begin : begin + 4] = LOST[name]
            else:
                # a picture parameter set that does not exist
                begin += 5 if name == "h264.mp4" else 6
                data[begin : begin + 2] = b"\x02\x02"
            break
    else:
        pytest.fail("no picture may be left out")
    other = path.with_name(f"lost_{name}")
    other.write_bytes(data)
    return other


def is_unreferenced(name, packet):
    if name == "mpeg2.mkv":
        place = packet.index(b"\0\0\1\0")
        return (packet[place + 5] >> 3) & 7 == 3
    if name == "mpeg4.mkv":
        return packet[packet.index(b"\0\0\1\xb6") + 4] >> 6 == 2
    if name == "h264.mp4":
        return packet[4] & 0x60 == 0
    kind = (packet[4] >> 1) & 63
    return kind < 16 and kind % 2 == 0


@pytest.mark.parametrize("name", CLIPS)
def test_a_lost_picture_in_the_wanted_gop(tmp_path, name):
    path = without_picture(tmp_path, name)
    truth = oracle.ask(path, "v:0").digests
    assert len(truth) == len(packets(path)) - 1
    for number in range(len(truth)):
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            assert oracle.digest(decoder[number]) == truth[number], number


@pytest.mark.parametrize("name", CLIPS)
def test_intact_pictures_are_left_out(tmp_path, name):
    path = made(tmp_path, name, CLIPS[name])
    truth = oracle.ask(path, "v:0").digests
    with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
        assert oracle.digest(decoder[10]) == truth[10]
        assert decoder.counters.seeks == 0
        assert decoder.counters.frames_decoded < 10
