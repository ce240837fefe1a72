"""``cycodec explain``: how a file is read, and what requests cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from cycodec._cli.commands.common import (
    console,
    examples,
    naming,
    stderr,
    with_stream,
    with_traceback,
)
from cycodec._cli.parameter_types import Keys, SourceFile
from cycodec._cli.standard_input import renamed

if TYPE_CHECKING:
    from cycodec._cli.explanation import Explanation

__all__ = ["explain"]


@click.command(
    short_help="Show how a file is indexed, and what requests cost.",
    epilog=examples(
        "cycodec explain clip.mp4",
        "cycodec explain clip.ts --index 100 --index 0:300:10     what these requests cost",
        "cycodec explain clip.mp4 --json",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@click.option(
    "--index",
    "keys",
    type=Keys(),
    multiple=True,
    metavar="INDEX",
    help="Request to measure: frames by number or slice, or several with commas; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@with_stream
@with_traceback
def explain(source: str, keys: Sequence[list[int | slice]], as_json: bool, stream: int | None) -> None:
    """Show how the index of FILE comes about, what requests cost, and which device decodes.

    Each request is planned from the index, and then read by a fresh decoder with one thread.
    "At most" is the number of frames from the key frames on to the wanted ones; a decoder leaves
    out those to which no other frame refers.
    """
    from cycodec._cli import explanation

    with naming(source), stderr.status(f"reading {renamed(source)}"):
        chosen = [(_words(key), _selection(key)) for key in keys]
        explained = explanation.explain(source, stream, chosen)
    if as_json:
        click.echo(renamed(json.dumps(explained.as_dict(), indent=2)))
    else:
        _show(explained)


def _words(key: list[int | slice]) -> str:
    """Return a key as it was written."""
    return ",".join(
        str(item)
        if isinstance(item, int)
        else ":".join("" if n is None else str(n) for n in (item.start, item.stop, item.step)).rstrip(":")
        + ":" * (item.stop is None and item.step is None)
        for item in key
    )


def _selection(key: list[int | slice]) -> int | slice | list[int]:
    """Return a key of the command line as a key of a decoder."""
    if len(key) == 1:
        return key[0]
    if any(isinstance(item, slice) for item in key):
        raise click.UsageError("a list of --index has numbers only; give a slice in an --index of its own")
    return [item for item in key if isinstance(item, int)]


def _show(explained: Explanation) -> None:
    """Print an explanation."""
    from cycodec._cli.explanation import COST_HEADS, cost_fields

    click.echo(renamed(explained.source))
    click.echo(f"Opening takes {1000 * explained.open_seconds:.1f} ms.")
    for title, sentences in (("Index", explained.index), ("Device", explained.device)):
        click.echo(f"\n{title}")
        for sentence in sentences:
            click.echo(f"  {renamed(sentence)}")
    click.echo("\nRequests, each by a fresh decoder with one thread")
    if not console.is_terminal:
        for fields in [COST_HEADS, *map(cost_fields, explained.costs)]:
            click.echo("\t".join(fields))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(COST_HEADS):
        table.add_column(head, justify="right" if number else "left")
    for cost in explained.costs:
        table.add_row(*cost_fields(cost))
    console.print(table)
