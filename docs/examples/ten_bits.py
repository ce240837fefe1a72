"""Ten bits: float frames keep the precision that uint8 loses."""

import torch
from clip import make_clip

from cycodec.decoders import VideoDecoder

# A lossless 10-bit clip that is marked as HDR (PQ).
hdr = ("-c:v", "ffv1", "-pix_fmt", "yuv420p10le", "-colorspace", "bt2020nc", "-color_trc", "smpte2084")
source = make_clip("hdr.mkv", *hdr, seconds=1)

coarse = VideoDecoder(source)[0]
fine = VideoDecoder(source, output_dtype=torch.float32)[0]
print("uint8  ", coarse.dtype, len(coarse.unique()), "levels")
print("float32", fine.dtype, len(fine.unique()), "levels, in [0, 1]")
assert len(fine.unique()) > 256
# Both show one picture; uint8 only lacks the fractions of a level.
assert (fine * 255 - coarse).abs().max() < 4

# float16 needs half the memory, for networks that compute in half precision.
half = VideoDecoder(source, output_dtype=torch.float16)[0]
assert torch.equal(half, fine.half())

# "auto" selects float32 for HDR and uint8 for everything else.
assert VideoDecoder(source, output_dtype="auto")[0].dtype == torch.float32
