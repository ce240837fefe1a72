"""The example of Ray Data on a local Ray with two workers. Only this test needs Ray, which is
large.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_decoding_on_two_workers(tmp_path):
    pytest.importorskip(
        "ray.data", reason="Ray is not installed: pip install 'ray[data]'", exc_type=ImportError
    )
    path = os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")])
    # Ray keeps a token of its cluster in the home folder
    environment = {**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, FOLDER / "ray_data.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    lines = sorted(done.stdout.splitlines())  # Ray keeps no order
    assert lines[1:] == [f"clip{n}.mp4 (4, 3, 64, 64)" for n in range(8)]
    assert lines[0].startswith("broken.mp4 broken.mp4: not a media file")
