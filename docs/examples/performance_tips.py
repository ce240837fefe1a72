"""
Performance tips
================

What makes decoding fast, in the order in which it usually matters. The bars show what a quiet
machine needed; if you run this page, they show yours.
"""

# %%
# The clip has 640x360 pixels and a key frame every second.

import torch
from clip import make_clip
from pictures import show_times

import cycodec
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

source = make_clip("clip.mp4", seconds=8, size="640x360")

# %%
# Ask for all frames in one call
# ------------------------------
#
# One request knows all its frames. It decodes each GOP once, divides GOPs among threads, and skips
# frames to which no other frame refers.

numbers = [150, 20, 90, 21, 151, 91]
decoder = VideoDecoder(source)
show_times(
    "6 frames in random order",
    {
        "one by one": lambda: [decoder[number] for number in numbers],
        "one request": lambda: decoder[numbers],
    },
)

# %%
# What a request costs can be known before: ``plan`` decodes nothing.

print(decoder.plan(numbers))

# %%
# Resize in the decoder
# ---------------------
#
# The decoder resizes each frame while it converts it, so that no large batch is written.


def afterwards():
    frames = VideoDecoder(source)[0:100]
    return torch.nn.functional.interpolate(frames, (224, 224), mode="bilinear", antialias=True)


def inside():
    return VideoDecoder(source, transforms=[Resize((224, 224))])[0:100]


show_times(
    "100 frames at 224x224",
    {"resized by torch afterwards": afterwards, "resized by the decoder": inside},
)

# %%
# Convert only the region
# -----------------------
#
# A key that selects a part of each frame saves the conversion of the rest. Decoding costs the same.

show_times(
    "100 frames",
    {
        "whole frames": lambda: decoder[0:100],
        "a quarter of them": lambda: decoder[0:100, :, 90:270, 160:480],
        "128x128 pixels": lambda: decoder[0:100, :, :128, :128],
    },
)

# %%
# Keep decoders, or save indexes
# ------------------------------
#
# Opening a file again costs more than reading on. If decoders cannot be kept, a
# :doc:`saved index </gallery/saved_index>` makes opening cheap for files that have none.


def reopened():
    for number in range(10):
        VideoDecoder(source)[number]


def kept():
    decoder = VideoDecoder(source)
    for number in range(10):
        decoder[number]


show_times("10 frames in order", {"opened for each frame": reopened, "opened once": kept})

# %%
# Memory
# ------
#
# The memory of freed batches is kept for the next ones, up to a limit.

batch = decoder[0:50]
del batch
held, limit = cycodec.cache_stats()["held_bytes"] >> 20, cycodec.get_cache_capacity() >> 20
print(f"{held} MiB are kept for the next batch, at most {limit} MiB")
cycodec.empty_cache()
assert cycodec.cache_stats()["held_bytes"] == 0

# %%
# .. list-table:: Which mode when
#    :header-rows: 1
#
#    * - you want
#      - use
#    * - a few frames of many videos
#      - :doc:`decode_batch </gallery/parallel_decoding>`, or workers of a DataLoader
#    * - all frames of one video
#      - a loop ``for frame in decoder``: frame threads decode ahead
#    * - small frames for a network
#      - ``transforms=[Resize(...)]``
#    * - planes in memory (contiguous NCHW)
#      - ``memory_order="NCHW"``
#    * - many decoders beside each other
#      - ``num_threads=1`` for each, or ``CYCODEC_NUM_THREADS``
#    * - large H.264 or HEVC, and a GPU
#      - ``device="cuda"``: the hardware decodes, and the CPU is free
#    * - one frame of a short, small video
#      - the CPU
#
# Measured figures, with other libraries beside them: :doc:`/benchmarks`.
