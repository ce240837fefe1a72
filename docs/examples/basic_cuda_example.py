"""
On a GPU
========

With ``device="cuda"``, NVIDIA's hardware decodes, and frames stay in the memory of the GPU. The
frames are those of the CPU, byte for byte, except for MPEG-1, MPEG-2 and MPEG-4: these leave some
rounding open.
"""

# %%
# This page runs with and without a GPU. If something is missing, the error names it and says what
# to do.

import torch
from clip import make_clip

from cycodec import CudaUnavailableError
from cycodec.decoders import VideoDecoder

source = make_clip("clip.mp4")
on_cpu = VideoDecoder(source)

try:
    decoder = VideoDecoder(source, device="cuda")
except CudaUnavailableError as error:
    print(error)
else:
    print(decoder.cpu_fallback)  # tells which device decodes, and why
    frames = decoder[0:10]
    print(frames.device, tuple(frames.shape))
    assert (frames.cpu().int() - on_cpu[0:10].int()).abs().max() <= 16  # MPEG-4 leaves rounding open

# %%
# Code for both
# -------------
#
# Everything else is the same: indices, times, regions, transforms and samplers.

device = "cuda" if torch.cuda.is_available() else "cpu"
decoder = VideoDecoder(source, device=device)
print(decoder.t[1.0:2.0:0.25].device)

# sphinx_gallery_thumbnail_path = 'benchmarks/gpu.png'

# %%
# The documentation is built without a GPU. With one, the first part prints this:
#
# .. code-block:: text
#
#    No fallback required
#    cuda:0 (10, 3, 240, 320)
#
# .. list-table:: Times on an H100, 1080p H.264
#    :header-rows: 1
#
#    * - request
#      - cycodec, ms
#      - TorchCodec 0.17, ms
#    * - open + first frame
#      - 3.9
#      - 25
#    * - 10 random frames
#      - 85
#      - 190
#    * - first 100 frames
#      - 140
#      - 169
#
# Requirements, backends and limits: :doc:`/cuda`.
