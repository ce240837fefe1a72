"""tests/support/fake_cuda must make the calls that tools/gpu_check recorded from the driver's
parser on a GPU.
"""

import sys
from pathlib import Path

import media
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from benchmark import traces

from cycodec.decoders import VideoDecoder

CLIPS = media.names("h264_bt601.mp4 hevc_hlg10_1080p.mp4 vp8_hidden_frames_480p.webm")


@pytest.mark.parametrize("name", traces.GOLDEN_CLIPS)
def test_the_double_does_what_a_gpu_did(fake, name):
    golden = traces.clips(traces.GOLDEN.read_text())
    only = f"{traces.HEAD}{name}\n" + "\n".join(golden[name])
    ours = traces.record([Path(media.locate(name))], "the double")
    assert len(traces.stretches(golden[name])[0]["displayed"]) > 2
    assert "\n".join(traces.compare(only, ours)) == ""


def test_what_is_recorded(gpu):
    text = traces.record([Path(media.locate(name)) for name in CLIPS], "here")
    assert text.startswith("# here\n")
    found = traces.clips(text)
    assert sorted(found) == sorted(CLIPS)
    for name, lines in found.items():
        words = [line.split()[0] for line in lines]
        assert set(words) == {"packet", "sequence", "decode", "display", "map"}, name
        assert words[:2] in (["packet", "sequence"], ["sequence", "packet"])
        assert words.index("decode") < words.index("display") < words.index("map")
        frames = min(traces.FIRST_FRAMES, len(VideoDecoder(media.locate(name)))) + 2
        assert words.count("map") >= frames  # a saved picture is mapped too
    for name, sequence in (
        ("h264_bt601.mp4", "sequence codec=4 coded=368x240 display=0,0,360x240 chroma=1 depth=8 "),
        ("hevc_hlg10_1080p.mp4", "sequence codec=8 coded=1920x1088 display=0,0,1920x1080 chroma=1 depth=10 "),
    ):
        assert any(line.startswith(sequence) for line in found[name][:2]), name
        assert any("pitch=" in line for line in found[name])


def test_recordings_are_compared(fake):
    paths = [Path(media.locate(name)) for name in CLIPS]
    golden, again = (traces.record(paths, about) for about in ("one", "two"))
    assert traces.compare(golden, again) == []
    for old, new in (
        ("pitch=512", "pitch=1024"),
        ("coded=368x240", "coded=360x240"),
        ("display index=1 ", "display index=2 "),
        ("packet timestamp=1001", "packet timestamp=1002"),
    ):
        assert old in golden
        differences = traces.compare(golden.replace(old, new, 1), again)
        assert len(differences) == 1
        changes = differences[0].splitlines()
        taken, put = (
            [line for line in changes if line[0] == sign and not line.startswith(3 * sign)] for sign in "-+"
        )
        if not old.startswith("display"):  # names of surfaces follow their pictures
            assert new.split()[-1] in taken[0]
            assert old.split()[-1] in put[0]
        assert len(taken) == len(put) >= 1
    # pictures in another order, a missing clip, and one more sequence header
    shown = [i for i, line in enumerate(golden.splitlines()) if line.startswith("display")][3:5]
    lines = golden.splitlines()
    lines[shown[0]], lines[shown[1]] = lines[shown[1]], lines[shown[0]]
    assert len(traces.compare("\n".join(lines), again)) == 1
    missing = f"{golden}== another clip\nsequence codec=4\n"
    assert traces.compare(missing, again) == ["another clip: was not decoded by the GPU"]
    assert traces.compare(golden, missing) == []
    assert len(traces.compare(golden, f"{again}sequence codec=4\n")) == 1
