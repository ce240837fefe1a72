"""Libraries that use TorchCodec work with cycodec in its place, and get the same results.

tools/clients makes the environment with the libraries and with TorchCodec, and runs these tests in
it. They are skipped elsewhere.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import recipes

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cases  # noqa: E402

pytestmark = pytest.mark.skipif(
    os.environ.get("CYCODEC_CLIENTS") != "1", reason="tools/clients runs these, in its own environment"
)

# The distributions of the cases' prefixes.
PACKAGES = {"qwen": "qwen_vl_utils", "plain": "torchcodec", "pyannote": "pyannote.audio"}


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    paths = {
        "video": folder / "video.mp4",
        "silent": folder / "silent.mp4",
        "late": folder / "late.mp4",
        "sound": folder / "sound.m4a",
        "wav": folder / "sound.wav",
        "flac": folder / "sound.flac",
    }
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4"]
    tone = ["-f", "lavfi", "-i", "sine=440:sample_rate=44100:duration=4"]
    h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2"]
    commands = {
        "video": [*picture, *tone, *h264, "-c:a", "aac"],
        "silent": [*picture, *h264],
        "late": [*picture, *h264, "-output_ts_offset", "3"],
        "sound": [*tone, "-c:a", "aac", "-ac", "2"],
        "wav": [*tone, "-ac", "2"],
        "flac": [*tone, "-ac", "2"],
    }
    for name, options in commands.items():
        command = [recipes.FFMPEG, "-v", "error", "-nostdin", "-y", *options, paths[name]]
        subprocess.run(command, check=True)
    return {name: str(path) for name, path in paths.items()}


def outcome(name, library, media, folder):
    """What a case gives with a library: ("value", value) or ("error", text)."""
    result = folder / f"{library}.pickle"
    command = [sys.executable, HERE / "drive.py", name, library, json.dumps(media), result]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder),
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    if not result.exists():
        return "error", f"the process ended with {done.returncode}:\n{done.stderr[-2000:]}"
    return pickle.loads(result.read_bytes())


def differences(ours, theirs, place=""):
    """Yield in words where two results differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if set(ours) != set(theirs):
            yield f"{place}: keys {sorted(ours)} and {sorted(theirs)}"
        for key in set(ours) & set(theirs):
            yield from differences(ours[key], theirs[key], f"{place}[{key!r}]")
    elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        if len(ours) != len(theirs):
            yield f"{place}: lengths {len(ours)} and {len(theirs)}"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from differences(one, other, f"{place}[{number}]")
    elif isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        yield from array_differences(ours, theirs, place)
    elif isinstance(ours, float) and isinstance(theirs, (float, int)):
        if ours != pytest.approx(theirs, rel=1e-6, abs=1e-6):
            yield f"{place}: {ours} and {theirs}"
    elif ours != theirs:
        yield f"{place}: {ours!r} and {theirs!r}"


def array_differences(ours, theirs, place):
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        yield f"{place}: {ours.dtype}{ours.shape} and {theirs.dtype}{theirs.shape}"
        return
    if not np.array_equal(ours, theirs):
        distance = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
        yield f"{place}: values differ by {distance.max():.3g} at most, {distance.mean():.3g} on average"


def needs(name):
    prefix = name.split("_")[0]
    package = PACKAGES.get(prefix, prefix)
    try:
        is_installed = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it is in
        is_installed = False
    if not is_installed:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("name", cases.CASES)
def test_client(name, media, tmp_path):
    needs(name)
    kind, ours = outcome(name, "cycodec", media, tmp_path)
    assert kind == "value", ours
    kind, theirs = outcome(name, "torchcodec", media, tmp_path)
    if kind == "error":
        pytest.skip(f"it does not run with TorchCodec: {theirs.strip().splitlines()[-1]}")
    assert list(differences(ours, theirs)) == []
