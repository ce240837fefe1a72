"""The commands of ``cycodec``, one file each.

To add a command, write ``commands/NAME.py`` with a click command, and name it in COMMANDS. What
commands share is in common.py. A command imports compiled modules inside its functions, because
`doctor` must run where they do not load.
"""

from __future__ import annotations

from typing import Any

import click

from cycodec._cli.commands import (
    concat,
    cut,
    doctor,
    encode,
    explain,
    frames,
    index,
    info,
    sheet,
    transcode,
    verify,
)
from cycodec._cli.commands.common import examples

__all__ = ["cycodec"]

COMMANDS = (
    info.info,
    frames.frames,
    sheet.sheet,
    index.index,
    encode.encode,
    transcode.transcode,
    cut.cut,
    concat.concat,
    explain.explain,
    verify.verify,
    doctor.doctor,
)


class Commands(click.Group):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:  # of a source that ends; click takes it for Ctrl-D
            raise ValueError(str(error)) from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "cycodec info clip.mp4",
        "cycodec frames clip.mp4 --at 1.5 --at 2 -o frames",
        "cycodec sheet clip.mp4 -o sheet.png",
        "cycodec index clip.mp4 -o clip.idx",
        "cycodec encode frames -o clip.mp4",
        "cycodec cut clip.mp4 --start 10 --stop 20 -o part.mp4",
        "cycodec explain clip.mp4",
        "cycodec verify clip.mp4",
        "cycodec doctor",
        "",
        'eval "$(_CYCODEC_COMPLETE=bash_source cycodec)"    completion in bash; also zsh_source, fish_source',
    ),
)
@click.version_option(None, "-V", "--version", package_name="cycodec", message="%(prog)s %(version)s")
def cycodec() -> None:
    """Inspect, decode, encode, cut and join video and audio files."""


for command in COMMANDS:
    cycodec.add_command(command)
