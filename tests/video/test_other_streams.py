"""Damage of another stream, and a size that the header tells wrongly, do not spoil a video."""

import re

import pytest
import recipes
import torch

from cycodec.core.container.packets import PacketTable
from cycodec.core.video.index_builder import index_from_ordinals
from cycodec.decoders import VideoDecoder

LACING = 6  # EBML lacing, as a flag of a block


@pytest.fixture(scope="module")
def webm(tmp_path_factory):
    """A video with sound, as bytes."""
    path = tmp_path_factory.mktemp("other") / "a.webm"
    recipes.run(
        *("-f", "lavfi", "-i", "testsrc2=s=48x32:r=10:d=1.2", "-f", "lavfi", "-i", "sine=r=16000:d=0.6"),
        *("-c:v", "libvpx", "-g", "5", "-c:a", "libopus", path),
    )
    return path.read_bytes()


def with_damaged_sound(data):
    """Let the first block of the second track have parts of sizes that are missing."""
    found = bytearray(data)
    block = re.search(rb"\xa3(?:[\x80-\xff]|[\x40-\x7f].)\x82..(?=\x80)", data, re.DOTALL)
    found[block.end()] |= LACING
    return bytes(found)


def with_width(data, width):
    place = data.index(b"\xb0\x81\x30") + 2
    return data[:place] + bytes([width]) + data[place + 1 :]


USES = {
    "repr": repr,
    "shape": lambda decoder: decoder.shape,
    "confirm": lambda decoder: decoder.confirm(),
    "length": len,
    "last": lambda decoder: decoder[-1],
    "metadata": lambda decoder: decoder.metadata.width,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("width", [48, 1])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_any_first_use(webm, use, threads, width, is_damaged):
    data = with_width(with_damaged_sound(webm) if is_damaged else webm, width)
    frames = VideoDecoder(webm)[:]
    decoder = VideoDecoder(data, num_ffmpeg_threads=threads)
    USES[use](decoder)
    count = len(decoder)
    assert count == len(frames) if not is_damaged else 0 < count <= len(frames)
    assert decoder.shape == (count, 3, 32, 48)
    assert "of 48x32" in repr(decoder)
    assert torch.equal(decoder[:], frames[:count])
    decoder.confirm()
    assert torch.equal(decoder[count - 1], frames[count - 1])


def test_frames_need_packets():
    with pytest.raises(ValueError, match="no packets"):
        index_from_ordinals(PacketTable(), [0, 1], None)
