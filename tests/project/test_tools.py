"""The tools around the library: the set-up on simulated machines, the demo, and .ci/run."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
COMMON = "bash env cat cksum chmod cp dirname find flock id mkdir paste rm sed sort tail touch tr"
LIBRARIES = ["libavformat", "libavcodec", "libavutil", "libswscale", "libswresample"]


def write_script(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)


class Machine:
    """A simulated machine: a checkout, and a PATH whose commands are the test's own and write into
    a log.
    """

    def __init__(self, folder):
        self.checkout = folder / "checkout"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.state = folder / "state"
        self.state.mkdir(parents=True)
        shutil.copytree(ROOT / "tools", self.checkout / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in {
            "requirements-dev.txt": "pytest\n",
            "setup.py": "",
            "native_requirements.py": "",
            "pyproject.toml": "",
            "csrc/compat.h": "",
            "cycodec/core/video/reader.pyx": "",
        }.items():
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.bin.mkdir()
        for name in COMMON.split():
            real = shutil.which(name)
            if real:
                (self.bin / name).symlink_to(real)

    def command(self, name, body="", log=True):
        """Puts a command on PATH."""
        (self.bin / name).unlink(missing_ok=True)
        line = f'echo "{name} $*" >>"{self.log}"\n' if log else ""
        write_script(self.bin / name, line + body)

    def user(self, number):
        self.command("id", f"echo {number}", log=False)

    def install_system(self):
        """Puts everything on PATH that the set-up needs from the system."""
        self.command("cc")
        self.command("ffmpeg")
        self.ffmpeg_version("5.1")
        self.command("python3", self.python_body(), log=False)

    def ffmpeg_version(self, version):
        self.command("pkg-config", f"case $1 in --modversion) echo {version} ;; esac", log=False)

    def python_body(self):
        """Return a Python that answers the set-up's questions by files in `state`; -m venv copies
        it.
        """
        return f"""
state={self.state}
case "$*" in
    *"'torch'"*) [ -f $state/torch ]; exit ;;
    *native_requirements.py*) echo "$*" >>$state/asked; shift; pkg-config "$@"; exit ;;
    *"import cycodec"*) [ -f $state/built ]; exit ;;
    "-c "*|--version|"-") cat >/dev/null </dev/null; exit 0 ;;
esac
echo "python $*" >>{self.log}
case "$*" in
    *"pip install"*torch==*) touch $state/torch ;;
    *build_ext*) touch $state/built ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *"-e ."*) cp "$0" {self.checkout}/.venv/bin/cycodec ;;
esac
"""

    def run(self, tool, *arguments, **environment):
        """Runs a tool from another folder, without a terminal and with an empty log."""
        self.log.write_text("")
        return subprocess.run(
            [self.checkout / tool, *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.state), **environment},
            cwd=self.state,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def logged(self):
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def arrives(machine):
    """Returns the body of a package manager whose install command adds the missing commands."""
    machine.install_system()
    waiting = machine.bin.with_name("waiting")
    waiting.mkdir()
    for name in ("cc", "ffmpeg", "pkg-config", "python3"):
        (machine.bin / name).rename(waiting / name)
    return f'case "$*" in *install*) cp {waiting}/* {machine.bin}/ ;; esac'


class TestSystemPackages:
    def test_complete_machine_installs_nothing(self, machine):
        machine.install_system()
        machine.command("apt-get", "exit 1")
        done = machine.run("tools/setup")
        assert done.returncode == 0, done.stderr
        assert not [line for line in machine.logged() if line.startswith("apt-get")]

    def test_compiler_with_arguments(self, machine):
        machine.install_system()
        machine.command("ccache")
        machine.command("apt-get", "exit 1")
        assert machine.run("tools/setup", CC="ccache gcc").returncode == 0
        assert "a C compiler (missing gcc)" in machine.run("tools/setup", CC="missing gcc").stderr

    def test_apt_as_root(self, machine):
        machine.user(0)
        machine.command("apt-get", 'echo "frontend $DEBIAN_FRONTEND" >>"$HOME/frontend"\n' + arrives(machine))
        done = machine.run("tools/setup", CI="true")
        assert done.returncode == 0, done.stderr
        update, install = [line for line in machine.logged() if line.startswith("apt-get")]
        assert "update" in update
        assert {"ffmpeg", "pkg-config", "gcc", "python3-dev", "python3-venv"} <= set(install.split())
        assert {f"{library}-dev" for library in LIBRARIES} <= set(install.split())
        assert (machine.state / "frontend").read_text() == "frontend noninteractive\n" * 2

    def test_apt_through_sudo_never_asks(self, machine):
        machine.user(1000)
        machine.command("apt-get", arrives(machine))
        machine.command("sudo", 'while [[ $1 == -* ]]; do shift; done; exec "$@"')
        done = machine.run("tools/setup")
        assert done.returncode == 0, done.stderr
        calls = [line for line in machine.logged() if line.startswith("sudo")]
        assert len(calls) == 2
        assert all(call.startswith("sudo -n ") for call in calls)

    def test_update_that_fails_is_no_reason_to_stop(self, machine):
        machine.user(0)
        machine.command("apt-get", 'case "$*" in *update*) exit 100 ;; esac\n' + arrives(machine))
        assert machine.run("tools/setup").returncode == 0

    def test_install_that_fails_says_what_to_do(self, machine):
        machine.user(0)
        machine.command("apt-get", "exit 100")
        done = machine.run("tools/setup")
        assert done.returncode == 1
        assert "apt-get could not install" in done.stderr
        assert "brew install ffmpeg" in done.stderr

    def test_homebrew(self, machine):
        machine.user(501)
        machine.command("brew", arrives(machine))
        done = machine.run("tools/setup")
        assert done.returncode == 0, done.stderr
        assert machine.logged()[0] == "brew install --quiet ffmpeg pkgconf"

    def test_no_package_manager(self, machine):
        machine.user(1000)
        machine.command("apt-get")  # useless without root and sudo
        done = machine.run("tools/setup")
        assert done.returncode == 1
        for word in (
            "a C compiler",
            "the ffmpeg command",
            "pkg-config",
            "Python 3.10",
            "dnf install",
            "conda install",
        ):
            assert word in done.stderr
        assert machine.logged() == []

    def test_ffmpeg_is_looked_for_as_the_build_does(self, machine):
        machine.install_system()
        assert machine.run("tools/setup").returncode == 0
        asked = (machine.state / "asked").read_text().splitlines()
        for line in (f"--exists {' '.join(LIBRARIES)}", f"--modversion {' '.join(LIBRARIES)}"):
            assert f"{machine.checkout}/native_requirements.py {line}" in asked

    def test_what_pkg_config_does_not_find_is_named(self, machine):
        machine.user(1000)
        machine.install_system()
        machine.command("pkg-config", "echo Package libavformat was not found >&2; exit 1", log=False)
        done = machine.run("tools/setup")
        assert done.returncode == 1
        assert "Package libavformat was not found" in done.stderr
        assert "dnf install" in done.stderr


class TestSetup:
    def work(self, machine):
        """Runs the set-up; returns the expensive steps that it took."""
        done = machine.run("tools/setup")
        assert done.returncode == 0, done.stderr
        kinds = {
            "-m venv": "venv",
            "torch==": "torch",
            "-r requirements": "requirements",
            "build_ext": "build",
            "-e .": "install",
        }
        return [kind for line in machine.logged() for words, kind in kinds.items() if words in line]

    def test_each_step_is_done_once_and_again_when_its_input_changes(self, machine):
        machine.install_system()
        assert self.work(machine) == ["venv", "torch", "requirements", "build", "install"]
        assert self.work(machine) == []
        (machine.checkout / "cycodec/core/video/reader.pyx").write_text("# changed")
        assert self.work(machine) == ["build"]
        (machine.checkout / "csrc/new.c").write_text("")
        assert self.work(machine) == ["build"]
        (machine.checkout / "pyproject.toml").write_text("# changed")
        assert self.work(machine) == ["install"]
        (machine.state / "built").unlink()
        assert self.work(machine) == ["build"]
        (machine.checkout / "requirements-dev.txt").write_text("pytest==9\n")
        assert self.work(machine) == ["requirements", "build"]  # Cython is in there
        shutil.rmtree(machine.checkout / ".venv")
        assert self.work(machine) == ["venv", "requirements", "build", "install"]

    def test_torch_is_spelled_exactly(self, machine):
        machine.install_system()
        machine.run("tools/setup")
        assert "python -m pip install --quiet torch==2.13.0" in machine.logged()

    def test_other_ffmpeg_builds_everything_anew(self, machine):
        machine.install_system()
        machine.run("tools/setup")
        machine.ffmpeg_version("7.1")
        machine.run("tools/setup")
        assert [line.endswith("--force") for line in machine.logged() if "build_ext" in line] == [True]

    def test_build_that_fails_is_tried_again(self, machine):
        machine.install_system()
        machine.run("tools/setup")
        python = machine.checkout / ".venv/bin/python"
        good = python.read_text()
        (machine.checkout / "setup.py").write_text("# changed")
        python.write_text(good.replace("*build_ext*) touch", "*build_ext*) exit 1; touch"))
        assert machine.run("tools/setup").returncode == 1
        python.write_text(good)
        assert self.work(machine) == ["build"]


class TestRunners:
    def prepare(self, machine, **bodies):
        for name, body in bodies.items():
            write_script(machine.checkout / "tools" / name, body)

    def test_test_passes_arguments_on_and_prints_nothing_behind_pytest(self, machine):
        self.prepare(machine, setup="echo prepared >&2")
        write_script(machine.checkout / ".venv/bin/python", 'echo "$PWD: $*"; exit 3')
        done = machine.run("tools/test", "tests/test_indexing.py", "-k", "a or b")
        assert done.stdout == f"{machine.checkout}: -m pytest tests/test_indexing.py -k a or b\n"
        assert done.returncode == 3

    @pytest.mark.parametrize("cpus", [1, 2, 16])
    def test_all_tests_run_in_two_processes_where_there_are_two_cpus(self, machine, cpus):
        self.prepare(machine, setup="")
        write_script(machine.checkout / ".venv/bin/python", 'echo "$*"')
        machine.command("getconf", f"echo {cpus}", log=False)
        assert machine.run("tools/test").stdout == ("-m pytest -n 2\n" if cpus > 1 else "-m pytest\n")

    def test_nothing_runs_after_a_failed_setup(self, machine):
        self.prepare(machine, setup="exit 1")
        write_script(machine.checkout / ".venv/bin/python", "echo ran")
        for tool in ("tools/test", "tools/demo", "tools/lint"):
            done = machine.run(tool)
            assert (done.returncode, done.stdout) == (1, ""), tool

    def test_demo_leaves_the_working_folder_alone(self, machine):
        self.prepare(machine, setup="")
        write_script(machine.checkout / ".venv/bin/python", 'echo "$PWD: $2"')
        assert machine.run("tools/demo", "clip.mp4").stdout == f"{machine.state}: clip.mp4\n"

    @pytest.mark.parametrize("lint", [0, 1])
    @pytest.mark.parametrize("test", [0, 5])
    def test_ci_runs_both_and_fails_if_one_fails(self, machine, lint, test):
        shutil.copytree(ROOT / ".ci", machine.checkout / ".ci")
        self.prepare(machine, lint=f"echo lint; exit {lint}", test=f"echo test; exit {test}")
        done = machine.run(".ci/run")
        assert done.stdout == "lint\ntest\n"
        assert done.returncode == int(bool(lint or test))

    def test_tools_can_be_started(self):
        for tool in ("setup", "demo", "test", "lint"):
            assert os.access(ROOT / "tools" / tool, os.X_OK), tool
        assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """tools/demo.py as a module that writes elsewhere."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "tools/demo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "demo")
    return module


class TestDemo:
    def test_without_argument_makes_its_clip(self, demo, capsys):
        assert demo.main([]) == 0
        printed = capsys.readouterr().out
        for words in ("video 0", "audio 1", "300 frames", "by index", "by slice", "by time", "frames/s"):
            assert words in printed
        with Image.open(demo.FOLDER / "clip-sheet.png") as sheet:
            assert sheet.width == 1600
        before = (demo.FOLDER / "clip.mp4").stat().st_mtime_ns
        assert demo.main([]) == 0
        assert (demo.FOLDER / "clip.mp4").stat().st_mtime_ns == before

    @pytest.mark.parametrize("name", ["h264_one_frame.mp4", "h264_plain.mp4"])
    def test_with_a_file(self, demo, make_media, capsys, name):
        assert demo.main([str(make_media(name))]) == 0
        assert (demo.FOLDER / f"{Path(name).stem}-sheet.png").exists()
        assert "bit for bit equal" in capsys.readouterr().out

    def test_errors_are_one_line(self, demo, tmp_path, capsys):
        assert demo.main([str(tmp_path / "none.mp4")]) == 1
        message = capsys.readouterr().err
        assert message.startswith("tools/demo: ")
        assert message.count("\n") == 1
        assert demo.main(["a", "b"]) == 2


class TestDocs:
    def test_pictures_need_a_browser(self, machine):
        done = machine.run("tools/docs", "--screenshots")
        assert done.returncode == 1
        assert "There is no Chromium" in done.stderr
        assert "CHROMIUM" in done.stderr
        assert machine.logged() == []  # nothing was set up before

    def test_unknown_argument(self, machine):
        done = machine.run("tools/docs", "--pictures")
        assert done.returncode == 1
        assert "usage: tools/docs" in done.stderr
