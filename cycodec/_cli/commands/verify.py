"""``cycodec verify``: whether every way to read a file gives the same frames."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from cycodec._cli.commands.common import examples, naming, stderr, with_stream, with_traceback
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.standard_input import renamed

__all__ = ["verify"]


@click.command(
    short_help="Check that every way to read a file gives the same frames.",
    epilog=examples(
        "cycodec verify clip.mp4                   paste the output into a bug report",
        "cycodec verify clip.mp4 --every           each frame by a decoder of its own (slow)",
        "cycodec verify clip.mp4 --json",
    ),
)
@click.argument("source", type=SourceFile(), metavar="FILE")
@click.option("--every", is_flag=True, help="Read every frame, not a sample, by a decoder of its own.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random order and the sample.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@with_stream
@with_traceback
def verify(source: str, every: bool, seed: int, as_json: bool, stream: int | None) -> int:
    """Check that every way to read FILE gives the same frames.

    The frames of one pass are compared with those read in random order, by fresh decoders, by
    several threads, with a saved index, in approximate mode, by the ffmpeg command and by the GPU;
    audio is read in windows. The exit status is 1 if a check differs.
    """
    from cycodec._cli import verification

    versions = verification.environment()
    with naming(source), stderr.status(f"reading {renamed(source)}") as status:
        verified = verification.Verification(source, stream, every, seed)
        if not as_json:
            click.echo(f"file\t{renamed(source)}, stream {verified.stream}, {verified.count} frames")
            for name, version in versions.items():
                click.echo(f"{name}\t{version}")
        results = []
        for check in verified.checks():
            status.update((check.__doc__ or "checking").splitlines()[0])
            result = check()
            results.append(result)
            if not as_json:
                click.echo(renamed(f"{result.status}\t{result.name}: {result.detail}"))
    if as_json:
        report = {
            "source": renamed(source),
            "stream_index": verified.stream,
            "num_frames": verified.count,
            "environment": versions,
            "checks": [asdict(result) for result in results],
        }
        click.echo(json.dumps(report, indent=2))
    differs = [result.name for result in results if result.status == "differs"]
    if differs and not as_json:
        click.echo(f"{len(differs)} of {len(results)} checks differ: {', '.join(differs)}")
    return int(bool(differs))
