"""Streams of a few kilobytes whose headers announce giant pictures take no memory for them before
their size is refused or a frame is asked for.
"""

import json
import subprocess
import sys

import giants
import media
import pytest
import recipes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")

PICTURE = "-f lavfi -i testsrc2=s=64x64:r=10:d=0.6 -g 3 -bf 1"
STREAMS = {
    "h264": ("-c:v libx264", giants.h264),
    "m2v": ("-c:v mpeg2video", giants.mpeg2),
    "flv": ("-c:v flv -bf 0 -flvflags no_metadata", giants.flv1),
}
# file name -> (size, how many megabytes its opening may take: libavcodec takes memory for the
# macroblocks of H.264 when it reads the size)
FILES = {
    "giant.h264": (16000, 16000, 130),
    "giant.m2v": (16000, 16000, 60),
    "giant.flv": (16000, 16000, 60),
    "giant_h264.mpg": (16000, 16000, 130),
    "giant_h264.avi": (16000, 16000, 130),
    "giant_m2v.mpg": (16000, 16000, 60),
    "giant_m2v.ts": (16000, 16000, 60),
    "giant_flv.mkv": (16000, 16000, 60),
}
MEASURE = """
import json, resource, sys, cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder, get_container_metadata
VideoDecoder(sys.argv[1])[0]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = []
for use in (get_container_metadata, AudioDecoder, VideoDecoder):
    try:
        use(sys.argv[2])
        found.append("opened")
    except cycodec.FFmpegError as error:
        found.append(type(error).__name__)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps([found, grown]))
"""


@pytest.fixture(scope="module")
def streams(tmp_path_factory):
    """file name -> path"""
    folder = tmp_path_factory.mktemp("giants")
    found = {}
    for name, (width, height, _) in FILES.items():
        kind = (name.rsplit("_", 1)[1] if "_" in name else name.rpartition(".")[2]).partition(".")[0]
        options, enlarge = STREAMS[kind]
        elementary = folder / f"small.{kind}"
        if not elementary.exists():
            recipes.run(*PICTURE.split(), *options.split(), elementary)
        whole = folder / f"giant.{kind}"
        whole.write_bytes(enlarge(elementary.read_bytes(), width, height))
        if "_" in name:
            recipes.run("-fflags", "+genpts", "-i", whole, "-c", "copy", folder / name)
        found[name] = folder / name
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_size_above_the_limit(streams, name):
    """max_pixels holds for the decoders with which FFmpeg describes streams, too."""
    intact = media.path("h264_plain.mp4")
    code = "import cycodec; cycodec.set_limits(max_pixels=1 << 20)" + MEASURE
    done = subprocess.run(
        [sys.executable, "-c", code, intact, streams[name]], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found, grown = json.loads(done.stdout)
    assert found[1:] == ["StreamNotFoundError", "LimitError"]
    assert grown < FILES[name][2] * 1_000_000


DESCRIBE = """
import json, resource, sys
from cycodec.decoders import VideoDecoder
VideoDecoder(sys.argv[1])[0]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decoder = VideoDecoder(sys.argv[2])
found = [len(decoder), decoder.metadata.width, decoder.metadata.height]
print(json.dumps([found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024]))
"""


@pytest.mark.parametrize("name", ["giant.flv", "giant_flv.mkv", "giant_h264.avi"])
def test_a_giant_frame_is_not_decoded_before_it_is_asked_for(streams, name):
    command = [sys.executable, "-c", DESCRIBE, media.path("h264_plain.mp4"), streams[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found, grown = json.loads(done.stdout)
    assert found == [6, 16000, 16000]
    # the open decoder of FLV1 holds tables of the macroblocks; frame 0 would take 700 MB
    assert grown < 260_000_000
