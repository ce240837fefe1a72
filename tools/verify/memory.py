#!/usr/bin/env python3
"""Does memory grow with the number of decoders that were opened and dropped?

    tools/verify/memory.py video.mp4                     2000 cycles of each kind; fails beyond 20
    MB tools/verify/memory.py video.mp4 --kind bytes --cycles 500

A cycle opens the file, decodes some frames at different places, and drops the decoder. The first
tenth of the cycles is a warm-up. The result is the growth of resident memory after it.
"""

import argparse
import gc
import io
import json
import os
import resource
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cycodec.decoders import VideoDecoder

LIMIT = 20_000_000


def use(decoder):
    """Decodes one frame, a batch, an earlier frame, and a frame at an instant."""
    last = len(decoder) - 1
    decoder[last // 2]
    decoder[0:3]
    decoder[[last, 0]]
    decoder.get_frame_played_at(decoder.metadata.begin_stream_seconds)


def by_path(path):
    use(VideoDecoder(path))


def by_bytes(path):
    use(VideoDecoder(path.read_bytes()))


def by_file_like(path):
    with open(path, "rb") as file:
        use(VideoDecoder(file))


def closed(path):
    with VideoDecoder(path) as decoder:
        use(decoder)


def failing(path):
    """Makes errors: garbage, a cut file, a frame that does not exist."""
    data = path.read_bytes()
    for source in (b"garbage" * 1000, io.BytesIO(data[:2000]), data[: len(data) // 2]):
        try:
            VideoDecoder(source)[10**6]
        except (RuntimeError, IndexError):
            continue


def half_way(path):
    decoder = VideoDecoder(path)
    frames = iter(decoder)
    next(frames)
    next(frames)


def in_threads(path):
    decoder = VideoDecoder(path, num_ffmpeg_threads=2)
    threads = [threading.Thread(target=use, args=(decoder,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


KINDS = {
    "path": by_path,
    "bytes": by_bytes,
    "file-like": by_file_like,
    "closed": closed,
    "failing": failing,
    "dropped half-way": half_way,
    "in threads": in_threads,
}


def resident_memory():
    """Returns the memory of the process in bytes (its peak if the system reports nothing else)."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(cycle, path, cycles):
    """Returns how many bytes the resident memory grows by after a warm-up."""
    for _ in range(max(10, cycles // 10)):
        cycle(path)
    gc.collect()
    before = resident_memory()
    for _ in range(cycles):
        cycle(path)
    gc.collect()
    return resident_memory() - before


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--kind", choices=KINDS, help="only this kind of cycle (default: each in turn)")
    parser.add_argument("--cycles", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print the result of the last kind as JSON")
    arguments = parser.parse_args()
    worst = 0
    for kind in [arguments.kind] if arguments.kind else KINDS:
        grown = measure(KINDS[kind], arguments.path, arguments.cycles)
        worst = max(worst, grown)
        if not arguments.json:
            print(f"{kind:18} {arguments.cycles} cycles: {grown / 1e6:+.1f} MB")
    if arguments.json:
        print(json.dumps({"grown": worst, "cycles": arguments.cycles}))
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
