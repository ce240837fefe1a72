"""``index.key_frames`` are those of ffprobe, also where edit lists cut frames off."""

import json
import subprocess
from pathlib import Path

import media
import pytest
import recipes
import torch

from cycodec import FrameIndex
from cycodec.decoders import VideoDecoder


def key_frames(path):
    """The numbers of key frames, by ffprobe."""
    command = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    options = ["-v", "error", "-select_streams", "v", "-show_frames", "-of", "json"]
    done = subprocess.run([command, *options, path], capture_output=True, check=True)
    return [i for i, frame in enumerate(json.loads(done.stdout)["frames"]) if frame["key_frame"]]


@pytest.fixture(params=["libx264 -bf 2", "libx265 -x265-params log-level=none", "mpeg4 -bf 2"])
def trimmed(request, tmp_path):
    """An MP4 whose first key frame an edit list trims away."""
    whole, path = tmp_path / "whole.mp4", tmp_path / "trimmed.mp4"
    picture = "-f lavfi -i testsrc2=size=128x96:rate=25:duration=3 -g 20 -c:v"
    recipes.run(*picture.split(), *request.param.split(), whole)
    recipes.run("-ss", "0.36", "-i", whole, "-c", "copy", path)
    return path


def test_trimmed_key_frame_is_not_listed(trimmed, tmp_path):
    decoder = VideoDecoder(trimmed)
    expected = key_frames(trimmed)
    assert 0 not in expected
    assert decoder.index.key_frames.tolist() == expected
    assert len(decoder.index.key_offsets) == len(expected)
    decoder.index.save(tmp_path / "a.idx")
    loaded = FrameIndex.load(tmp_path / "a.idx")
    assert loaded.key_frames.tolist() == expected
    again = VideoDecoder(trimmed, index=loaded)
    assert torch.equal(again[0], decoder[0])  # decoding still begins at the key frame before it
    assert torch.equal(again[5:30:7], decoder[5:30:7])


@pytest.mark.parametrize("name", ["h264_editlist_iibbibb.mp4", "h264_plain.mp4", "h264.ts", "h264.mkv"])
def test_key_frames_are_those_of_ffprobe(name):
    path = media.locate(name)
    assert VideoDecoder(path).index.key_frames.tolist() == key_frames(path)
