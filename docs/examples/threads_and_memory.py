"""Threads and memory: what a decoder takes by itself, and how to take less."""

import time

from clip import make_clip

import cycodec
from cycodec.decoders import VideoDecoder

source = make_clip("clip.mp4", seconds=8, size="640x360")


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# By itself a request takes the CPUs that are free: GOPs are decoded side by side, and a long read inside one of them (a
# loop over frames, too) gets FFmpeg's frame threads. CYCODEC_NUM_THREADS limits all decoders of a process together.
chosen, one = VideoDecoder(source), VideoDecoder(source, num_threads=1)
numbers = range(0, len(chosen), 20)
assert (
    chosen.get_frames_at(numbers).data == one.get_frames_at(numbers).data
).all()  # the same frames in any case
for name, decoder in (("threads picked by themselves", chosen), ("one thread", one)):
    loop = seconds(lambda d=decoder: sum(1 for _ in d))
    spread = seconds(lambda d=decoder: d.get_frames_at(numbers))
    print(f"{name}: all frames in a loop {1e3 * loop:.0f} ms, every 20th at once {1e3 * spread:.0f} ms")

# Memory of batches that nobody holds any more is kept for the next ones, up to a limit.
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
