"""
Decoder transforms
==================

A decoder can resize and crop frames while it converts them. That is faster than doing it
afterwards, and needs less memory.
"""

# %%
# Resize and crop
# ---------------
#
# Transforms are applied in order. ``metadata``, indices and regions refer to the transformed
# frames.

import torch
from clip import make_clip
from pictures import show_frames, show_times

from cycodec.decoders import VideoDecoder
from cycodec.transforms import CenterCrop, RandomCrop, Resize

path = make_clip("video.mp4", size="1280x720", seconds=4)
whole = VideoDecoder(path)
small = VideoDecoder(path, transforms=[Resize(128), CenterCrop(112)])
print("whole:", tuple(whole[0].shape), "transformed:", tuple(small[0].shape))
print(small.metadata.width, "x", small.metadata.height)
show_frames([whole[50], small[50]], ["1280x720", "Resize(128), CenterCrop(112)"])

# %%
# ``Resize`` with one number sets the shorter edge; with two it sets height and width. It is
# bilinear with antialiasing, and returns the bytes that torch's interpolation returns.

resized = VideoDecoder(path, transforms=[Resize((90, 160))])[10]
by_torch = torch.nn.functional.interpolate(whole[10][None], (90, 160), mode="bilinear", antialias=True)[0]
assert (resized.int() - by_torch.int()).abs().max() <= 1

# %%
# Random crops
# ------------
#
# A random crop is drawn once for a decoder, so that all frames of a clip have the same one.

torch.manual_seed(4)
crops = [VideoDecoder(path, transforms=[Resize(240), RandomCrop((160, 160))])[50] for _ in range(4)]
show_frames(crops)

# %%
# What it saves
# -------------
#
# The bars compare one decode thread with and without a transform.


def afterwards():
    frames = VideoDecoder(path, num_threads=1)[0:50]
    return torch.nn.functional.interpolate(frames, (112, 112), mode="bilinear", antialias=True)


def inside():
    return VideoDecoder(path, num_threads=1, transforms=[Resize((112, 112))])[0:50]


show_times(
    "50 frames of 1280x720 at 112x112",
    {"resized by torch afterwards": afterwards, "resized by the decoder": inside},
)

# %%
# torchvision's own objects work, too: ``v2.Resize``, ``v2.CenterCrop``, ``v2.RandomCrop`` and
# ``v2.Compose`` of them.
