"""``device="cuda"`` lets the hardware decode only what a request needs, and keeps it busy while
cycodec waits.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, and count its calls: see
test_cuda.py.
"""

import media
import pytest
import torch
from on_gpu import both

from cycodec.decoders import VideoDecoder


def test_the_engine_has_work_while_a_picture_is_mapped(fake):
    """Mapping waits for the decoder, so cycodec sends later pictures first, as NVIDIA's headers
    advise.
    """
    decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    decoder[:2]
    fake.set(log=1)
    for key in (slice(2, 12), 12, 13):
        decoder[key]
    words = [line.split()[0] for line in fake.log()]
    ahead = [
        words[:place].count("decode") - words[:place].count("map")
        for place, word in enumerate(words)
        if word == "map"
    ]
    assert min(ahead) >= 4
    assert max(ahead) < 16


def decoded(fake, decoder, *keys):
    """Returns how many pictures the hardware decodes for each of several requests."""
    fake.set(log=1)
    for key in keys:
        decoder[key]
    words = [line.split()[0] for line in fake.log()]
    return words.count("decode")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([[0]], 1),
        ([[30]], 7),
        ([[20, 40]], 9 + 5),
        ([[14, 17]], 6),
        ([[18, 28]], 17),
        ([40, 3, 40], 5 + 4 + 5),
    ],
)
def test_nothing_is_decoded_behind_what_is_wanted_here_and_there(fake, keys, expected):
    """In a GOP of 12 frames without B-frames: see Note [Hurry] in core/video/stream.pyx."""
    decoder = VideoDecoder(media.locate("h264_no_bframes.mp4"), device="cuda")
    assert decoded(fake, decoder, *keys) == expected


@pytest.mark.parametrize(
    "name", media.names("h264_bpyramid.mp4 hevc_bframes_480p.mp4 mpeg2.mp4 mpeg4_bframes.avi")
)
def test_frames_on_the_way_are_not_decoded(fake, name):
    """Returns the numbers of the frames that no other frame refers to."""
    path = media.locate(name)
    cpu, decoder = both(path)
    number = len(cpu) - 2
    last = decoded(fake, decoder, number)
    decoder._session.reader.skipping = False
    decoder[0]
    everything = decoded(fake, decoder, number)
    assert last < everything
    assert torch.equal(decoder[number].cpu(), cpu[number])
    assert torch.equal(decoder[:].cpu(), cpu[:]), "nothing that was left out is given for a frame"
