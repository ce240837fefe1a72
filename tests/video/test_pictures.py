"""Headers give a picture's properties without decoding: parameter sets, and what FFmpeg would find
by decoding.
"""

import random

import media
import pytest
import recipes

from cycodec._shared.sources import open_source
from cycodec.core.bitstream.sps import describe_sps
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.headers import fill_picture_format
from cycodec.decoders import VideoDecoder

NAMES = [
    name
    for name in (*media.SHARED_VIDEOS, *media.GENERATED)
    if name.endswith((".mp4", ".mov", ".mkv", ".webm")) and not name.startswith("bad_")
]
FACTS = ("pixel_format", "color_range", "color_space", "color_primaries", "color_transfer_characteristic")


@pytest.mark.parametrize("name", NAMES)
def test_headers_say_what_decoding_shows(name):
    path = media.locate(name)
    demuxer, probed = (Demuxer(open_source(path)) for _ in range(2))
    stream = demuxer.select_video(None)
    already = demuxer.probed
    probed.probe()
    expected = probed.stream_info(stream)
    known = fill_picture_format(demuxer, stream)
    if already:
        assert not known, "FFmpeg has looked already"
        return
    if not known:
        demuxer.probe()  # probing now finds what probing at the start would have found
    info = demuxer.stream_info(stream)
    assert {k: info[k] for k in FACTS} == {k: expected[k] for k in FACTS}
    plain = expected["codec"] in ("h264", "vp9") and expected["pixel_format"] in ("yuv420p", "yuvj420p")
    # some versions of FFmpeg report grey H.264 as yuv420p, so FFmpeg decides
    assert known is (plain and name != "h264_gray.mkv")


def units(name, kind, *, hevc=False):
    """Returns the NAL units of one type in a stream, from ffmpeg's Annex B output."""
    codec = "hevc" if hevc else "h264"
    raw = recipes.run(
        "-i", media.locate(name), "-c:v", "copy", "-bsf:v", f"{codec}_mp4toannexb", "-f", codec, "-"
    ).stdout
    found = [unit.rstrip(b"\0") for unit in raw.split(b"\0\0\1") if unit]
    return [unit for unit in found if unit and (unit[0] >> 1 & 63 if hevc else unit[0] & 31) == kind]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "h264_cropped_all_round.mp4",
            {"left": 64, "right": 16, "top": 32, "bottom": 8, "width": 320, "height": 192},
        ),
        ("h264_bt709.mp4", {"matrix": 1, "primaries": 1, "transfer": 1, "has_colours": True, "chroma": 1}),
        ("h264_full_range.mp4", {"full_range": 1, "width": 128, "height": 96, "bottom": 0}),
        ("h264_plain.mp4", {"full_range": -1, "has_colours": False, "frames_only": True}),
        ("h264_mbaff.mp4", {"frames_only": False, "height": 96, "bottom": 0}),
        ("h264_422_10bit.mkv", {"chroma": 2, "luma_depth": 10, "chroma_depth": 10}),
        ("h264_444.mp4", {"chroma": 3, "luma_depth": 8}),
        ("h264_cropped_130x98.mp4", {"width": 144, "height": 112, "right": 14, "bottom": 14}),
    ],
)
def test_parameter_sets_of_h264(name, expected):
    found = describe_sps(units(name, 7)[0])
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "hevc_10bit_cropped_all_round.mp4",
            {"left": 32, "right": 6, "top": 6, "bottom": 10, "width": 208, "height": 176, "luma_depth": 10},
        ),
        ("hevc.mp4", {"left": 0, "right": 0, "top": 0, "bottom": 0, "width": 128, "height": 96, "chroma": 1}),
        ("hevc_444_odd_121x81.mkv", {"chroma": 3, "luma_depth": 8}),
    ],
)
def test_parameter_sets_of_hevc(name, expected):
    found = describe_sps(units(name, 33, hevc=True)[0], hevc=True)
    assert {key: found[key] for key in expected} == expected
    assert found["width"] - found["left"] - found["right"] == VideoDecoder(media.locate(name)).metadata.width


@pytest.mark.parametrize("hevc", [False, True])
def test_sets_that_are_cut_off_or_nonsense(hevc):
    name, kind = ("hevc_10bit_cropped_all_round.mp4", 33) if hevc else ("h264_cropped_all_round.mp4", 7)
    unit = units(name, kind, hevc=hevc)[0]
    assert describe_sps(b"", hevc=hevc) is None
    assert describe_sps(unit[:6], hevc=hevc) is None
    rng = random.Random(3)
    for _ in range(2000):
        data = bytearray(unit)
        for _ in range(3):
            data[rng.randrange(1, len(data))] = rng.randrange(256)
        found = describe_sps(bytes(data), hevc=hevc)
        assert found is None or 0 <= found["left"] < found["width"]
        describe_sps(rng.randbytes(rng.randrange(40)), hevc=hevc)
