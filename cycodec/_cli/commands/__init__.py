"""The commands of ``cycodec``, one file each.

To add a command, write ``commands/NAME.py`` with a click command, and name it in COMMANDS. What
commands share is in common.py. A command imports compiled modules inside its functions, because
`doctor` must run where they do not load.
"""

from __future__ import annotations

import click

from cycodec._cli.commands import doctor, frames, index, info, sheet
from cycodec._cli.commands.common import examples

__all__ = ["cycodec"]

COMMANDS = (info.info, frames.frames, sheet.sheet, index.index, doctor.doctor)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "cycodec info clip.mp4",
        "cycodec frames clip.mp4 --at 1.5 2.0 -o frames",
        "cycodec sheet clip.mp4 -o sheet.png",
        "cycodec index clip.mp4 -o clip.idx",
        "cycodec doctor",
    ),
)
@click.version_option(package_name="cycodec", message="%(prog)s %(version)s")
def cycodec() -> None:
    """Inspect video and audio files, and extract exact frames."""


for command in COMMANDS:
    cycodec.add_command(command)
