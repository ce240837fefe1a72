"""``cycodec verify``: whether every way to read a file gives the same frames and samples."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cycodec._cli.commands.common import examples, naming, stderr, with_stream, with_traceback
from cycodec._cli.parameter_types import SourceFile
from cycodec._cli.standard_input import renamed
from cycodec._cli.text import plural

if TYPE_CHECKING:
    from cycodec._cli.audio_verification import AudioVerification
    from cycodec._cli.verification import Verification

__all__ = ["verify"]


@click.command(
    short_help="Check that every way to read a file gives the same frames and samples.",
    epilog=examples(
        "cycodec verify clip.mp4                   paste the output into a bug report",
        "cycodec verify clip.mp4 --every           each frame by a decoder of its own (slow)",
        "cycodec verify talk.m4a",
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
    """Check that every way to read FILE gives the same frames and samples.

    The frames of one pass are compared with those read in random order, by fresh decoders, by
    several threads, with a saved index, in approximate mode, by the ffmpeg command and by the GPU.
    Audio is read in windows, in order and at random places, and by the ffmpeg command. The exit
    status is 1 if a check differs.
    """
    with naming(source), stderr.status(f"reading {renamed(source)}") as status:
        video, audio = _verifications(source, stream, every, seed)
        versions = environment()
        if not as_json:
            _show_head(source, versions, video, audio)
        results = []
        for verified in (video, audio):
            for check in verified.checks() if verified else ():
                status.update((check.__doc__ or "checking").splitlines()[0])
                result = check()
                results.append(result)
                if not as_json:
                    click.echo(renamed(f"{result.status}\t{result.name}: {result.detail}"))
    if as_json:
        report = {
            "source": renamed(source),
            "stream_index": video and video.stream,
            "num_frames": video and video.count,
            "audio_stream_index": audio and audio.stream,
            "num_samples": audio and audio.length,
            "environment": versions,
            "checks": [asdict(result) for result in results],
        }
        click.echo(json.dumps(report, indent=2))
    differs = [result.name for result in results if result.status == "differs"]
    if differs and not as_json:
        click.echo(f"{len(differs)} of {len(results)} checks differ: {', '.join(differs)}")
    return int(bool(differs))


def _verifications(
    source: str, stream: int | None, every: bool, seed: int
) -> tuple[Verification | None, AudioVerification | None]:
    """Return the checks of the video and of the audio; None for one that the file does not have."""
    from cycodec._cli.audio_verification import AudioVerification
    from cycodec._cli.verification import Verification
    from cycodec.decoders import get_container_metadata

    streams = get_container_metadata(source).streams
    kinds = {described.media_type for described in streams}
    if stream is not None and stream < len(streams) and streams[stream].media_type == "audio":
        return None, AudioVerification(source, stream, seed)
    if "video" not in kinds and "audio" in kinds and stream is None:
        return None, AudioVerification(source, None, seed)
    video = Verification(source, stream, every, seed)
    return video, AudioVerification(source, None, seed) if "audio" in kinds else None


def _show_head(
    source: str,
    versions: dict[str, str],
    video: Verification | None,
    audio: AudioVerification | None,
) -> None:
    """Print what is verified, and by which versions."""
    parts = [f"stream {video.stream}, {plural(video.count, 'frame')}"] if video else []
    parts += [f"stream {audio.stream}, {plural(audio.length, 'sample')}"] if audio else []
    click.echo(f"file\t{renamed(source)}, {'; '.join(parts)}")
    for name, version in versions.items():
        click.echo(f"{name}\t{version}")


def environment() -> dict[str, str]:
    """Return the versions that a bug report should have."""
    import platform

    import cycodec
    from cycodec._shared import torch_adapter

    return {
        "cycodec": cycodec.__version__,
        "FFmpeg": ", ".join(f"{name} {version}" for name, version in cycodec.ffmpeg_versions().items()),
        "torch": torch_adapter.torch_version(),
        "Python": platform.python_version(),
        "platform": platform.platform(),
    }
