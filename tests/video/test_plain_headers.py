"""Plain headers: a packet about which no decoder is asked is one that the decoder accepts."""

import random

import pytest
import recipes

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.header_check import judge_packets

CLIPS = {  # name -> encoder with options; the extension names the container
    "h264.avi": "libx264 -bf 2 -g 8",
    "h264.flv": "libx264 -bf 2 -g 8",
    "h264.ts": "libx264 -bf 2 -g 8",
    "h264_baseline.avi": "libx264 -profile:v baseline -g 8",
    "h264_weights.flv": "libx264 -bf 3 -g 12 -refs 4 -weightp 2 -slices 2",
    "mpeg2.ts": "mpeg2video -bf 2 -g 8",
    "mpeg2.mpg": "mpeg2video -bf 2 -g 8",
}
UNUSUAL = {
    "fields.ts": "mpeg2video -bf 2 -g 8 -flags +ildct+ilme -alternate_scan 1",
    "mpeg4.avi": "mpeg4 -bf 2 -g 8",
}
HEADER_BYTES = 48  # from the first byte of a picture's header on
ROUNDS = 60


def judge(folder, name, encoder, change=None):
    path = folder / name
    if not path.exists():
        source = "testsrc2=s=96x64:r=12:d=2,noise=alls=8:allf=t,fade=d=1"
        recipes.run("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-c:v", *encoder.split(), path)
    demuxer = Demuxer(open_source(path))
    stream_index = demuxer.select_video()
    demuxer.probe()
    return judge_packets(demuxer, stream_index, change)


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


def test_the_beginning_of_an_mpeg4_picture_is_enough(tmp_path):
    for number in range(ROUNDS):
        verdicts = judge(tmp_path, "mpeg4.avi", UNUSUAL["mpeg4.avi"], flipper(number))
        assert [cut for _, cut, _ in verdicts] == [whole for _, _, whole in verdicts], number
