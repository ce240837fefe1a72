"""Training loads: many videos, a few frames of each, resized; by threads and by DataLoader's processes.

    python tools/benchmark/training.py --peer /path/to/python/with/torchcodec
    python tools/benchmark/training.py --memory

The first compares videos per second with torchcodec (torch==2.13.0, then torchcodec==0.13.0 --no-deps), each library in
processes of its own that take turns, as medians of paired ratios. Without --peer cycodec is measured alone. The second
prints how the memory of one process grows over 10,000 random clip reads of 200 files.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

SIZE = (256, 256)
NUM_CLIPS, NUM_FRAMES = 50, 10
NUM_FILES, NUM_READS = 200, 10_000
DIFFERENT = 10  # so many clips are encoded, the others are further names of them
SECONDS, RATE = 4, 25


# --- The loads, in a process for each library ----------------------------------------------------------------------


def decoder_of(library):
    """A function of a path that opens a decoder which resizes."""
    if library == "cycodec":
        from cycodec.decoders import VideoDecoder
        from cycodec.transforms import Resize
    else:
        from torchcodec.decoders import VideoDecoder
        from torchcodec.transforms import Resize
    return partial(VideoDecoder, transforms=[Resize(SIZE)])


def frame_numbers(path):
    """NUM_FRAMES frames of a clip: evenly spaced, beginning anywhere, as training takes them."""
    begin = random.Random(path).random()
    step = SECONDS * RATE / NUM_FRAMES
    return [int((begin + n) * step) for n in range(NUM_FRAMES)]


class Clips:
    """The same work for both libraries as a map-style dataset."""

    def __init__(self, library, paths):
        self.open, self.paths = decoder_of(library), paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, number):
        path = self.paths[number]
        return self.open(path).get_frames_at(frame_numbers(path)).data


def workloads(library, paths, workers):
    """name -> a function that goes through all clips once."""
    import torch
    from torch.utils.data import DataLoader

    clips = Clips(library, paths)

    def check(batches):
        count = 0
        for batch in batches:
            assert batch.shape[-3:] == (3, *SIZE)
            count += 1
        return count

    torch.set_num_threads(1)  # as in the workers of a DataLoader: threads are what is measured
    pool = ThreadPoolExecutor(workers)
    loader = DataLoader(
        clips, batch_size=None, num_workers=workers, multiprocessing_context="fork", persistent_workers=True
    )
    found = {
        "threads": lambda: check(pool.map(clips.__getitem__, range(len(clips)))),
        "processes": lambda: check(loader),
    }
    if library == "cycodec":
        from cycodec.batch import decode_batch

        requests = [(partial(clips.open, path), frame_numbers(path)) for path in paths]
        found["decode_batch"] = lambda: check(
            batch.data for batch in decode_batch(requests, num_threads=workers)
        )
    return found


def serve(library, workers, paths):
    """Run workloads that are named on standard input, and answer with seconds."""
    found = workloads(library, paths, workers)
    for name in map(str.strip, sys.stdin):
        start = time.perf_counter()
        assert found[name]() == len(paths)
        print(time.perf_counter() - start, flush=True)


class Server:
    """A process that serves workloads of a library."""

    def __init__(self, python, library, workers, paths):
        command = [python, __file__, "--serve", library, "--workers", str(workers), *map(str, paths)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, name):
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("a measured process ended early, see above")
        return float(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# --- Comparing -----------------------------------------------------------------------------------------------------


def compare(options, folder):
    paths = make_clips(folder, NUM_CLIPS, options.size)
    print(
        f"{NUM_CLIPS} clips of {options.size}, {NUM_FRAMES} frames each -> {SIZE[0]}x{SIZE[1]}; {os.cpu_count()} CPUs"
    )
    print(f"{'':14} {'workers':>7} {'cycodec':>16} {'torchcodec':>16} {'ratio':>6}  (median, least to most)")
    for workers in options.workers:
        ours = Server(sys.executable, "cycodec", workers, paths)
        theirs = Server(options.peer, "torchcodec", workers, paths) if options.peer else None
        for name in ("threads", "processes", "decode_batch"):
            rival = "threads" if name == "decode_batch" else name
            rounds = []
            for turn in range(options.rounds + 1):
                mine = ours.seconds(name)
                rounds.append((mine, theirs.seconds(rival) if theirs else mine))
                if turn == 0:
                    rounds.clear()  # warming up
            report(name, workers, rounds, theirs is not None)
        ours.close()
        if theirs:
            theirs.close()


def report(name, workers, rounds, compared):
    rates = [f"{NUM_CLIPS / statistics.median(times):8.1f} videos/s" for times in zip(*rounds, strict=True)]
    ratios = sorted(theirs / ours for ours, theirs in rounds)
    line = f"{name:14} {workers:7} {rates[0]:>16}"
    if compared:
        line += f" {rates[1]:>16} {statistics.median(ratios):5.2f}x  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(line, flush=True)


def memory(folder):
    """Resident memory of a process that reads random clips of many files."""
    from cycodec.datasets import VideoClips
    from cycodec.samplers import clips_at_random_indices
    from cycodec.transforms import RandomCrop

    paths = make_clips(folder, NUM_FILES, "160x128")
    sampler = partial(clips_at_random_indices, num_frames_per_clip=4)
    clips = VideoClips(paths, sampler, [RandomCrop(112)], max_open=8)
    chosen = random.Random(0)
    start = time.perf_counter()
    for count in range(NUM_READS + 1):
        assert clips[count, chosen.randrange(NUM_FILES)]["data"].shape == (1, 4, 3, 112, 112)
        if count % 1000 == 0:
            print(
                f"{count:6} reads: {resident():7.1f} MB, {len(os.listdir('/proc/self/fd'))} open files",
                flush=True,
            )
    print(f"{NUM_READS / (time.perf_counter() - start):.0f} clips/s")


def resident():
    """MB of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def make_clips(folder, count, size):
    """Paths of `count` files of a few different clips."""
    for number in range(DIFFERENT):
        picture = f"testsrc2=s={size}:r={RATE}:d={SECONDS},hue=h=37*{number}+20*t,noise=alls=6:allf=t:all_seed={number}"
        options = ["-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "50", "-pix_fmt", "yuv420p"]
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, *options]
        subprocess.run([*command, str(folder / f"{number}.mp4")], check=True)
    paths = []
    for number in range(count):
        paths.append(str(folder / f"clip{number:03}.mp4"))
        shutil.copy(folder / f"{number % DIFFERENT}.mp4", paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="a Python that can import torchcodec")
    parser.add_argument(
        "--workers", type=lambda text: [int(n) for n in text.split(",")], default=[1, 2], help="such as 1,2"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", default="640x360", help="of the clips (default %(default)s)")
    parser.add_argument("--memory", action="store_true", help="memory instead of speed")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.workers[0], options.paths)
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            memory(Path(folder))
        else:
            compare(options, Path(folder))


if __name__ == "__main__":
    main()
