"""The entry point of the ``cycodec`` command: missing packages, and errors in one line.

The commands are in the package ``commands``. It cannot be imported without the extra
``cycodec[cli]``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

# Module -> package that provides it.
EXTRAS = {"click": "click", "rich": "rich", "PIL": "pillow"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``cycodec``; by default those of ``sys.argv``.

    Returns
    -------
    int
        The exit status: 0 for success, 1 for an error, 2 for wrong usage, 130 after an interrupt.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from cycodec._cli.commands import common, cycodec
    except ModuleNotFoundError as error:
        missing = EXTRAS.get((error.name or "").partition(".")[0])
        if missing is None:
            raise
        return complain(
            f"the command line needs {missing}, which is not installed: pip install 'cycodec[cli]'"
        )
    if sys.stdout is None:  # as in `cycodec info clip.mp4 >&-`
        return complain("standard output is closed")
    import click

    from cycodec._cli import standard_input

    try:
        status = cycodec.main(arguments, prog_name="cycodec", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return complain("interrupted", 130)
    except BrokenPipeError:  # the reader of the output has ended, as in `cycodec info *.mp4 | head`
        drop_output()
        return 1
    except Exception as error:
        if "--traceback" in arguments:
            raise
        try:
            sys.stdout.flush()
        except OSError:  # Python 3.14 would try again at its end, and report that
            drop_output()
        return complain(standard_input.renamed(common.one_line(error)))
    finally:
        standard_input.forget()
    return status if isinstance(status, int) else 0


def drop_output() -> None:
    """Send what could not be written, and all further output, nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str, status: int = 1) -> int:
    """Print an error, and return the exit status."""
    print(f"cycodec: {message}", file=sys.stderr)
    return status
