"""MP4 files with several sample descriptions: each has parameter sets, a size and colours."""

import itertools
import random

import first_reads
import pytest
import recipes
import sample_tables

from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

X265 = "libx265 -x265-params log-level=none"
FULL = "-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range pc"

# encoder, size and colours of each part
STREAMS = {
    "h264_sets": [("libx264 -bf 2", "96x64", ""), ("libx264 -bf 0 -coder 0 -refs 1", "96x64", "")],
    "h264_colours": [
        ("libx264 -bf 2", "96x64", ""),
        ("libx264 -bf 2", "96x64", FULL),
        ("libx264", "96x64", ""),
    ],
    "h264_sizes": [("libx264", "64x64", ""), ("libx264", "96x64", ""), ("libx264", "64x64", "")],
    "hevc_sizes": [(f"{X265} -bf 0", "96x64", ""), (f"{X265} -bf 2", "64x64", "")],
    "hevc_formats": [(f"{X265} -pix_fmt yuv422p", "96x64", ""), (f"{X265} -bf 0", "96x64", FULL)],
}

# In which order the parts are played, if not in that of the sample descriptions.
ORDERS = {"h264_colours": [1, 0, 2], "hevc_formats": [1, 0, 1]}


@pytest.fixture(params=STREAMS, scope="module")
def clip(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    parts = []
    for number, (encoder, size, colours) in enumerate(STREAMS[request.param]):
        part = folder / f"{number}.mp4"
        source = f"testsrc2=s={size}:r=25,noise=alls=6:allf=t:all_seed={number}"
        options = [*encoder.split(), *colours.split(), "-g", "6", "-video_track_timescale", "12800"]
        recipes.run("-f", "lavfi", "-i", source, "-frames:v", "14", "-c:v", *options, part)
        parts.append(part.read_bytes())
    path = folder / "joined.mp4"
    path.write_bytes(sample_tables.joined(*parts, order=ORDERS.get(request.param)))
    return path


def test_first_reads(clip):
    outcome = first_reads.read(clip, random.Random(1))
    assert outcome.reads
    assert not outcome.wrong


def test_any_order(clip):
    """What was read before does not matter."""
    truth = first_reads.frames_of(clip)
    places = [2, 16, len(truth) - 1]
    with VideoDecoder(clip, dimension_order="NHWC") as decoder:
        index = decoder.index.to_bytes()
    for order in itertools.permutations(places):
        with VideoDecoder(
            clip, dimension_order="NHWC", index=type(decoder.index).from_bytes(index)
        ) as decoder:
            assert [first_reads.oracle.digest(decoder[n]) for n in order] == [truth[n] for n in order]
