"""Files that contradict themselves: frames, samples or a typed error, in bounded memory and time.

A child process uses many of them, so that a crash ends no test but that of its input.
"""

import json
import subprocess
import sys
from pathlib import Path

import hostile_files
import media
import pytest

from cycodec.decoders import VideoDecoder

SECONDS = 20  # of computing that one input may take
MEMORY = 600_000_000
CHILD = Path(__file__).parents[1] / "support" / "hostile_child.py"


def run(folder, names, what):
    """Returns name -> [problem or None, bytes, seconds] of each input."""
    found = {}
    waiting = list(names)
    while waiting:
        command = [sys.executable, str(CHILD), what, str(folder), str(SECONDS)]
        done = subprocess.run(command, input="\n".join(waiting), capture_output=True, text=True, timeout=900)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        for name, line in zip(waiting, lines, strict=False):
            found[name] = line
        if len(lines) < len(waiting):
            end = f"the child ended with {done.returncode}: {done.stderr[-300:]}"
            found[waiting[len(lines)]] = [end, 0, 0]
        waiting = waiting[len(lines) + 1 :]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile")
    audio = {}
    for name in ("tone.ogg", "tone.flac", "tone.mp3", "tone.aac"):
        codec = ["-c:a", "libvorbis"] if name == "tone.ogg" else []
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=16000:d=1", *codec, path / name]
        subprocess.run(command, check=True)
        audio[name] = (path / name).read_bytes()
    clip = media.path("h264_sound.mp4")
    (path / "intact.mp4").write_bytes(clip.read_bytes())
    for name, data in hostile_files.inputs(audio, VideoDecoder(clip).index.to_bytes()).items():
        (path / name).write_bytes(data)
    return path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "intact.mp4")


def assert_bounded(found):
    assert {name: line[0] for name, line in found.items() if line[0]} == {}
    assert {name: line[1] for name, line in found.items() if line[1] > MEMORY} == {}
    assert {name: line[2] for name, line in found.items() if line[2] > SECONDS} == {}


@pytest.mark.parametrize("what", ["read", "copy"])
def test_hostile_inputs(folder, what):
    """Decoders, images, indexes, and copies of packets."""
    names = names_in(folder)
    assert len(names) > 300
    if what == "copy":  # a part of them, with those that have found faults
        found_faults = [name for name in names if name.startswith(("entry_8", "without_mvhd"))]
        names = sorted({*names[::3], *found_faults})
    found = run(folder, names, what)
    assert len(found) == len(names)
    assert_bounded(found)


def test_the_command_line(folder):
    """Every command ends with an exit status and at most one line of error, and no traceback."""
    kinds = {}
    for name in names_in(folder):
        kinds.setdefault((name.partition("_")[0], name.rpartition(".")[2]), name)
    names = [*list(kinds.values())[::4], "empty_segment.mkv", "recursion.mkv"]
    assert len(names) > 30
    assert_bounded(run(folder, names, "command"))
