"""On a GPU, if there is one: the same decoder and the same frames, in the GPU's memory."""

import torch
from clip import make_clip

from cycodec import CudaUnavailableError
from cycodec.decoders import VideoDecoder

source = make_clip("clip.mp4")
on_cpu = VideoDecoder(source)

try:
    decoder = VideoDecoder(source, device="cuda")
except CudaUnavailableError as error:  # names what is missing, and what to do
    print(error)
else:
    print(decoder.cpu_fallback)  # tells which device decodes, and why
    frames = decoder[0:10]
    print(frames.device, tuple(frames.shape))
    assert torch.equal(frames.cpu(), on_cpu[0:10])  # byte for byte
