#!/usr/bin/env python3
"""Is every frame of a file the same, however it is reached?

    tools/verify/index.py video.mp4 [more files]

The program decodes each file once from beginning to end and keeps a digest of every frame. Then it
reads the frames in other ways: backwards, shuffled, strided, in batches, by time, and again with a
saved and loaded index. Every digest must be the same. The output names each frame that differs, and
fits into a bug report.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cycodec.decoders import VideoDecoder


def digest(frame):
    return hashlib.md5(frame.contiguous().numpy()).hexdigest()


def ways(count, most, dice):
    """Returns (name, frame numbers) of the single accesses."""
    yield "backwards", range(count - 1, -1, -1)[:most]
    yield "shuffled", dice.sample(range(count), min(count, most))
    yield "strided", [n for start in range(7) for n in range(start, count, 7)][:most]
    yield (
        "after the last one",
        [n for k in dice.sample(range(count), min(count, most // 4)) for n in (count - 1, k)],
    )


def verify(path, most, options, report):
    """Compares all ways to the frames of a file; returns the number of differences."""
    dice = random.Random(0)
    with VideoDecoder(path, dimension_order="NHWC", **options) as decoder:
        begun = time.perf_counter()
        truth = [digest(frame) for frame in decoder]
        report(f"{path}: {len(truth)} frames in {time.perf_counter() - begun:.1f} s; {decoder.index!r}")
        wrong = 0
        if len(decoder) != len(truth):
            report(f"  len() says {len(decoder)}")
            wrong += 1

        def compare(name, numbers, frames):
            bad = [n for n, frame in zip(numbers, frames, strict=True) if digest(frame) != truth[n]]
            if bad:
                report(f"  {name}: {len(bad)} frames differ, the first ones are {bad[:10]}")
            return len(bad)

        for name, numbers in ways(len(truth), most, dice):
            wrong += compare(name, numbers, (decoder[n] for n in numbers))
        numbers = dice.sample(range(len(truth)), min(len(truth), most))
        for start in range(0, len(numbers), 16):
            part = numbers[start : start + 16]
            wrong += compare("in batches", part, decoder[part])
        index = decoder.index
        instants = [index.pts_seconds(n) + index.duration_seconds(n) / 2 for n in numbers]
        wrong += compare("by time", numbers, (decoder.t[instant] for instant in instants))
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder, "saved.idx")
            index.save(saved)
            with VideoDecoder(path, dimension_order="NHWC", index=saved, **options) as other:
                wrong += compare("with a saved index", numbers, (other[n] for n in numbers))
    report("  all the same" if not wrong else f"  {wrong} differences")
    return wrong


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--most", type=int, default=200, help="single accesses of each way (default 200)")
    parser.add_argument("--threads", type=int, default=1, help="num_ffmpeg_threads")
    parser.add_argument("--stream", type=int, default=None, help="stream_index")
    arguments = parser.parse_args()
    options = {"num_ffmpeg_threads": arguments.threads, "stream_index": arguments.stream}
    return min(1, sum(verify(path, arguments.most, options, print) for path in arguments.paths))


if __name__ == "__main__":
    sys.exit(main())
