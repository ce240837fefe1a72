"""What the commands share: options, help texts, errors, progress, and opening a decoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cycodec._cli.text import unwrapped

if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = [
    "chunks",
    "console",
    "examples",
    "naming",
    "one_line",
    "opened",
    "print_columns",
    "progress",
    "refuse_to_overwrite",
    "stderr",
    "with_stream",
    "with_traceback",
]

# Frames that one call decodes. A small number bounds the memory and lets the progress bar move.
FRAMES_PER_CALL = 8

console = Console()
stderr = Console(stderr=True)


def print_columns(*columns: str) -> None:
    """Print the columns of one line: with two spaces between them on a terminal, else with tabs."""
    click.echo(("  " if console.is_terminal else "\t").join(columns))


# -- options and help ------------------------------------------------------------------------------


def with_traceback(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that every command has."""
    return click.option(
        "--traceback",
        is_flag=True,
        expose_value=False,
        # `app.main` reads the option from the arguments: it must work for errors in the arguments,
        # too.
        callback=lambda ctx, param, value: ctx.meta.update(traceback=value),
        help="Show the Python traceback of an error (for bug reports).",
    )(command)


def with_stream(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that chooses a stream."""
    return click.option(
        "--stream",
        type=click.IntRange(min=0),
        metavar="N",
        help="Stream of the file; default: FFmpeg's best video stream.",
    )(command)


def examples(*lines: str) -> str:
    """Return the end of a command's help, in lines that click does not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


# -- errors ----------------------------------------------------------------------------------------


def one_line(error: BaseException) -> str:
    """Return an error as one line. An unexpected one is shown with its type."""
    text = unwrapped(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if type(error) is OSError and error.strerror:  # such as a full disk, which has no name
        return f"cannot write the output: {error.strerror}"
    if isinstance(error, ImportError):
        return text if "pip install" in text else f"{text} (`cycodec doctor` says more)"
    expected = (OSError, ValueError, LookupError, NotImplementedError, MemoryError)
    if isinstance(error, expected) or type(error).__module__.startswith("cycodec"):
        return text
    return f"{type(error).__name__}: {text} (unexpected; --traceback shows where)"


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Name the file in errors from within the block."""
    try:
        yield
    except (LookupError, ValueError, TypeError) as error:
        if source in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error


def refuse_to_overwrite(output: str | os.PathLike[str], sources: Iterable[str | os.PathLike[str]]) -> None:
    """Refuse an output that is one of the files that the command reads.

    Raises
    ------
    click.UsageError
        Writing `output` would destroy a source.
    """
    for source in sources:
        try:
            is_same = os.path.samefile(source, output)
        except (OSError, ValueError):  # one of them does not exist, or it is a URL
            continue
        if is_same:
            raise click.UsageError(f"{output} is also the input; choose another file for -o")


# -- work ------------------------------------------------------------------------------------------


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal. The block gets the function that advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def opened(source: str, stream: int | None) -> Iterator[VideoDecoder]:
    """Yield an exact decoder of NHWC frames. The terminal shows a note while its index is made."""
    from cycodec.decoders import VideoDecoder

    with naming(source):
        with stderr.status(f"reading {source}"):
            decoder = VideoDecoder(source, stream_index=stream, dimension_order="NHWC")
        with decoder:
            yield decoder


def chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Frame numbers in parts, each for one call of a decoder."""
    return (numbers[i : i + FRAMES_PER_CALL] for i in range(0, len(numbers), FRAMES_PER_CALL))
