"""Copies the files that the tests of ``device="cuda"`` and the GPU benchmark use to one folder, for
tools/gpu_carry.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import media  # noqa: E402 - of tests

from benchmark.gpu import CLIPS  # noqa: E402

NAME = re.compile(r"\b[a-z0-9][a-z0-9_.]*\.(?:mp4|ts|mkv|webm|mpg|avi|mov|png|h264|hevc)\b")


def names() -> list[str]:
    """Returns every media file that those tests name."""
    found = set(CLIPS)
    for path in (ROOT / "tests" / "cuda").glob("test_cuda*.py"):
        found.update(NAME.findall(path.read_text()))
    return sorted(found)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in names():
        if not (folder / name).exists():
            shutil.copyfile(media.locate(name), folder / name)


if __name__ == "__main__":
    main()
