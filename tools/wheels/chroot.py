"""Debian and Ubuntu systems in folders, to build or try cycodec elsewhere. Needs root."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheels import emulator
from wheels.debian import KEYRING, Apt, mirror

ROOT = Path(__file__).resolve().parents[2]
# Releases of Ubuntu: 22.04, 24.04 and 26.04. All others are Debian's.
UBUNTU = ("jammy", "noble", "resolute")
UBUNTU_MIRROR = "http://archive.ubuntu.com/ubuntu"
UBUNTU_KEYRING = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
# Libraries that an FFmpeg needs of its own release: libavfilter of jammy does not accept Debian's.
FILTERS = ("libavfilter*", "libavdevice*", "libpostproc*", "libpocketsphinx3", "libsphinxbase3*")
# Where programs of a system are.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a program in the folder may see of this system.
BOUND = ("/proc", "/dev", "/sys")
# A mirror that is a copy of some day may be older than the lists of sid say that they are valid.
LATE = "-o Acquire::Check-Valid-Until=false"
# What pip and apt need to reach their indexes as this system does.
COPIED = (
    "/etc/resolv.conf",
    "/etc/pip.conf",
    "/etc/xdg/pip",
    "/root/.config/pip",
    "/etc/ssl/certs/ca-certificates.crt",
)


def local_wheels() -> dict[str, Path]:
    """Return the folders that this system's pip looks into, by the names to mount them.

    These are folders of wheels and indexes of packages on this machine's disk.
    """
    found = []
    for setting in ("find-links", "extra-index-url"):
        command = [sys.executable, "-m", "pip", "config", "get", f"global.{setting}"]
        found += subprocess.run(command, capture_output=True, text=True).stdout.split()
    folders = [Path(name.removeprefix("file://")) for name in found]
    # an index names the files beside it
    folders = [folder.parent if folder.name == "simple" else folder for folder in folders]
    return {str(folder).lstrip("/"): folder for folder in folders if folder.is_dir()}


def archive_of(release: str) -> tuple[str, Path]:
    """Return the mirror of a release, and the file with the keys that sign it.

    Debian's trixie has Ubuntu's keys in a package, which Debian's own keys sign.
    """
    if release not in UBUNTU:
        return mirror(), Path(KEYRING)
    folder = ROOT / "build/matrix/keyring"
    if not (folder / UBUNTU_KEYRING).exists():
        apt = Apt(ROOT / "build/wheel/apt")
        apt.update()
        apt.unpack("ubuntu-keyring", "trixie", folder)
    return UBUNTU_MIRROR, folder / UBUNTU_KEYRING


class Chroot:
    """A Debian or Ubuntu system in a folder.

    Parameters
    ----------
    folder : Path
        Where the system is, or will be made.
    suite : str
        The release, such as "trixie" or "noble".
    machine : str
        The processor that its programs are for. An emulator runs those of another processor than
        this machine's, and only Debian is made for these.
    """

    def __init__(self, folder: Path, suite: str, machine: str = "") -> None:
        self.folder = folder
        self.suite = suite
        self.machine = machine or platform.machine()
        self.mounts: list[Path] = []

    def make(self, packages: tuple[str, ...] = (), release: str = "", like: Chroot | None = None) -> None:
        """Make the system unless it is here, and install packages into it.

        Parameters
        ----------
        packages : tuple of str
            The packages.
        release : str
            Another release to take these packages from, with the libraries that the system lacks.
        like : Chroot or None
            A system to copy, if it is here. An emulator takes long to make a system.
        """
        done = self.folder / "made"
        emulator.enable(self.machine)
        if not done.exists() and like is not None and (like.folder / "made").exists():
            partial = self.folder.with_name(f"{self.folder.name}.part")
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run(["cp", "-a", "--one-file-system", like.folder, partial], check=True)
            partial.rename(self.folder)
        elif not done.exists():
            uri, keys = archive_of(self.suite)
            options = ["--variant=minbase", f"--keyring={keys}"]
            options += [f"--arch={emulator.DEBIAN[self.machine]}"]
            # debootstrap makes every later Ubuntu as it makes this one
            script = ["/usr/share/debootstrap/scripts/gutsy"] if self.suite in UBUNTU else []
            options += ["--components=main,universe"] if self.suite in UBUNTU else []
            command = ["debootstrap", *options, self.suite, str(self.folder), uri, *script]
            subprocess.run(["nice", "-n", "5", *command], check=True, stdout=subprocess.DEVNULL)
            done.touch()
        self._copy()
        if release not in ("", self.suite):
            self._add_release(release, packages)
        wanted = [name for name in packages if not self._installed(name)]
        if wanted:
            with self.entered():
                self.run(
                    f"apt-get update -qq {LATE};"
                    f"apt-get install -y -qq --no-install-recommends {LATE} {' '.join(wanted)} >/dev/null",
                    DEBIAN_FRONTEND="noninteractive",
                )
            # ca-certificates has replaced the bundle
            self._copy()

    def _add_release(self, release: str, packages: tuple[str, ...]) -> None:
        """Let apt prefer another release for some packages and the libraries of the same source."""
        uri, keys = archive_of(release)
        etc = self.folder / "etc/apt"
        shutil.copy(keys, etc / "trusted.gpg.d" / f"{release}.gpg")
        components = "main universe" if release in UBUNTU else "main"
        (etc / "sources.list.d" / f"{release}.list").write_text(f"deb {uri} {release} {components}\n")
        names = {re.sub(r"-dev$", "*", name) for name in packages}
        names |= set(FILTERS) if "ffmpeg" in packages else set()
        (etc / "preferences.d" / release).write_text(
            f"Package: *\nPin: release n={release}\nPin-Priority: 100\n\n"
            f"Package: {' '.join(sorted(names))}\nPin: release n={release}\nPin-Priority: 1001\n"
        )

    def _installed(self, package: str) -> bool:
        return (self.folder / f"var/lib/dpkg/info/{package}.list").exists() or any(
            self.folder.glob(f"var/lib/dpkg/info/{package}:*.list")
        )

    def _copy(self) -> None:
        for name in COPIED:
            source, target = Path(name), self.folder / name.lstrip("/")
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    @contextmanager
    def entered(self, **shared: Path) -> Iterator[None]:
        """Mount what the system needs while the block runs.

        Parameters
        ----------
        shared : Path
            Folders of this machine; each is mounted under its name, such as /wheels.
        """
        pairs = [(Path(name), self.folder / name.lstrip("/")) for name in BOUND]
        pairs += [(path, self.folder / name) for name, path in shared.items()]
        try:
            for source, target in pairs:
                target.mkdir(parents=True, exist_ok=True)
                subprocess.run(["mount", "--bind", source, target], check=True)
                self.mounts.append(target)
            yield
        finally:
            while self.mounts:
                subprocess.run(["umount", "-l", self.mounts.pop()], check=False)

    def run(self, script: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the system.

        Parameters
        ----------
        script : str
            The script.
        check : bool
            False returns the result of a script that fails, which otherwise ends the program.
        environment : str
            Variables for the script. It gets no others of this process.
        """
        done = subprocess.run(
            self._command(script),
            env=_environment() | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            printed = (done.stdout + done.stderr)[-3000:]
            raise SystemExit(f"{self.suite}: status {done.returncode} of {script[:200]}\n{printed}")
        return done

    def watch(self, script: str, log: Path, seconds: float, **environment: str) -> int | None:
        """Run a shell script in the system, and write what it prints into a file.

        Parameters
        ----------
        script : str
            The script.
        log : Path
            The file. It can be read while the script runs.
        seconds : float
            The time limit. A script that runs longer is killed with all its processes.
        environment : str
            Variables for the script. It gets no others of this process.

        Returns
        -------
        int or None
            The exit status, or None if the script was killed at the time limit.
        """
        with log.open("w") as out:
            process = subprocess.Popen(
                self._command(script),
                env=_environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def _command(self, script: str) -> list[str]:
        return ["nice", "-n", "5", "chroot", str(self.folder), "bash", "-ec", script]


def _environment() -> dict[str, str]:
    """Return what a program in a system gets of this process's environment, and its own."""
    base = {
        "PATH": PATH,
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
    return base | {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
