"""Each frame as the first read of a decoder of its own, against ffmpeg.

A decoder that has read a stream knows more about it than a fresh one. The clips lie about their
timestamps and key flags, and each of them is opened anew for each frame.
``tools/verify/first_reads`` draws more.
"""

import random

import first_reads
import oracle
import pytest
import recipes
from first_reads import Clip

from cycodec.decoders import VideoDecoder

# The faults that were reported, and the tricks and patches for the codecs that they concern.
LISTED = [
    Clip("libx264", "avi", "-bf 2"),
    Clip("libx264", "avi", "-bf 3 -b_strategy 0", patch="no idx1"),
    *(
        Clip(codec, container, options, trick=trick)
        for codec, container, options in [
            ("libx264", "mp4", "-bf 2"),
            ("libx264", "mkv", "-bf 3 -b-pyramid strict"),
            ("libx265 -x265-params log-level=none", "mp4", "-bf 3"),
            ("mpeg2video", "ts", "-bf 2"),
            ("mpeg4", "mp4", "-bf 2"),
            ("libvpx-vp9 -row-mt 0", "mkv", "-auto-alt-ref 1 -lag-in-frames 10"),
        ]
        for trick in [
            "pts are dts",
            "pts count packets",
            "all pts equal",
            "pts jump back",
            "pairs swapped",
            "jitter",
        ]
    ),
    Clip("libx264", "mp4", "-bf 2", trick="by way of raw"),
    Clip("libx264", "mp4", "-bf 2", patch="no ctts"),
    Clip("libx265 -x265-params log-level=none", "mp4", "-bf 3", patch="no stss"),
    Clip("cinepak", "avi", patch="idx1 all key"),
    Clip("cinepak", "mov", patch="no stss"),
    Clip("msmpeg4", "avi", patch="no idx1"),
    Clip("libx264", "mkv", "-bf 2", patch="blocks all key"),
    Clip("mpeg2video", "mkv", "-bf 2", trick="jitter", patch="blocks all key", gop=25, seed=411),
    Clip("msmpeg4", "asf"),
    Clip("wmv2", "asf"),
    Clip("h263p", "mkv"),
    Clip("h263p", "avi"),
    Clip("snow -strict -2", "avi", patch="idx1 all key"),
    Clip("ffv1", "avi", patch="idx1 all key"),
    Clip("svq1", "mov", trick="jitter", gop=1),
    Clip("mjpeg -pix_fmt yuvj420p", "mp4", trick="cut inside a GOP"),
    Clip("mpeg4", "mov", "-bf 2", trick="starts early", patch="no ctts", gop=250, seed=322),
    Clip("svq1", "mov", trick="all pts equal", patch="no stss", gop=5, frames=75, seed=752),
    Clip("libx264 -intra-refresh 1", "mp4", "-bf 0", "pairs swapped", "no ctts", 5, 75, 246),
    *(
        Clip(codec, container, options, trick="cut inside a GOP", patch=patch, gop=gop)
        for codec, container, options, patch in [
            ("libx264", "mp4", "-bf 0", "no stss"),
            ("libx264", "mkv", "-bf 2", "blocks all key"),
            ("libx264 -x264-params open-gop=1", "mp4", "-bf 3 -b_strategy 0", "no ctts"),
            ("libx265 -x265-params log-level=none", "mp4", "-bf 3", "no ctts"),
            ("libvpx-vp9 -row-mt 0", "mkv", "-lag-in-frames 0", "blocks all key"),
            ("libtheora", "mkv", "", "blocks all key"),
            ("mpeg2video", "mp4", "-bf 0", "no stss"),
            ("mpeg2video", "mkv", "-bf 2", "blocks all key"),
            ("mpeg2video", "avi", "-bf 2", "no idx1"),
            ("mpeg4", "avi", "-bf 2", "idx1 all key"),
        ]
        for gop in (5, 12)
    ),
]
DRAWN = 8  # clips that each test of a random selection reads


def examine(clip, folder):
    """Make a clip and read it; fail with what was wrong. return True if it was made."""
    path = clip.make(folder)
    if path is None:
        return False
    outcome = first_reads.read(path, random.Random(clip.seed))
    assert outcome.wrong == [], f"tools/verify/first_reads --recipe '{clip.to_json()}'"
    assert outcome.reads or not first_reads.frames_of(path)
    return True


@pytest.mark.parametrize("clip", LISTED, ids=lambda clip: clip.name)
def test_listed_clip(clip, tmp_path):
    encoder = clip.codec.split()[0]
    names = {"flv1": "flv"}
    if names.get(encoder, encoder) not in recipes.encoders():
        pytest.skip(f"the ffmpeg in use has no encoder {encoder}")
    assert examine(clip, tmp_path), "ffmpeg does not make this clip"


@pytest.mark.parametrize("seed", range(10))
def test_drawn_clips(seed, tmp_path):
    made = [examine(clip, tmp_path) for clip in first_reads.drawn(seed, DRAWN)]
    assert any(made)


def test_a_wrong_frame_is_noticed(tmp_path, monkeypatch):
    """The comparison itself: against the frames of another clip, every read is wrong."""
    path = Clip("libx264", "mp4").make(tmp_path)
    truth = first_reads.frames_of(path)
    monkeypatch.setattr(first_reads, "frames_of", lambda path: (*truth[1:], truth[0]))
    outcome = first_reads.read(path, random.Random(0))
    assert len(outcome.wrong) == outcome.reads > 36


@pytest.mark.parametrize(("container", "more"), [("mkv", ["-bsf:v", "setts=pts=DTS"]), ("ts", [])])
def test_vc2_remembers_earlier_pictures(tmp_path, container, more):
    """Each picture is a key frame, and yet its decoder shows coefficients of earlier ones."""
    path = tmp_path / f"vc2.{container}"
    source = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=12,noise=alls=6:allf=t:all_seed=5"]
    recipes.run(*source, "-frames:v", "20", "-c:v", "vc2", "-strict", "-1", tmp_path / "first.mkv")
    recipes.run("-i", tmp_path / "first.mkv", "-c", "copy", *more, path)
    outcome = first_reads.read(path, random.Random(0))
    assert outcome.reads
    assert not outcome.wrong
    truth = first_reads.frames_of(path)
    assert len(truth) == 20
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        backwards = [oracle.digest(decoder[number]) for number in range(19, -1, -1)]
    assert backwards[::-1] == list(truth)
