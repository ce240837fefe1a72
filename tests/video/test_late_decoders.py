"""Decoders of H.264 and HEVC are opened when they are first needed."""

import pytest
import recipes

import cycodec
from cycodec.decoders import VideoDecoder

SOURCE = "testsrc2=s=96x64:r=12:d=1"
PICTURE_SET = 34  # nal_unit_type of HEVC


@pytest.fixture
def refused(tmp_path):
    """An MP4 file whose sequence parameter set is right, and that libavcodec cannot open."""
    path = tmp_path / "hevc.mp4"
    recipes.run(
        *("-f", "lavfi", "-i", SOURCE, "-pix_fmt", "yuv420p", "-c:v", "libx265"),
        *("-x265-params", "log-level=error", "-tag:v", "hvc1", path),
    )
    data = bytearray(path.read_bytes())
    box = data.index(b"hvcC") + 4
    place = box + 23
    while data[place] & 63 != PICTURE_SET:
        place += 5 + int.from_bytes(data[place + 3 : place + 5], "big")
    data[place + 3 : place + 5] = b"\xff\xff"  # longer than the box
    path.write_bytes(data)
    return path


def test_opening_needs_no_decoder_and_each_read_reports_its_error(refused):
    decoder = VideoDecoder(refused)
    assert len(decoder) == 12
    for _ in range(2):
        with pytest.raises(cycodec.FFmpegError, match="open decoder"):
            decoder[3]
    with pytest.raises(cycodec.FFmpegError, match="open decoder"):
        decoder[0:12]
    assert (decoder.metadata.width, decoder.metadata.height) == (96, 64)
    decoder.close()


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_metadata_is_the_same_before_and_after_reading_and_closing(codec, tmp_path):
    path = tmp_path / "clip.mp4"
    parameters = "colorprim=bt709:transfer=bt709:colormatrix=bt709"
    recipes.run(
        *("-f", "lavfi", "-i", SOURCE, "-pix_fmt", "yuv420p", "-c:v", codec),
        *(f"-{codec.removeprefix('lib')}-params", parameters, path),
    )
    before = VideoDecoder(path).metadata
    assert before.color_space == "bt709"
    decoder = VideoDecoder(path)
    decoder[7]
    decoder.close()
    assert decoder.metadata == before
