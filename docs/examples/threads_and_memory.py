"""Threads and memory: what a decoder uses by default, and how to use less."""

import time

from clip import make_clip

import cycodec
from cycodec.decoders import VideoDecoder

source = make_clip("clip.mp4", seconds=8, size="640x360")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# By default a request uses the CPUs that are free: several threads decode different GOPs. A long
# read inside one GOP, or a loop over frames, uses FFmpeg's frame threads. CYCODEC_NUM_THREADS
# limits all decoders of a process together.
chosen, one = VideoDecoder(source), VideoDecoder(source, num_threads=1)
numbers = range(0, len(chosen), 20)
# The frames are equal for any number of threads.
assert (chosen.get_frames_at(numbers).data == one.get_frames_at(numbers).data).all()
for name, decoder in (("default threads", chosen), ("one thread", one)):
    loop = seconds(lambda d=decoder: sum(1 for _ in d))
    spread = seconds(lambda d=decoder: d.get_frames_at(numbers))
    print(f"{name}: all frames in a loop {1e3 * loop:.0f} ms, every 20th in one batch {1e3 * spread:.0f} ms")

# Memory of freed batches is kept for the next ones, up to a limit.
batch = chosen[0:50]
del batch
print(
    "kept for the next batch:",
    cycodec.cache_stats()["held_bytes"] >> 20,
    "MiB of",
    cycodec.get_cache_capacity() >> 20,
)
cycodec.empty_cache()
assert cycodec.cache_stats()["held_bytes"] == 0
cycodec.set_cache_capacity(64 << 20)  # or the environment variable CYCODEC_POOL_BYTES
