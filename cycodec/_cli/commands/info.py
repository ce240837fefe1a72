"""``cycodec info``: container, streams and frames of files, and facts of images."""

from __future__ import annotations

import json
from typing import Any

import click
from rich import box
from rich.table import Table
from rich.text import Text

from cycodec._cli.commands.common import console, examples, naming, one_line, progress, with_traceback
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.standard_input import renamed
from cycodec._cli.text import name_of

__all__ = ["info", "info_table"]


@click.command(
    short_help="Show container, streams and frames of files, and facts of images.",
    epilog=examples(
        "cycodec info clip.mp4",
        "cycodec info *.mp4                       continue after a bad file, exit with status 1",
        "cycodec info clip.idx                    a saved frame index",
        "cycodec info photo.jpg                   format, size and orientation of an image",
        "cycodec info --header big.ts             do not read the whole file",
        "cycodec info --json *.mp4 | jq '.[].container.duration_seconds'",
    ),
)
@click.argument("files", nargs=-1, required=True, type=SourceFile(), metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object per file.")
@click.option("--header", is_flag=True, help="Read the header only: no frames, key frames and samples.")
@with_traceback
def info(files: tuple[str, ...], as_json: bool, header: bool) -> int:
    """Show container, streams, frames, samples, tags and chapters of files."""
    descriptions: list[dict[str, Any]] = []
    failed = False
    with progress("reading", len(files)) as advance:
        for source in files:
            description = _describe(source, header)
            if as_json:
                descriptions.append(description)
            elif description.keys() & {"container", "index", "image"}:
                _show(description)
            if "error" in description:
                failed = True
                click.echo(renamed(f"cycodec: {description['error']}"), err=True)
            advance(1)
    if as_json:
        click.echo(renamed(json.dumps(descriptions, indent=2)))
    return int(failed)


def _describe(source: str, header: bool) -> dict[str, Any]:
    """Return the description of a file, or of the error that prevents it."""
    from cycodec._cli.describe import describe
    from cycodec._cli.image_files import describe_image, is_image

    try:
        with naming(source):
            return describe_image(source) if is_image(source) else describe(source, header_only=header)
    except Exception as error:
        if click.get_current_context().meta["traceback"]:
            raise
        return {"source": source, "error": one_line(error)}


def _rows(description: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a description as rows of a label and a text."""
    from cycodec._cli.describe import rows
    from cycodec._cli.image_files import image_rows

    return image_rows(description) if "image" in description else rows(description)


def _show(description: dict[str, Any]) -> None:
    """Print a description: as a table on a terminal, elsewhere as lines that programs can split."""
    if console.is_terminal:
        console.print(info_table(description))
        return
    name = renamed(description["source"])
    for label, text in _rows(description):
        for line in text.split("\n"):
            click.echo(f"{name}\t{label}\t{line}")


def info_table(description: dict[str, Any]) -> Table:
    """Return a description by `describe` or `describe_image` as a table of two columns."""
    title = Text(name_of(description["source"]), style="bold", overflow="fold")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for label, text in _rows(description):
        table.add_row(label, Text(text))
    return table
