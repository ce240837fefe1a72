"""Standard input as a source: the word ``-`` on the command line.

Commands open a source several times and read it in any order. A pipe cannot be read so; its bytes
are kept in a temporary file.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

__all__ = ["NAME", "as_path", "forget", "renamed"]

# Errors call the source so. The name of the file is what default names of results are made from.
NAME = "standard input"
FILE_NAME = "stdin"
PIECE = 1 << 20

_path: str | None = None


def as_path() -> str:
    """Return the path of a file that has the bytes of standard input.

    Raises
    ------
    ValueError
        Standard input is a terminal, or it is closed.
    LimitError
        A pipe gives more than the limit ``max_spool_bytes`` allows.
    """
    global _path
    if _path is None:
        if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
            raise ValueError(f"{NAME} is a terminal or closed (pipe or redirect a file into it)")
        folder = Path(tempfile.mkdtemp(prefix="cycodec-"))
        _path = str(folder / FILE_NAME)
        descriptor = sys.stdin.buffer.fileno()
        link = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and link.exists():
            Path(_path).symlink_to(link)
        else:
            _copy(Path(_path))
    return _path


def _copy(path: Path) -> None:
    """Copy standard input to a file."""
    from cycodec import LimitError, get_limits

    limit = get_limits().max_spool_bytes
    with path.open("wb") as file:
        while piece := sys.stdin.buffer.read(PIECE):
            if file.tell() + len(piece) > limit:
                raise LimitError(
                    f"{NAME}: it gives more than {limit} bytes, the limit max_spool_bytes (save it to a file "
                    "first, or set CYCODEC_MAX_SPOOL_BYTES)"
                )
            file.write(piece)


def forget() -> None:
    """Remove the temporary file, if there is one."""
    global _path
    if _path is not None:
        shutil.rmtree(Path(_path).parent, ignore_errors=True)
        _path = None


def renamed(text: str) -> str:
    """Return a message that calls the temporary file standard input."""
    return text if _path is None else text.replace(_path, NAME)
