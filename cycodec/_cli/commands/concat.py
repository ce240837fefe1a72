"""``cycodec concat``: files one after the other, without decoding them."""

from __future__ import annotations

import click

from cycodec._cli.commands.common import examples, print_columns, refuse_to_overwrite, with_traceback
from cycodec._cli.commands.encoding import output_option
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.standard_input import renamed

__all__ = ["concat"]


@click.command(
    short_help="Join files without encoding them again.",
    epilog=examples("cycodec concat part-000.mp4 part-001.mp4 -o whole.mp4"),
)
@click.argument("sources", type=SourceFile(), nargs=-1, required=True, metavar="FILE...")
@output_option
@click.option("--faststart", is_flag=True, help="Move the index of an MP4 file to its beginning.")
@with_traceback
def concat(sources: tuple[str, ...], output: str, faststart: bool) -> None:
    """Join FILEs that were encoded with the same settings."""
    import cycodec

    refuse_to_overwrite(output, sources)
    begins = cycodec.concat(sources, output, faststart=faststart)
    for source, begin in zip(sources, begins, strict=True):
        print_columns(f"{begin:.6f} s", renamed(source))
