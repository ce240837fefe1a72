"""One interpreter per library, because each peer needs a process with its own FFmpeg."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmark.paths import ROOT, VENVS

# Each tuple is one `pip install` command; versions are fixed so that others can repeat the figures.
REQUIREMENTS: dict[str, list[tuple[str, ...]]] = {
    "torchcodec": [("torch==2.13.0", "numpy"), ("--no-deps", "torchcodec==0.13.0")],
    "av": [("av==18.1.0", "numpy")],
    # decord's bridge to torch passes memory on without the copy that asnumpy() makes.
    "decord": [("torch==2.13.0", "numpy", "decord2==3.4.0")],
    "opencv": [("opencv-python-headless==5.0.0.93", "numpy")],
    "spdl": [("spdl-io==0.8.0", "spdl-core==0.8.0", "numpy")],
    "floor": [("numpy",)],
    # for images
    "images": [
        (
            "pillow==13.0.0",
            "opencv-python-headless==5.0.0.93",
            "simplejpeg==1.9.0",
            "spdl-io==0.8.0",
            "spdl-core==0.8.0",
            "numpy",
        )
    ],
    "torchvision": [("torch==2.13.0", "numpy"), ("--no-deps", "torchvision==0.28.0")],
    # for audio, and for the DataLoader
    "soundfile": [("torch==2.13.0", "numpy", "soundfile==0.14.0")],
    "av+torch": [("torch==2.13.0", "numpy", "av==18.1.0")],
    "spdl+torch": [("torch==2.13.0", "numpy", "spdl-io==0.8.0", "spdl-core==0.8.0")],
}


class InstallError(RuntimeError):
    """A peer could not be installed. The benchmark continues without it and says so."""


def interpreter(library: str) -> Path:
    """Returns a Python that can import `library`; the first use sets it up.

    Parameters
    ----------
    library : str
        ``"cycodec"`` (the checkout's own ``.venv``) or a key of `REQUIREMENTS`.

    Returns
    -------
    Path
        Path of a Python executable.

    Raises
    ------
    InstallError
        When pip fails; the message holds the last lines of its output.
    """
    if library == "cycodec":
        return ROOT / ".venv" / "bin" / "python"
    venv = VENVS / library
    python = venv / "bin" / "python"
    wanted = hashlib.sha256(repr((sys.version_info[:2], REQUIREMENTS[library])).encode()).hexdigest()
    stamp = venv / "stamp"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(venv, ignore_errors=True)
    _command(library, sys.executable, "-m", "venv", str(venv))
    for arguments in REQUIREMENTS[library]:
        _command(library, str(python), "-m", "pip", "install", "--quiet", *arguments)
    stamp.write_text(wanted)
    return python


def _command(library: str, *command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise InstallError(f"{library}: `python {' '.join(command[1:])}` failed:\n{tail}")
