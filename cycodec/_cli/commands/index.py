"""``cycodec index``: a frame index, saved for later use."""

from __future__ import annotations

from pathlib import Path

import click

from cycodec._cli.commands.common import (
    examples,
    opened,
    print_columns,
    refuse_to_overwrite,
    stderr,
    with_stream,
    with_traceback,
)
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.text import plural, stem

__all__ = ["index"]


@click.command(
    short_help="Save a frame index for later use.",
    epilog=examples(
        "cycodec index clip.ts -o clip.idx",
        "cycodec index --confirm damaged.mp4",
        "python -c \"from cycodec.decoders import VideoDecoder; VideoDecoder('clip.ts', index='clip.idx')\"",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="INDEX",
    help="File to write; default: FILE's name + .idx.",
)
@click.option(
    "--confirm", is_flag=True, help="Decode FILE once, so that the index is certain even if FILE is damaged."
)
@with_stream
@with_traceback
def index(source: str, output: Path | None, confirm: bool, stream: int | None) -> None:
    """Make the frame index of FILE and save it.

    Opening FILE with the index needs no pass over the file.
    """
    output = output or Path(f"{stem(source)}.idx")
    refuse_to_overwrite(output, [source])
    with opened(source, stream) as decoder:
        if confirm:
            with stderr.status("decoding"):
                decoder.confirm()
        made = decoder.index
        assert made is not None  # an exact decoder has one
        output.parent.mkdir(parents=True, exist_ok=True)
        made.save(output)
        summary = f"{plural(len(made), 'frame')}, {plural(len(made.key_frames), 'key frame')}"
    print_columns(str(output), f"{summary}, {output.stat().st_size} bytes")
