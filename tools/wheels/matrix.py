"""Builds cycodec and runs its tests with other FFmpegs: `tools/matrix` runs this module.

Each system is a Debian or Ubuntu in a folder under build/matrix, and nothing of it is installed
into this machine. Python and torch are those of the system. FFmpeg is the system's, too, or that of
another release whose Python cycodec or whose torch the tests cannot use, or built from source.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from wheels import source_build
from wheels.chroot import PATH, Chroot, local_wheels

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build/matrix"
MEDIA = ROOT.parent / "shared/media"

PACKAGES = ("ca-certificates", "gcc", "libc6-dev", "pkg-config", "python3-dev", "python3-venv")
FFMPEG = (
    "ffmpeg",
    "libavformat-dev",
    "libavcodec-dev",
    "libavutil-dev",
    "libswscale-dev",
    "libswresample-dev",
)
# Libraries of image formats, which the build uses if they are there.
IMAGES = ("libjpeg-dev", "zlib1g-dev", "libdeflate-dev", "libwebp-dev")
# What some tests call. Kernels for 64-bit Arm do not depend on FFmpeg: their compiler is left out.
CALLED = ("git", "libheif-examples", "make", "openssl")
TORCH = ("python3-torch", "python3-numpy")
# Requirements of tests that do not depend on FFmpeg, either, and are large.
LEFT_OUT = ("ray",)
# A third of the suite: what depends on FFmpeg's version, and little else.
THIRD = (
    "tests/video",
    "tests/audio",
    "tests/encode",
    "tests/api/test_sources.py",
    "tests/api/test_indexing.py",
)
TOOLS = "pytest pytest-xdist hypothesis fsspec joblib click rich pillow setuptools wheel Cython"
# What a shell adds to the number of the signal that ended its command.
SIGNALLED = 128
# The status of the command `timeout` if the time was up. It interrupts pytest, which then reports,
# unless SIGINT is ignored, as in the background of a shell: the command `env` restores it.
TIME_UP = 124
# Seconds that pytest has for its report before it is killed.
REPORT = 120


@dataclass(frozen=True)
class System:
    """Where the parts of a system come from.

    `base` is the release that has the Python. `torch` holds the packages of torch, and is empty if
    the version of requirements-dev.txt is taken instead, because the system's is older than 2.1.
    `source` is how the version of an FFmpeg begins that is built from source, and otherwise empty.
    """

    base: str
    torch: tuple[str, ...] = TORCH
    source: str = ""


# The key is the release that has the FFmpeg, or the version of one that none has; the oldest is
# first.
SYSTEMS = {
    "bullseye": System("bookworm", ()),
    "jammy": System("bookworm", ()),
    "bookworm": System("bookworm", ()),
    "noble": System("trixie"),
    "trixie": System("trixie"),
    "resolute": System("resolute"),
    "8.1": System("trixie", source="8.1."),
    "sid": System("sid"),
}


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
    passed: bool


def pinned(names: str) -> str:
    """Return the requirements of requirements-dev.txt for some packages."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    wanted = {name.lower() for name in names.split()}
    found = [line for line in lines if re.split(r"[=;\[]", line)[0].lower() in wanted]
    return " ".join(f"'{line}'" for line in found)


def required(has_torch: bool) -> str:
    """Return the requirements of requirements-dev.txt, a line each, without those of the system."""
    names = (*LEFT_OUT, *(("torch", "numpy") if has_torch else ()))
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if re.split(r"[=;\[]", line)[0].lower() not in names)


def copy_sources(target: Path) -> None:
    """Copy what git knows of the checkout, whose deleted tests and pages must not stay."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in ("tests", "docs", "tools", "changes"):
        shutil.rmtree(target / name, ignore_errors=True)
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def limited(seconds: float) -> str:
    """Return the shell words before a command that interrupt it at a time limit."""
    return f"env --default-signal=INT timeout --foreground --signal=INT --kill-after={REPORT} {seconds:.0f}"


def summary(status: int | None, output: str, minutes: float) -> str:
    """Return how a run of pytest ended, in words.

    Parameters
    ----------
    status : int or None
        The exit status of the shell, or None if the run was killed after the time limit.
    output : str
        What pytest printed.
    minutes : float
        The time limit.
    """
    reached = re.findall(r"\[ *(\d+)%\]", output)
    where = f"at {reached[-1]} % of the tests" if reached else "before the first results"
    if status in (None, TIME_UP):
        counts = re.findall(r"^.*\d+ (?:passed|failed|errors?)\b.*$", output, re.MULTILINE)
        so_far = f": {counts[-1].strip('= !')}" if counts else ""
        return f"stopped at the time limit of {minutes:g} minutes, {where}{so_far}"
    number = -status if status < 0 else status - SIGNALLED
    if 0 < number < signal.NSIG:
        return f"killed by {signal.Signals(number).name}, {where}"
    last = output.strip().rpartition("\n")[2].strip("= ")
    if status in (0, 1) and re.search(r"\d+ (passed|failed|errors?)\b", last):
        return last
    return f"ended with status {status}, {where}; the last line is: {last}"


def install_ffmpeg(system: Chroot, suite: str) -> dict[str, str]:
    """Install the FFmpeg of a row; return the variables with which programs find it."""
    version = SYSTEMS[suite].source
    if not version:
        system.make(FFMPEG, release=suite)
        return {}
    source_build.build(system, version, ROOT / "build/wheel")
    prefix = source_build.PREFIX
    return {
        "CYCODEC_FFMPEG_DIR": prefix,
        "PATH": f"{prefix}/bin:{PATH}",
        # for the programs that tests compile
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
    }


def try_suite(suite: str, tests: list[str], minutes: float) -> Row:
    """Build and test in one system."""
    parts = SYSTEMS[suite]
    system = Chroot(WORK / suite, parts.base)
    system.make((*PACKAGES, *IMAGES, *CALLED, *parts.torch))
    environment = install_ffmpeg(system, suite)
    copy_sources(system.folder / "cycodec")
    shared = {"media": MEDIA} if MEDIA.is_dir() else {}
    shared |= local_wheels()
    log = WORK / f"{suite}.log"
    with system.entered(**shared):
        (system.folder / "requirements.txt").write_text(required(bool(parts.torch)))
        python = "/venv/bin/python"
        system.run(
            f"cd /cycodec; test -x {python} || python3 -m venv --system-site-packages /venv;"
            f"{python} -m pip install -q -r /requirements.txt;"
            # some tests compare with what git knows
            "test -d .git || git init -q; git add -A;"
            "git -c user.name=matrix -c user.email=matrix@localhost commit -q --allow-empty -m sources;"
            # programs of the tests import cycodec from other folders, and ask for its version
            "echo /cycodec > $(echo /venv/lib/python3*/site-packages)/cycodec.pth;"
            f"{python} setup.py --quiet build_ext --inplace egg_info",
            **environment,
        )
        facts = system.run(
            f'cd /cycodec; {python} -c "import platform, torch, cycodec; '
            "print(cycodec.ffmpeg_versions()['ffmpeg'], platform.python_version(), torch.__version__)\""
        ).stdout.split()
        status = system.watch(
            f"cd /cycodec; {limited(60 * minutes)}"
            f" {python} -m pytest -q -m 'not slow' -p no:cacheprovider -n {os.cpu_count() or 1}"
            f" {' '.join(tests)}",
            log,
            60 * minutes + 2 * REPORT,
            CYCODEC_TEST_MEDIA="/media",
            **environment,
        )
    ffmpeg, python_version, torch_version = facts[-3:]
    return Row(
        suite,
        ffmpeg,
        python_version,
        torch_version,
        time.strftime("%Y-%m-%d"),
        " ".join(tests),
        summary(status, log.read_text(errors="replace"), minutes),
        status == 0,
    )


def main() -> int:
    """Try the systems that the command line names; write build/matrix/results.json."""
    parser = argparse.ArgumentParser(prog="tools/matrix", description=__doc__)
    parser.add_argument(
        "--suite", action="append", choices=SYSTEMS, help="the release that has the FFmpeg (default: all)"
    )
    parser.add_argument(
        "--minutes", type=float, default=60, help="the time limit of the tests of one system (default: 60)"
    )
    parser.add_argument(
        "--third", action="store_true", help="run the third of the suite that depends on FFmpeg most"
    )
    parser.add_argument("tests", nargs="*", help="arguments of pytest (default: the whole suite)")
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    for suite in arguments.suite or SYSTEMS:
        row = try_suite(
            suite, arguments.tests or list(THIRD if arguments.third else ("tests",)), arguments.minutes
        )
        rows.append(row)
        print(f"| {row.suite} | {row.ffmpeg} | {row.python} | {row.torch} | {row.result} |", flush=True)
        (WORK / "results.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return int(not all(row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
