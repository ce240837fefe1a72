"""Where container and bitstream state different colours, metadata tell what the frames carry."""

import json
import subprocess
from pathlib import Path

import media
import pytest
import recipes
import torch

from cycodec.decoders import VideoDecoder

PQ = ("bt2020", "bt2020nc", "smpte2084")
CODECS = {
    "h264": "-c:v libx264 -pix_fmt yuv420p -x264-params colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    "hevc": "-c:v libx265 -pix_fmt yuv420p10le -x265-params "
    "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    "hevc_silent": "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none",
    "av1": "-c:v libsvtav1 -pix_fmt yuv420p10le -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc",
    "vp9": "-c:v libvpx-vp9 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc",
    "mpeg2": "-c:v mpeg2video -color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m",
    "mpeg4": "-c:v mpeg4",
}


def carried(path):
    """The colours of the first frame, by ffprobe."""
    command = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    options = [
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_frames",
        "-read_intervals",
        "%+#1",
        "-of",
        "json",
    ]
    done = subprocess.run([command, *options, path], capture_output=True, check=True)
    frame = json.loads(done.stdout)["frames"][0]
    colours = (frame.get(name) for name in ("color_primaries", "color_space", "color_transfer"))
    return tuple(None if colour in ("unknown", "unspecified") else colour for colour in colours)


def told(path, **options):
    metadata = VideoDecoder(path, **options).metadata
    return metadata.color_primaries, metadata.color_space, metadata.color_transfer_characteristic


@pytest.fixture(params=CODECS)
def bitstream(request, tmp_path):
    """A Matroska file of a codec, with what its encoder states."""
    path = tmp_path / "stated.mkv"
    try:
        recipes.run(
            *["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10:duration=1"],
            *CODECS[request.param].split(),
            path,
        )
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg has no encoder for {request.param}")
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_frames_are_right(bitstream, tmp_path, ending, mode):
    path = tmp_path / f"other.{ending}"
    recipes.run(
        "-i",
        bitstream,
        *["-c", "copy", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"],
        path,
    )
    expected = carried(path)
    assert told(path, seek_mode=mode) == expected
    decoder = VideoDecoder(path, seek_mode=mode)
    decoder[-1]  # what the first read finds is no other
    metadata = decoder.metadata
    assert (metadata.color_primaries, metadata.color_space) == expected[:2]
    is_hdr = expected[2] == "smpte2084"
    assert VideoDecoder(path, seek_mode=mode, output_dtype="auto").dtype is (
        torch.float32 if is_hdr else torch.uint8
    )


def test_patched_box(tmp_path):
    """The box of an HDR file says bt709, which no encoder would write."""
    path = tmp_path / "boxed.mp4"
    # FFmpeg 4 writes the box only if it is told to
    recipes.run("-i", media.locate("hevc_pq.mp4"), "-c", "copy", "-movflags", "+write_colr", path)
    data = bytearray(path.read_bytes())
    at = data.index(b"colrnclx")
    data[at + 8 : at + 14] = b"\0\1\0\1\0\1"
    path = tmp_path / "patched.mp4"
    path.write_bytes(data)
    assert told(path) == carried(path)
    assert told(path)[2] == "smpte2084"
    decoder = VideoDecoder(path, output_dtype="auto")
    assert decoder[3].dtype is torch.float32
    assert decoder.counters.frames_decoded < 8  # the parameter sets tell it, not frame 0


def restated(data):
    """Return an MP4 file of MPEG-2 whose `colr` box says bt709."""
    data = bytearray(data)
    at = data.index(b"colrnclx")
    data[at + 8 : at + 14] = b"\0\1\0\1\0\1"
    return bytes(data)


@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_a_probed_file_tells_what_its_frames_carry(tmp_path, mode):
    """MPEG-2 in MP4 is probed; libavformat reports the container's colours from FFmpeg 8.1 on."""
    path = tmp_path / "stated.mp4"
    colours = "setparams=color_primaries=smpte170m:color_trc=smpte170m:colorspace=smpte170m"
    told_by_encoder = "-color_primaries smpte170m -color_trc smpte170m -colorspace smpte170m"
    recipes.run(
        *["-f", "lavfi", "-i", f"testsrc2=size=128x96:rate=10:duration=1,format=yuv420p,{colours}"],
        *["-c:v", "mpeg2video", *told_by_encoder.split()],
        path,
    )
    path.write_bytes(restated(path.read_bytes()))
    assert carried(path) == ("smpte170m",) * 3
    assert told(path, seek_mode=mode) == ("smpte170m",) * 3
