"""The ffmpeg command of a Debian release, for any processor, as a folder of unpacked packages.

No package is installed: the command runs by the loader and the libraries of its own folder, in any
system. Tests compare a wheel with the command of the same version.
"""

from __future__ import annotations

import os
from pathlib import Path

from wheels import emulator
from wheels.debian import Apt

# The newest release has the FFmpeg of the wheel.
SUITE = "sid"
# Folders of libraries that Debian's scripts would make known to the loader.
FOLDERS = ("", "/pulseaudio", "/blas", "/lapack")

_SCRIPT = """#!/bin/sh
# ffmpeg of Debian's {suite}, written by tools/wheels/oracle.py
here=$(dirname "$0")
libraries=$here/usr/lib/{machine}-linux-gnu
exec "$libraries/{loader}" --library-path "{path}" "$here/usr/bin/ffmpeg" "$@"
"""
_LOADERS = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}


def make(folder: Path, apt_folder: Path, machine: str) -> Path:
    """Unpack the ffmpeg command unless it is here.

    Parameters
    ----------
    folder : Path
        Where its files are put.
    apt_folder : Path
        Where the lists and archives of packages are kept.
    machine : str
        The processor that it is for.

    Returns
    -------
    Path
        A script in the folder that runs the command. It works wherever the folder is mounted.
    """
    script = folder / "ffmpeg"
    if not script.exists():
        apt = Apt(apt_folder, emulator.DEBIAN[machine])
        apt.update()
        apt.unpack_all("ffmpeg", SUITE, folder)
        path = ":".join(f"$libraries{name}" for name in FOLDERS)
        script.write_text(_SCRIPT.format(suite=SUITE, machine=machine, loader=_LOADERS[machine], path=path))
        os.chmod(script, 0o755)
    return script
