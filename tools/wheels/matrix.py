"""Builds cycodec and runs its tests on other Debian systems: `tools/matrix` runs this module.

Each system brings the FFmpeg, the Python and, but for the oldest, the torch of its suite. It lives
in a folder under build/matrix, and nothing of it is installed into this machine.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from wheels.chroot import Chroot, local_wheels

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build/matrix"
MEDIA = ROOT.parent / "shared/media"

PACKAGES = (
    "ca-certificates",
    "ffmpeg",
    "gcc",
    "libc6-dev",
    "pkg-config",
    "libavformat-dev",
    "libavcodec-dev",
    "libavutil-dev",
    "libswscale-dev",
    "libswresample-dev",
    "python3-dev",
    "python3-venv",
)
# What the suite itself has in a version that cycodec supports.
TORCH = {"trixie": ("python3-torch", "python3-numpy"), "sid": ("python3-torch", "python3-numpy")}
# Debian 12's own torch is older than 2.1, so that the one of requirements-dev.txt is taken there.
SUITES = ("bookworm", "trixie", "sid")
# A third of the suite: what depends on FFmpeg's version, and little else.
TESTS = (
    "tests/video",
    "tests/audio",
    "tests/encode",
    "tests/api/test_sources.py",
    "tests/api/test_indexing.py",
)
TOOLS = "pytest hypothesis fsspec joblib click rich pillow setuptools wheel Cython"


@dataclass
class Row:
    """The result of one system."""

    suite: str
    ffmpeg: str
    python: str
    torch: str
    day: str
    tests: str
    result: str


def pinned(names: str) -> str:
    """Return the requirements of requirements-dev.txt for some packages."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    wanted = {name.lower() for name in names.split()}
    found = [line for line in lines if re.split(r"[=;\[]", line)[0].lower() in wanted]
    return " ".join(f"'{line}'" for line in found)


def copy_sources(target: Path) -> None:
    """Copy what git knows of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def try_suite(suite: str, tests: list[str]) -> Row:
    """Build and test in one system."""
    system = Chroot(WORK / suite, suite)
    system.make((*PACKAGES, *TORCH.get(suite, ())))
    copy_sources(system.folder / "cycodec")
    shared = {"media": MEDIA} if MEDIA.is_dir() else {}
    shared |= local_wheels()
    with system.entered(**shared):
        torch = "" if suite in TORCH else f"{pinned('torch numpy')}"
        python = "/venv/bin/python"
        system.run(
            f"cd /cycodec; test -x {python} || python3 -m venv --system-site-packages /venv;"
            f"{python} -m pip install -q {torch} {pinned(TOOLS)};"
            f"{python} setup.py --quiet build_ext --inplace"
        )
        facts = system.run(
            f'cd /cycodec; {python} -c "import platform, torch, cycodec; '
            "print(cycodec.ffmpeg_versions()['ffmpeg'], platform.python_version(), torch.__version__)\""
        ).stdout.split()
        done = system.run(
            f"cd /cycodec; {python} -m pytest -q -m 'not slow' -p no:cacheprovider {' '.join(tests)}",
            check=False,
            CYCODEC_TEST_MEDIA="/media",
        )
    log = WORK / f"{suite}.log"
    log.write_text(done.stdout + done.stderr)
    last = (done.stdout.strip().splitlines() or [f"status {done.returncode}"])[-1]
    ffmpeg, python_version, torch_version = facts[-3:]
    return Row(
        suite,
        ffmpeg,
        python_version,
        torch_version,
        time.strftime("%Y-%m-%d"),
        " ".join(tests),
        last.strip("= "),
    )


def main() -> int:
    """Try the systems that the command line names; write build/matrix/results.json."""
    parser = argparse.ArgumentParser(prog="tools/matrix", description=__doc__)
    parser.add_argument("--suite", action="append", choices=SUITES, help="a system (default: all)")
    parser.add_argument("tests", nargs="*", help="arguments of pytest (default: what depends on FFmpeg)")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    for suite in arguments.suite or SUITES:
        row = try_suite(suite, arguments.tests or list(TESTS))
        rows.append(row)
        print(f"| {row.suite} | {row.ffmpeg} | {row.python} | {row.torch} | {row.result} |", flush=True)
    (WORK / "results.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return int(any("failed" in row.result or "passed" not in row.result for row in rows))


if __name__ == "__main__":
    sys.exit(main())
