"""What the checks of ``cycodec verify`` share: their result, and the ffmpeg command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Command"]

Status = Literal["ok", "differs", "note", "skipped"]


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
    status : {"ok", "differs", "note", "skipped"}
        "note" is a difference that is no fault, as approximate mode's.
    detail : str
    """

    name: str
    status: Status
    detail: str


@dataclass(frozen=True)
class Command:
    """The ffmpeg command on PATH.

    Attributes
    ----------
    path : str
    version : str
        As the command prints it.
    """

    path: str
    version: str

    @classmethod
    def find(cls) -> Command | None:
        """Return the command; None if PATH has none."""
        path = shutil.which("ffmpeg")
        if path is None:
            return None
        done = subprocess.run([path, "-version"], capture_output=True, text=True)
        return cls(path, (done.stdout.split() + ["?"] * 3)[2])

    def run(self, source: str, stream: int, *output: str) -> subprocess.CompletedProcess[str]:
        """Decode a stream by one thread, with these options of the output."""
        source = source if "://" in source else f"file:{source}"
        command = [self.path, "-v", "error", "-nostdin", "-threads", "1", "-i", source]
        return subprocess.run([*command, "-map", f"0:{stream}", *output], capture_output=True, text=True)
