"""The ``cycodec`` command. This file finds the libraries it needs and ends every error in one line.

The commands themselves are in commands.py, which cannot be imported without the extra ``cycodec[cli]``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

EXTRAS = {"click": "click", "rich": "rich", "PIL": "pillow"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``cycodec``; None takes it from ``sys.argv``.

    Returns
    -------
    int
        The exit status: 0, 1 for an error, 2 for wrong usage, 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from cycodec._cli import commands
    except ModuleNotFoundError as error:
        missing = EXTRAS.get((error.name or "").partition(".")[0])
        if missing is None:
            raise
        return complain(
            f"the command line needs {missing}, which is not installed: pip install 'cycodec[cli]'"
        )
    import click

    try:
        status = commands.cycodec.main(arguments, prog_name="cycodec", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return complain("interrupted", 130)
    except BrokenPipeError:  # the reader of our output has gone (cycodec info *.mp4 | head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if "--traceback" in arguments:
            raise
        return complain(commands.one_line(error))
    return status if isinstance(status, int) else 0


def complain(message: str, status: int = 1) -> int:
    print(f"cycodec: {message}", file=sys.stderr)
    return status
