"""The tools that build and try wheels for another processor than this machine's."""

import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from wheels import chroot, debian, emulator, oracle, target, trial  # noqa: E402

HERE = platform.machine()
OTHER = "aarch64" if HERE == "x86_64" else "x86_64"


class TestNames:
    def test_of_this_processor(self):
        assert target.names(f".cpython-311-{HERE}-linux-gnu.so", HERE) == {}

    def test_of_another_processor(self):
        assert target.names(f".cpython-313t-{HERE}-linux-gnu.so", OTHER) == {
            "_PYTHON_HOST_PLATFORM": f"linux-{OTHER}",
            "SETUPTOOLS_EXT_SUFFIX": f".cpython-313t-{OTHER}-linux-gnu.so",
        }

    def test_of_a_python_that_names_none(self):
        with pytest.raises(SystemExit, match=r"\.so of this Python's modules names no processor"):
            target.names(".so", OTHER)

    def test_setuptools_follows_them(self, tmp_path):
        (tmp_path / "setup.py").write_text(
            "from setuptools import Extension, setup\n"
            "from setuptools.command.build_ext import build_ext\n"
            "from setuptools.dist import Distribution\n"
            "import sysconfig\n"
            "command = build_ext(Distribution())\n"
            "print(command.get_ext_filename('module'), sysconfig.get_platform())\n"
        )
        known = target.facts(sys.executable)
        named = target.names(f".cpython-3-{HERE}-linux-gnu.so", OTHER)
        assert known["VERSION"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
        done = subprocess.run(
            [sys.executable, "setup.py"],
            cwd=tmp_path,
            env=named | {"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [f"module.cpython-3-{OTHER}-linux-gnu.so", f"linux-{OTHER}"]


class TestHeaders:
    def test_of_a_python_with_one_processor(self, tmp_path):
        (tmp_path / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
        assert target.header_flags({"include": str(tmp_path), "VERSION": "3.11"}, OTHER, tmp_path) == ""

    def test_of_a_python_with_several(self, tmp_path, monkeypatch):
        """Debian's headers name a folder for each processor; a package has that of another."""
        (tmp_path / "pyconfig.h").write_text(f"#include <{OTHER}-linux-gnu/python9.9/pyconfig.h>\n")
        asked = []

        class Packages:
            def __init__(self, folder, architecture):
                asked.append(architecture)

            def update(self):
                pass

            def unpack(self, package, suite, into):
                asked.append((package, suite))
                (into / f"usr/include/{OTHER}-linux-gnu/python9.9").mkdir(parents=True)
                (into / f"usr/include/{OTHER}-linux-gnu/python9.9/pyconfig.h").write_text("#define HAS 7\n")

        monkeypatch.setattr(target, "Apt", Packages)
        monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
        known = {"include": str(tmp_path), "VERSION": "9.9"}
        flags = target.header_flags(known, OTHER, tmp_path / "work")
        assert asked == [emulator.DEBIAN[OTHER], ("libpython9.9-dev", "trixie")]
        source = '#include "pyconfig.h"\nint found = HAS;\n'
        command = ["cc", "-E", f"-I{tmp_path}", *flags.split(), "-"]
        assert "int found = 7;" in subprocess.run(
            command, input=source, capture_output=True, text=True, check=True
        ).stdout.replace("\n", " ")

    def test_sizes_of_this_python(self):
        target.check_sizes("cc", target.facts(sys.executable), "")

    def test_sizes_of_another_processor_are_refused(self, tmp_path):
        assert sysconfig.get_config_var("SIZEOF_LONG") == 8
        real = sysconfig.get_path("include")
        (tmp_path / "Python.h").write_text(
            f'#include "{real}/Python.h"\n#undef SIZEOF_LONG\n#define SIZEOF_LONG 4\n'
        )
        with pytest.raises(SystemExit, match=r"are not for the processor(?s:.*)long"):
            target.check_sizes("cc", {"include": str(tmp_path)}, f"-I{real}")


class TestEmulator:
    @pytest.fixture
    def kernel(self, tmp_path, monkeypatch):
        """A folder in place of the kernel's, and one of rules."""
        monkeypatch.setattr(emulator, "KERNEL", tmp_path / "kernel")
        monkeypatch.setattr(emulator, "RULES", tmp_path / "rules")
        for name in ("kernel", "rules"):
            (tmp_path / name).mkdir()
        (tmp_path / "kernel/register").touch()
        return tmp_path

    def test_this_processor_needs_none(self, kernel):
        emulator.enable(HERE)
        assert (kernel / "kernel/register").read_text() == ""

    def test_a_missing_emulator_is_named(self, kernel):
        with pytest.raises(SystemExit, match="apt-get install qemu-user-static"):
            emulator.enable(OTHER)

    @pytest.mark.parametrize(("flags", "expected"), [("OP", "OPF"), ("OPF", "OPF"), ("", "F")])
    def test_the_emulator_is_found_in_other_root_folders(self, kernel, flags, expected):
        (kernel / f"rules/qemu-{OTHER}.conf").write_text(f":qemu:M::F:F:/usr/bin/qemu:{flags}\n")
        emulator.enable(OTHER)
        assert (kernel / "kernel/register").read_text() == f":qemu:M::F:F:/usr/bin/qemu:{expected}"

    def test_a_rule_that_is_there_stays(self, kernel):
        (kernel / f"kernel/qemu-{OTHER}").touch()
        emulator.enable(OTHER)
        assert (kernel / "kernel/register").read_text() == ""


APT = """#!/bin/sh
# apt-get of a mirror, and dpkg-deb
case "$(basename "$0") $*" in
apt-get*--print-uris*) printf "'http://mirror/a' a_1.deb 5 X\\n'http://mirror/b' b%%3a_2.deb 5 X\\n" ;;
apt-get*--download-only*)
    mkdir -p {folder}/cache/archives
    touch {folder}/cache/archives/a_1.deb {folder}/cache/archives/b%3a_2.deb ;;
dpkg-deb*) test -e "$2" && touch "$3/$(basename "$2").unpacked" ;;
esac
"""


def test_a_package_is_unpacked_with_what_it_needs(tmp_path, monkeypatch):
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (commands / name).write_text(APT.format(folder=tmp_path / "apt"))
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    debian.Apt(tmp_path / "apt", "arm64").unpack_all("thing", "sid", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a_1.deb.unpacked",
        "b%3a_2.deb.unpacked",
    ]


@pytest.mark.parametrize("architecture", ["", "arm64"])
def test_lists_are_those_of_the_processor(tmp_path, monkeypatch, architecture):
    monkeypatch.setattr(debian, "mirror", lambda: "http://mirror")
    monkeypatch.setattr(debian.Apt, "_run", lambda *arguments, **options: "")
    apt = debian.Apt(tmp_path, architecture)
    apt.update()
    assert ("APT::Architecture " in apt.configuration.read_text()) == bool(architecture)
    assert ('APT::Architectures { "arm64"; };' in apt.configuration.read_text()) == bool(architecture)


def test_the_oracle_runs_wherever_its_folder_is(tmp_path, monkeypatch):
    """The script must give the loader the folder's own libraries and command."""

    def unpack_all(self, package, suite, into):
        assert (package, suite, self.architecture) == ("ffmpeg", "sid", "arm64")
        libraries = into / "usr/lib/aarch64-linux-gnu"
        libraries.mkdir(parents=True)
        loader = libraries / "ld-linux-aarch64.so.1"
        loader.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        loader.chmod(0o755)

    monkeypatch.setattr(debian.Apt, "update", lambda self: None)
    monkeypatch.setattr(debian.Apt, "unpack_all", unpack_all)
    script = oracle.make(tmp_path / "first", tmp_path / "apt", "aarch64")
    script.parent.rename(tmp_path / "moved")
    done = subprocess.run(
        [tmp_path / "moved" / script.name, "-i", "a b"], capture_output=True, text=True, check=True
    )
    option, path, command, *arguments = done.stdout.splitlines()
    libraries = tmp_path / "moved/usr/lib/aarch64-linux-gnu"
    assert (option, path.split(":")[:2]) == ("--library-path", [str(libraries), f"{libraries}/pulseaudio"])
    assert command == str(tmp_path / "moved/usr/bin/ffmpeg")
    assert arguments == ["-i", "a b"]


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("cycodec-0.1.0-cp311-cp311-manylinux_2_28_aarch64.whl", "aarch64"),
        ("cycodec-0.1.0-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", "x86_64"),
        ("cycodec-0.1.0-cp311-cp311-linux_x86_64.whl", "x86_64"),
    ],
)
def test_the_name_of_a_wheel_tells_its_processor(name, machine):
    assert trial.machine_of(Path("dist", name)) == machine


@pytest.mark.parametrize("name", ["cycodec-0.1.0-cp311-cp311-macosx_13_0_arm64.whl", "cycodec-0.1.0.tar.gz"])
def test_other_files_are_not_tried(name):
    with pytest.raises(SystemExit, match="is no wheel for Linux"):
        trial.machine_of(Path(name))


@pytest.mark.parametrize(
    ("torch", "numpy"), [("2.1.0", "'numpy<2'"), ("2.2.2", "'numpy<2'"), ("2.13.0", "numpy")]
)
def test_an_old_torch_gets_an_old_numpy(torch, numpy):
    found = trial.Trial("/wheels/a.whl", OTHER, "bookworm", torch, {}).requirements()
    assert found == f"torch=={torch} {numpy}"


def test_systems_see_the_packages_on_the_disk(tmp_path, monkeypatch):
    for name in ("wheels", "index/simple", "index/files"):
        (tmp_path / name).mkdir(parents=True)
    settings = {
        "global.find-links": f"{tmp_path}/wheels {tmp_path}/absent",
        "global.extra-index-url": f"file://{tmp_path}/index/simple https://other.invalid/simple",
    }

    def pip(command, **options):
        return subprocess.CompletedProcess(command, 0, settings[command[-1]] + "\n", "")

    monkeypatch.setattr(chroot.subprocess, "run", pip)
    assert list(chroot.local_wheels().values()) == [tmp_path / "wheels", tmp_path / "index"]


def test_a_system_is_copied(tmp_path, monkeypatch):
    """A copy needs no debootstrap, keeps links and is made once."""
    first = chroot.Chroot(tmp_path / "first", "bookworm")
    (first.folder / "usr").mkdir(parents=True)
    (first.folder / "lib").symlink_to("usr")
    (first.folder / "made").touch()
    monkeypatch.setattr(chroot, "COPIED", ())
    second = chroot.Chroot(tmp_path / "second", "bookworm")
    second.make(like=first)
    assert (second.folder / "lib").is_symlink()
    (second.folder / "own").touch()
    second.make(like=first)
    assert (second.folder / "own").exists()
    assert not (tmp_path / "second.part").exists()
