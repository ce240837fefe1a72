"""Raw streams in which the same picture comes again, byte for byte.

Their packets have no timestamps and not always a position, so that a digest recognises them.
"""

import random

import first_reads
import pytest
import recipes

pytestmark = pytest.mark.usefixtures("oracle_version")

REPEATED = "testsrc2=s=96x64:r=25,trim=end_frame=5,loop=loop=4:size=5"


@pytest.mark.parametrize(
    ("form", "encoder"),
    [
        ("mjpeg", "mjpeg -pix_fmt yuvj420p"),
        ("h264", "libx264"),
        ("m4v", "mpeg4"),
        ("mpegts", "mpeg2video"),
    ],
)
@pytest.mark.parametrize("tail", [1, 4])
def test_first_reads(tmp_path, form, encoder, tail):
    """What follows the repeated pictures shows whether numbers shift."""
    path = tmp_path / f"clip.{form}"
    source = f"{REPEATED}[a];testsrc=s=96x64:r=25,trim=end_frame={tail}[b];[a][b]concat"
    recipes.run("-f", "lavfi", "-i", source, "-c:v", *encoder.split(), "-g", "1", "-f", form, path)
    outcome = first_reads.read(path, random.Random(1))
    assert outcome.reads
    assert not outcome.wrong
