"""``tools/bench training``: threads and DataLoader processes read a few resized frames from each of
many videos.

Every library decodes the same frames of the same clips, as benchmark.peers does. The second part
reads 10,000 random clips of 200 files, and measures the memory of the process.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import checkouts, environments, turns
from benchmark.checkouts import is_checkout
from benchmark.paths import DOCS, ROOT
from benchmark.peers import peer_class

SIZE = (256, 256)
NUM_CLIPS, NUM_FRAMES = 50, 10
NUM_FILES, NUM_READS = 200, 10_000
DIFFERENT = 10  # number of encoded clips; the other files are copies of them
SECONDS, RATE = 4, 25
ENVIRONMENTS = {
    "cycodec": "cycodec",
    "torchcodec": "torchcodec",
    "decord": "decord",
    "av": "av+torch",
    "spdl": "spdl+torch",
}
THREADS, PROCESSES, BATCH = "threads", "processes", "decode_batch"
WHOLE = "whole files by threads"


# --- In the process of a library ------------------------------------------------------------------


def frame_numbers(path: str) -> list[int]:
    """Returns NUM_FRAMES evenly spaced frame numbers of a clip with a random start, as for
    training.
    """
    begin = random.Random(Path(path).name).random()
    step = SECONDS * RATE / NUM_FRAMES
    return [int((begin + n) * step) for n in range(NUM_FRAMES)]


class Clips:
    """The work as a map-style dataset, the same for every library."""

    def __init__(self, library: str, paths: list[str]) -> None:
        self.peer, self.paths = peer_class(library)(1), paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Any:
        path = self.paths[number]
        reader = self.peer.open_resized(path, *SIZE)
        frames = self.peer.at(reader, frame_numbers(path))
        self.peer.close(reader)
        return frames


def check(batches: Any, count: int) -> None:
    """Checks the number of batches and their shape."""
    seen = 0
    for batch in batches:
        if sorted(batch.shape) != sorted((NUM_FRAMES, 3, *SIZE)):
            raise ValueError(f"a batch of shape {tuple(batch.shape)}")
        seen += 1
    if seen != count:
        raise ValueError(f"{seen} of {count} batches")


def serve(library: str, paths: list[str]) -> None:
    """Answers workloads by the names "KIND WORKERS"."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)  # as in the workers of a DataLoader, because the benchmark measures threads
    clips = Clips(library, paths)
    found = {}
    for workers in (1, 2):
        pool = ThreadPoolExecutor(workers)
        loader = DataLoader(
            clips,
            batch_size=None,
            num_workers=workers,
            multiprocessing_context="fork",
            persistent_workers=True,
        )
        found[f"{THREADS} {workers}"] = lambda pool=pool: check(
            pool.map(clips.__getitem__, range(len(clips))), len(clips)
        )
        found[f"{PROCESSES} {workers}"] = lambda loader=loader: check(loader, len(clips))
        if is_cycodec(library):
            found.update(only_ours(clips, pool, workers))
    turns.answer(found)


def is_cycodec(library: str) -> bool:
    """Return True for this checkout of cycodec and for another one."""
    return library == turns.BASE or is_checkout(library)


def only_ours(clips: Clips, pool: ThreadPoolExecutor, workers: int) -> dict[str, Any]:
    """Returns workloads that only cycodec has: decode_batch, and whole files by several threads."""
    from cycodec.batch import decode_batch
    from cycodec.decoders import VideoDecoder

    requests = [(partial(clips.peer.open_resized, path, *SIZE), frame_numbers(path)) for path in clips.paths]

    def whole(path: str) -> int:
        return len(VideoDecoder(path, num_threads=1)[:])

    return {
        f"{BATCH} {workers}": lambda: check(
            (batch.data for batch in decode_batch(requests, num_threads=workers)), len(requests)
        ),
        f"{WHOLE} {workers}": lambda: list(pool.map(whole, clips.paths[:DIFFERENT])),
    }


def read_at_random(paths: list[str]) -> None:
    """Prints [reads, resident megabytes, open files] every 500 reads."""
    from cycodec.datasets import VideoClips
    from cycodec.samplers import clips_at_random_indices
    from cycodec.transforms import RandomCrop

    sampler = partial(clips_at_random_indices, num_frames_per_clip=4)
    clips = VideoClips(paths, sampler, [RandomCrop(112)], max_open=8)
    chosen = random.Random(0)
    for count in range(NUM_READS + 1):
        shape = clips[count, chosen.randrange(len(paths))]["data"].shape
        if shape != (1, 4, 3, 112, 112):
            raise ValueError(f"a clip of shape {tuple(shape)}")
        if count % 500 == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
            print(json.dumps([count, round(resident, 1), len(os.listdir("/proc/self/fd"))]), flush=True)


# --- Comparing ------------------------------------------------------------------------------------


def make_clips(folder: Path, count: int, size: str) -> list[str]:
    """Makes `count` files of a few different clips; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(DIFFERENT):
        if (folder / f"{number}.mp4").exists():
            continue
        picture = f"testsrc2=s={size}:r={RATE}:d={SECONDS},hue=h=37*{number}+20*t,noise=alls=6:allf=t:all_seed={number}"
        options = ["-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p"]
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, *options]
        subprocess.run([*command, str(folder / f"{number}.mp4")], check=True)
    paths = []
    for number in range(count):
        paths.append(str(folder / f"clip{number:03}.mp4"))
        if not Path(paths[-1]).exists():
            shutil.copy(folder / f"{number % DIFFERENT}.mp4", paths[-1])
    return paths


def per_second(name: str, seconds: float) -> str:
    return f"{(DIFFERENT if name.startswith(WHOLE) else NUM_CLIPS) / seconds:.0f}"


def compare(
    paths: list[str], rounds: int, libraries: list[str], others: Mapping[str, Path]
) -> dict[str, dict[str, Any]]:
    """Returns the rows of the table, by kind and number of workers. `others` are other checkouts of
    cycodec.
    """
    names = dict.fromkeys([turns.BASE, *libraries])
    chosen = {name: ENVIRONMENTS[name] for name in names} | others
    servers = turns.servers_of("benchmark.training", chosen, paths)
    ours = [server for server in servers if is_cycodec(server.library)]
    rows = {}
    for kind in (THREADS, PROCESSES):
        for workers in (1, 2):
            rows[f"{kind} {workers}"] = turns.take_turns(servers, f"{kind} {workers}", rounds)
    for kind in (BATCH, WHOLE):
        for workers in (1, 2):
            rows[f"{kind} {workers}"] = turns.take_turns(ours, f"{kind} {workers}", rounds)
    for server in servers:
        server.close()
    return rows


def memory_curve(paths: list[str]) -> list[list[float]]:
    """Returns [reads, megabytes, open files] along 10,000 reads."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tools"), str(ROOT)])}
    command = [str(environments.interpreter(turns.BASE)), "-m", "benchmark.training", "--read", *paths]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def draw(curve: list[list[float]], path: Path) -> None:
    """Draws memory over reads."""
    import matplotlib

    matplotlib.use("svg" if path.suffix == ".svg" else "agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3), layout="constrained")
    axes.plot([row[0] for row in curve], [row[1] for row in curve], marker=".")
    axes.set(
        xlabel="random clips read",
        ylabel="resident memory (MB)",
        ylim=(0, 1.3 * max(row[1] for row in curve)),
        title=f"One process, {NUM_FILES} files",
    )
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tools/bench training", description="Compare libraries on training loads."
    )
    parser.add_argument(
        "--libraries", nargs="+", choices=ENVIRONMENTS, default=list(ENVIRONMENTS), metavar="NAME"
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="rounds after one that does not count (default 7)"
    )
    parser.add_argument("--size", default="640x360", help="of the clips (default %(default)s)")
    parser.add_argument("--dry", action="store_true", help="print the tables and write nothing")
    checkouts.add_option(parser)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.paths)
        return
    if options.read:
        read_at_random(options.paths)
        return
    paths = make_clips(turns.folder_of("training") / options.size, NUM_CLIPS, options.size)
    others = checkouts.chosen(parser, options.against)
    rows = compare(paths, options.rounds, options.libraries, others)
    turns.show(
        f"{NUM_CLIPS} clips, {NUM_FRAMES} frames each to {SIZE[0]}x{SIZE[1]}", "videos/s", rows, per_second
    )
    curve = memory_curve(make_clips(turns.folder_of("training") / "160x128", NUM_FILES, "160x128"))
    for reads, megabytes, files in curve[:: len(curve) // 4 or 1]:
        print(f"{reads:6} reads: {megabytes} MB, {files} open files")
    if not (options.dry or others):
        title = f"Training loads: {NUM_CLIPS} clips of {options.size}, {NUM_FRAMES} frames each to {SIZE[0]}x{SIZE[1]}"
        turns.keep("training", title, "videos/s", rows, per_second, memory=curve)
        draw(curve, DOCS / "memory.png")


if __name__ == "__main__":
    main()
