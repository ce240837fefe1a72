"""Runs tools/demo: metadata, frames by index, slice and time with timings, and a contact sheet."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.table import Table

import cycodec
from cycodec._cli.commands.common import one_line
from cycodec._cli.commands.info import info_table
from cycodec._cli.commands.sheet import draw_sheet
from cycodec._cli.describe import describe
from cycodec.decoders import VideoDecoder

FOLDER = Path(__file__).resolve().parent.parent / "build" / "demo"
NUM_FRAMES = 10
RUNS, PATIENCE = 3, 2.0  # of each way the fastest run counts; no further run after so many seconds
MEMORY = 500_000_000  # bytes of frames at most

console = Console(highlight=False)


def make_clip() -> Path:
    """Return a clip of 10 s with moving pictures, a clock and a tone; made once."""
    clip = FOLDER / "clip.mp4"
    if clip.exists():
        return clip
    clip.parent.mkdir(parents=True, exist_ok=True)
    draft = clip.with_name("draft.mp4")
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
    command += ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=10"]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:duration=10"]
    command += ["-c:a", "aac"]
    # the first encoder that this ffmpeg has
    for encoder in (["libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"], ["mpeg4", "-q:v", "4"]):
        done = subprocess.run([*command, "-c:v", *encoder, str(draft)], capture_output=True, text=True)
        if done.returncode == 0:
            draft.rename(clip)
            return clip
    raise RuntimeError(f"ffmpeg could not make the clip: {done.stderr.strip()}")


def timed(request: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
    """Return what a request gives and how long it takes, in seconds."""
    best, spent = float("inf"), 0.0
    for _ in range(RUNS):
        start = time.perf_counter()
        frames = request()
        best = min(best, time.perf_counter() - start)
        spent += time.perf_counter() - start
        if spent > PATIENCE:
            break
    return frames, best


def decode(source: str) -> Table:
    """Decode ten frames in several ways, and many in order; open a new decoder each time."""
    start = time.perf_counter()
    decoder = VideoDecoder(source)
    opening = time.perf_counter() - start
    total = len(decoder)
    count = min(NUM_FRAMES, total)
    spread = [(2 * i + 1) * total // (2 * count) for i in range(count)]
    middle = (total - count) // 2
    instants = decoder.get_frames_at(spread).pts_seconds
    many = min(total, 100, max(count, MEMORY // decoder[0].numel()))
    decoder.close()
    ways = [
        ("by index", f"d[{brief(spread)}]", lambda d: d[spread]),
        ("by time", f"d.t[{brief([round(t, 2) for t in instants.tolist()])}]", lambda d: d.t[instants]),
        ("by slice", f"d[{middle}:{middle + count}]", lambda d: d[middle : middle + count]),
        ("in order", f"d[:{many}]", lambda d: d[:many]),
    ]

    title = "[bold]Decoding, opening included[/]"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for heading in ("", "d = VideoDecoder(FILE)", "shape"):
        table.add_column(heading, overflow="fold")
    for heading in ("ms", "frames/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("open", f"len(d) = {total}", "", f"{opening * 1e3:.1f}", "")
    results = {}
    for name, expression, request in ways:
        frames, seconds = timed(lambda request=request: request(VideoDecoder(source)))
        speed = f"{len(frames) / seconds:.0f}"
        table.add_row(name, expression, str(list(frames.shape)), f"{seconds * 1e3:.1f}", speed)
        results[name] = frames
    if not torch.equal(results["by index"], results["by time"]):
        raise RuntimeError(f"{source}: frames by index and the same frames by time differ; this is a bug")
    return table


def brief(numbers: list[int] | list[float]) -> str:
    """Return a list with its middle left out."""
    texts = [str(number) for number in numbers]
    return f"[{', '.join(texts if len(texts) < 4 else [*texts[:2], '...', texts[-1]])}]"


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print("usage: tools/demo [FILE]\n\nDecodes FILE, or a clip of 10 s that ffmpeg makes.")
        return 0 if len(arguments) == 1 else 2
    try:
        source = arguments[0] if arguments else str(make_clip())
        ffmpeg = cycodec.ffmpeg_versions()["ffmpeg"]
        console.print(f"cycodec {metadata.version('cycodec')}, FFmpeg {ffmpeg}, torch {torch.__version__}\n")
        console.print(info_table(describe(source)))
        console.print(decode(source))
        FOLDER.mkdir(parents=True, exist_ok=True)
        output = FOLDER / f"{Path(source).stem}-sheet.png"
        with VideoDecoder(source, dimension_order="NHWC") as decoder:
            draw_sheet(decoder, source).save(output)
        console.print("By index and by time are the same frames: compared, bit for bit equal.")
        console.print(f"Contact sheet: {output}", soft_wrap=True)
    except Exception as error:
        print(f"tools/demo: {one_line(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
