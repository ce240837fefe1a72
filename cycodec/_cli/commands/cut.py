"""``cycodec cut``: a part of a file, without decoding it."""

from __future__ import annotations

import click

from cycodec._cli.commands.common import examples, print_columns, refuse_to_overwrite, with_traceback
from cycodec._cli.commands.encoding import output_option
from cycodec._cli.parameter_types import Instant, SourceFile
from cycodec._cli.standard_input import renamed

__all__ = ["cut"]


@click.command(
    short_help="Cut a part out without encoding it again.",
    epilog=examples(
        "cycodec cut clip.mp4 --start 10 --stop 20.5 -o part.mp4",
        "cycodec cut clip.mp4 --start 1:30 -o end.mkv            up to the end",
        "cycodec cut clip.mp4 --start 10 --stop 20.5 --exact -o part.mp4",
        "cycodec cut clip.mp4 -o clip.mkv                        the whole file in another container",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@output_option
@click.option(
    "--start", type=Instant(), metavar="SECONDS", help="Begin; the key frame at or before it is taken."
)
@click.option("--stop", type=Instant(), metavar="SECONDS", help="End.")
@click.option("--exact", is_flag=True, help="Cut at any frame; the frames around the cuts are encoded again.")
@click.option("--faststart", is_flag=True, help="Move the index of an MP4 file to its beginning.")
@with_traceback
def cut(
    source: str, output: str, start: float | None, stop: float | None, exact: bool, faststart: bool
) -> None:
    """Copy a part of FILE, from a key frame on, without decoding it."""
    import cycodec

    if start is not None and stop is not None and stop <= start:
        raise click.UsageError(f"--stop ({stop:g} s) must be after --start ({start:g} s)")
    refuse_to_overwrite(output, [source])
    begin = cycodec.remux(source, output, start, stop, exact=exact, faststart=faststart)
    print_columns(output, f"begins at {begin:.6f} s of {renamed(source)}")
