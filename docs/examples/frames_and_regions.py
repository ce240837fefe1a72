"""
Frames by number and by region
==============================

A decoder is indexed like a NumPy array. It converts only the pixels that the key selects, and
decodes no frame that is not needed for them.
"""

# %%
# By number
# ---------
#
# Integers, slices with any step, lists, tensors and masks are keys. Each distinct frame is decoded
# once.

import torch
from clip import make_clip
from pictures import show_frames

from cycodec.decoders import VideoDecoder

decoder = VideoDecoder(make_clip("frames.mp4"))
print(decoder)
print("one frame      ", tuple(decoder[7].shape))
print("the last one   ", tuple(decoder[-1].shape))
print("every tenth    ", tuple(decoder[::10].shape))
print("backwards      ", tuple(decoder[20:0:-5].shape))
print("some, any order", tuple(decoder[[40, 3, 3]].shape))

dark = torch.zeros(len(decoder), dtype=torch.bool)
dark[[5, 50, 120]] = True
print("a mask         ", tuple(decoder[dark].shape))
show_frames(decoder[20:0:-5], [f"frame {number}" for number in range(20, 0, -5)])

# %%
# By region
# ---------
#
# A tuple also indexes into the frames. Pixels outside the region are never converted to RGB, which
# saves time for large frames.

corner = decoder[:100:25, :, 60:180, 80:240]
assert torch.equal(corner, decoder[:100:25][:, :, 60:180, 80:240])
print("a region       ", tuple(corner.shape))
print("the red plane  ", tuple(decoder[7, 0].shape))
show_frames(corner)

# %%
# Axes and memory
# ---------------
#
# ``dimension_order`` sets the axes. ``memory_order`` sets how frames lie in memory: packed pixels
# by default, which torch calls *channels last*, or contiguous planes.

pictures = VideoDecoder("frames.mp4", dimension_order="NHWC")
print("channels last  ", tuple(pictures[7].shape))

planes = VideoDecoder("frames.mp4", memory_order="NCHW")
print("planes         ", tuple(planes[7].shape), "contiguous" if planes[7].is_contiguous() else "a view")

# %%
# Mistakes
# --------
#
# A key that NumPy refuses raises the exception that NumPy raises, and the text says what is wrong.

for key in (1000, "5"):
    try:
        decoder[key]
    except (IndexError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")

# %%
# All rules: :doc:`/indexing`.
