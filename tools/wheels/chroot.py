"""Debian systems in folders, to build or try a wheel as on another machine. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheels.debian import mirror

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
    """Return the folders that this system's pip looks into, by the names to mount them."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    found = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return {name.lstrip("/"): Path(name) for name in found if Path(name).is_dir()}


class Chroot:
    """A Debian system in a folder.

    Parameters
    ----------
    folder : Path
        Where the system is, or will be made.
    suite : str
        Debian's suite, such as "trixie".
    """

    def __init__(self, folder: Path, suite: str) -> None:
        self.folder = folder
        self.suite = suite
        self.mounts: list[Path] = []

    def make(self, packages: tuple[str, ...] = ()) -> None:
        """Make the system unless it is here, and install packages into it."""
        done = self.folder / "made"
        if not done.exists():
            command = ["debootstrap", "--variant=minbase", self.suite, str(self.folder), mirror()]
            subprocess.run(["nice", "-n", "5", *command], check=True, stdout=subprocess.DEVNULL)
            done.touch()
        self._copy()
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
        base = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
        }
        base |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        done = subprocess.run(
            ["nice", "-n", "5", "chroot", self.folder, "bash", "-ec", script],
            env=base | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise SystemExit(f"{self.suite}: {script[:200]}\n{(done.stdout + done.stderr)[-3000:]}")
        return done
