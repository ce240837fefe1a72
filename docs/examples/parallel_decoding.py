"""
Decoding in parallel
====================

One decoder uses the CPUs that are free. For many videos there are threads, ``decode_batch``, and
the worker processes of a DataLoader.
"""

# %%
# One request
# -----------
#
# A request that touches several GOPs is divided among threads by itself. ``num_threads`` limits
# them. The frames are equal for any number of threads.

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from clip import make_clip
from pictures import show_times
from torch.utils.data import DataLoader, Dataset

from cycodec.batch import decode_batch
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

source = make_clip("video.mp4", seconds=4, size="1280x720")
numbers = range(0, 100, 10)


def one_thread():
    return VideoDecoder(source, num_threads=1).get_frames_at(numbers)


def free_cpus():
    return VideoDecoder(source).get_frames_at(numbers)


assert torch.equal(one_thread().data, free_cpus().data)
show_times("10 frames of one video", {"1 thread": one_thread, "threads for the free CPUs": free_cpus})

# %%
# Many videos: decode_batch
# -------------------------
#
# ``decode_batch`` decodes frames of many videos in one call, in the order of the requests. A
# request is a source and frame numbers, seconds, or a slice of either.

paths = [make_clip(f"clip{n}.mp4", seconds=2, size="640x360", rate=24 + n) for n in range(8)]
requests = [(partial(VideoDecoder, path, transforms=[Resize((112, 112))]), [0, 10, 20]) for path in paths]
batches = decode_batch(requests)
print(len(batches), "batches of", tuple(batches[0].data.shape))

# %%
# With ``on_error="return"`` one bad file does not end the call: its place holds the exception.

results = decode_batch([(paths[0], [0]), ("missing.mp4", [0])], on_error="return")
print([type(result).__name__ for result in results])

# %%
# A pool of threads
# -----------------
#
# Decoding releases the GIL, so threads of your own work as well. Threads may also share a decoder.


def first_frames(path):
    return VideoDecoder(path, transforms=[Resize((112, 112))], num_threads=1)[[0, 10, 20]]


def in_turn():
    return [first_frames(path) for path in paths]


def by_pool():
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(first_frames, paths))


assert all(torch.equal(one, other) for one, other in zip(in_turn(), by_pool(), strict=True))
show_times(
    "3 frames of 8 videos",
    {"in turn": in_turn, "4 threads": by_pool, "decode_batch": lambda: decode_batch(requests)},
)

# %%
# Worker processes
# ----------------
#
# A decoder can be made in the main process and used in forked or spawned workers. Each worker opens
# the file again and keeps the index. In a worker, a decoder uses one thread.


class FirstFrames(Dataset):
    """The first frames of each video."""

    def __init__(self, paths):
        self.decoders = [VideoDecoder(path, transforms=[Resize((112, 112))]) for path in paths]

    def __len__(self):
        return len(self.decoders)

    def __getitem__(self, number):
        return self.decoders[number].get_frames_at([0, 10, 20])


# "fork", because Python 3.14 would otherwise run this script again in each worker, and write the
# videos again.
if __name__ == "__main__":
    loader = DataLoader(FirstFrames(paths), batch_size=4, num_workers=2, multiprocessing_context="fork")
    for batch in loader:
        print("videos, frames, channels, height, width:", tuple(batch.data.shape))

# %%
# The variable ``CYCODEC_NUM_THREADS`` limits the threads of all decoders of a process together.
# What DataLoaders make of results: :doc:`/dataloader`.
