"""The tools that build wheels: where sources come from, what the recipe says, what is added."""

import contextlib
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from wheels import chroot, debian, matrix, recipe, wheel  # noqa: E402

FAKE = """#!{python}
# apt-cache, apt-get and apt-helper of a mirror that serves only some of what it lists
import os, pathlib, re, shutil, sys

name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
here = pathlib.Path({folder!r})
if name == "apt-cache":
    print("Package: thing\\nVersion: 2:9.0-1\\n\\nPackage: thing\\nVersion: 2:10.1-3\\n")
elif arguments[0] == "source":
    version = re.search(r"=\\d+:([\\d.]+)", arguments[-1])[1]
    digest = (here / "digest").read_text()
    print(f"'http://mirror/thing_{{version}}.dsc' thing_{{version}}.dsc 1 SHA256:00")
    print(f"'http://mirror/thing_{{version}}.orig.tar.gz' thing_{{version}}.orig.tar.gz 1 SHA256:{{digest}}")
elif arguments[1] == "download-file":
    served = here / "served" / arguments[3]
    if not served.exists():
        sys.exit("E: 404 Not Found")
    shutil.copy(served, arguments[3])
"""


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """An apt whose mirror lists versions 10.1 and 9.0 of a package, and serves 9.0 alone."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("apt-cache", "apt-get", "apt-helper"):
        (commands / name).write_text(FAKE.format(python=sys.executable, folder=str(tmp_path)))
        (commands / name).chmod(0o755)
    dpkg = '#!/bin/sh\n[ $(printf \'%s\\n\' "$2" "$4" | sort -V | tail -n 1) = "$2" ]\n'
    (commands / "dpkg").write_text(dpkg)
    (commands / "dpkg").chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    monkeypatch.setattr(debian, "DOWNLOADER", str(commands / "apt-helper"))
    (tmp_path / "served").mkdir()
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing/LICENSE").write_text("free")
    archive = tmp_path / "served/thing_9.0.orig.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "thing", "thing-9.0")
    (tmp_path / "digest").write_text(hashlib.sha256(archive.read_bytes()).hexdigest())
    apt = debian.Apt(tmp_path / "apt")
    apt.folder.mkdir()
    apt.configuration.write_text("")
    return apt


class TestSources:
    def test_versions_are_ordered(self, mirror):
        assert mirror.versions("thing") == ["2:10.1-3", "2:9.0-1"]

    def test_the_newest_that_is_served(self, mirror, tmp_path):
        found = mirror.upstream("thing", tmp_path / "sources")
        assert found.version == "2:9.0-1"
        assert (found.folder / "LICENSE").read_text() == "free"
        assert hashlib.sha256(found.file.read_bytes()).hexdigest() == found.sha256

    def test_what_is_here_is_not_fetched_again(self, mirror, tmp_path):
        mirror.upstream("thing", tmp_path / "sources", "9.")
        shutil.rmtree(tmp_path / "served")
        assert mirror.upstream("thing", tmp_path / "sources", "9.").version == "2:9.0-1"

    def test_nothing_served(self, mirror, tmp_path):
        with pytest.raises(debian.DebianError, match=r"no suite serves the source of thing 10\.(?s:.*)404"):
            mirror.upstream("thing", tmp_path / "sources", "10.")
        assert list((tmp_path / "sources").iterdir()) == []


def test_nothing_under_the_gpl_is_in_the_recipe():
    assert "--enable-gpl" not in recipe.FFMPEG.build
    assert "--enable-nonfree" not in recipe.FFMPEG.build
    for item in recipe.ALL:
        assert not re.match(r"A?GPL", item.license), item.package
        assert "--enable-gpl" not in item.enables


def test_the_licence_of_the_wheel_names_each_licence():
    for item in recipe.ALL:
        assert set(item.license.split(" AND ")) <= set(wheel.LICENSES.split(" AND "))


def test_the_matrix_installs_what_the_tests_need():
    found = matrix.pinned(matrix.TOOLS)
    for name in matrix.TOOLS.split():
        assert re.search(rf"'{name}==[\d.]+'", found, re.IGNORECASE), name


def test_the_matrix_takes_torch_from_the_system_or_from_the_requirements():
    every = set((ROOT / "requirements-dev.txt").read_text().splitlines())
    ours, theirs = (set(matrix.required(known).splitlines()) for known in (False, True))
    assert {line.split("=")[0].split("[")[0] for line in every - ours} == {"ray"}
    assert {line.split("=")[0] for line in ours - theirs} == {"torch", "numpy"}


PROGRESS = "....F  [ 50%]\n......"
ENDINGS = {
    "passed": (0, "...... [100%]\n6 passed, 2 skipped in 3.00s\n", "6 passed, 2 skipped in 3.00s"),
    "failed": (1, "..F [100%]\nFAILED a\n= 1 failed, 2 passed in 3s =\n", "1 failed, 2 passed in 3s"),
    "limit": (None, PROGRESS, "stopped at the time limit of 30 minutes, at 50 % of the tests"),
    "limit, with a report": (
        124,
        PROGRESS + "\nFAILED a\n! KeyboardInterrupt !\n1 failed, 9 passed in 1800.00s (0:30:00)\n",
        "stopped at the time limit of 30 minutes, at 50 % of the tests: "
        "1 failed, 9 passed in 1800.00s (0:30:00)",
    ),
    "killed": (137, PROGRESS, "killed by SIGKILL, at 50 % of the tests"),
    "signal": (-11, "", "killed by SIGSEGV, before the first results"),
    "usage": (
        4,
        "ERROR: no file\n",
        "ended with status 4, before the first results; the last line is: ERROR: no file",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_matrix_says_how_a_run_ended(name):
    status, output, expected = ENDINGS[name]
    assert matrix.summary(status, output, 30) == expected


def test_a_run_over_the_time_limit_is_killed_with_its_children(tmp_path, monkeypatch):
    system = chroot.Chroot(tmp_path, "trixie")
    monkeypatch.setattr(system, "_command", lambda script: ["bash", "-ec", script])
    log = tmp_path / "log"
    started = time.monotonic()
    assert (
        system.watch("echo begun; sleep 60 & echo $! > $OUT; wait", log, 1, OUT=str(tmp_path / "pid")) is None
    )
    assert time.monotonic() - started < 30
    assert log.read_text() == "begun\n"
    child = Path("/proc", (tmp_path / "pid").read_text().strip(), "status")
    # a busy machine lets a killed process wait for its end
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for _ in range(300):
            if "zombie" in child.read_text():
                break
            time.sleep(0.1)
        else:
            pytest.fail("the child is still there")
    assert system.watch("exit 3", log, 60) == 3


@pytest.mark.skipif(not shutil.which("timeout"), reason="the matrix runs on Debian, with its coreutils")
def test_pytest_reports_at_the_time_limit(tmp_path):
    """Shells start commands in the background with SIGINT ignored, and children inherit that."""
    (tmp_path / "test_long.py").write_text(
        "import time\n\ndef test_bad():\n    assert 0\n\ndef test_long():\n    time.sleep(300)\n"
    )
    command = (
        f"trap '' INT; {matrix.limited(15)} {sys.executable} -m pytest -q -p no:cacheprovider {tmp_path}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == matrix.TIME_UP
    assert "FAILED test_long.py::test_bad" in done.stdout
    assert "1 failed" in matrix.summary(done.returncode, done.stdout, 1)


def test_packages_of_another_release_are_preferred(tmp_path, monkeypatch):
    keys = tmp_path / "keys.gpg"
    keys.touch()
    monkeypatch.setattr(chroot, "archive_of", lambda release: ("http://mirror", keys))
    etc = tmp_path / "etc/apt"
    for name in ("trusted.gpg.d", "sources.list.d", "preferences.d"):
        (etc / name).mkdir(parents=True)
    chroot.Chroot(tmp_path, "bookworm")._add_release("jammy", matrix.FFMPEG)
    assert (etc / "sources.list.d/jammy.list").read_text() == "deb http://mirror jammy main universe\n"
    preferred = (etc / "preferences.d/jammy").read_text().split("\n\n")[1]
    assert "Pin-Priority: 1001" in preferred
    assert {"ffmpeg", "libavcodec*", "libavfilter*"} <= set(preferred.split())


@pytest.mark.skipif(shutil.which("cc") is None or shutil.which("readelf") is None, reason="no compiler")
def test_substitutes_of_a_wheel(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "WORK", tmp_path / "work")
    (tmp_path / "work").mkdir()
    content = tmp_path / "content"
    (content / "cycodec.libs").mkdir(parents=True)
    (content / "cycodec/core").mkdir(parents=True)
    name = "libavcodec-0badcafe.so.63.1.100"
    (content / "cycodec.libs" / name).touch()
    wheel.add_substitutes(content, "cc")
    path = content / "cycodec/core/substitutes" / name
    dynamic = subprocess.run(["readelf", "-dVW", path], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) == [name]
    assert "libavcodec.so.63" in re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
    assert "LIBAVCODEC_63" in dynamic


def test_a_library_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "WORK", tmp_path)
    content = tmp_path / "content"
    (content / "cycodec.libs").mkdir(parents=True)
    (content / "cycodec/core").mkdir(parents=True)
    (content / "cycodec.libs/libx264.so.164").touch()
    with pytest.raises(SystemExit, match=r"libx264\.so\.164"):
        wheel.add_substitutes(content, "cc")
