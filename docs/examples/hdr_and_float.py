"""
HDR and float frames
====================

Video of 10 or 12 bits has more levels than ``uint8`` can hold. Float frames keep them.
"""

# %%
# A lossless 10-bit clip that is marked as HDR (transfer function PQ):

import torch
from clip import ffmpeg
from pictures import show_bars, show_frames

from cycodec.decoders import VideoDecoder

ramp = "color=black:size=480x270:duration=1,format=yuv444p10le,geq=lum='64+X/2':cb=512:cr=512"
named = "setparams=colorspace=bt2020nc:color_trc=smpte2084:color_primaries=bt2020"
tags = ("-colorspace", "bt2020nc", "-color_trc", "smpte2084", "-color_primaries", "bt2020")
ffmpeg("-f", "lavfi", "-i", f"{ramp},{named}", "-c:v", "ffv1", *tags, "hdr.mkv")

metadata = VideoDecoder("hdr.mkv").metadata
print(metadata.pixel_format, metadata.color_space, metadata.color_transfer_characteristic)

# %%
# Types
# -----
#
# ``float32`` frames are in [0, 1]. Their values are those of ``ffmpeg -pix_fmt rgb48le`` divided by
# 65535, bit for bit. ``float16`` needs half the memory.

coarse = VideoDecoder("hdr.mkv")[0]
fine = VideoDecoder("hdr.mkv", output_dtype=torch.float32)[0]
half = VideoDecoder("hdr.mkv", output_dtype=torch.float16)[0]
assert torch.equal(half, fine.half())
assert (fine * 255 - coarse).abs().max() < 4
show_bars(
    {"uint8": len(coarse.unique()), "float16": len(half.unique()), "float32": len(fine.unique())},
    "different levels in the frame",
)

# %%
# Why it matters
# --------------
#
# The clip is dark. If a part of it is brightened, the steps of ``uint8`` become visible.

show_frames(
    [coarse[:, :36, :64] / 255 * 16, fine[:, :36, :64] * 16],
    ["uint8, 16 times as bright", "float32, the same"],
)

# %%
# Chosen by the file
# ------------------
#
# ``"auto"`` selects ``float32`` for HDR (PQ and HLG) and ``uint8`` for everything else.
#
# Frames keep the transfer function of the file: nothing is mapped to the brightness of a screen.

assert VideoDecoder("hdr.mkv", output_dtype="auto")[0].dtype == torch.float32
