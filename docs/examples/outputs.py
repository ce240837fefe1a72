"""
Gray, RGBA and YUV
==================

``output=`` chooses the channels of frames. Keys, transforms and types work with each of them.
"""

# %%
# A clip whose pictures are transparent on the left and opaque on the right:

import torch
from clip import ffmpeg
from pictures import show_frames

from cycodec.decoders import VideoDecoder

fade = "testsrc2=size=320x180:rate=25:duration=1,format=yuva420p,geq=lum='p(X,Y)':cb='p(X,Y)':cr='p(X,Y)':a='255*X/W'"
ffmpeg("-f", "lavfi", "-i", fade, "-c:v", "ffv1", "fade.mkv")

frames = {output: VideoDecoder("fade.mkv", output=output)[0] for output in ("rgb", "gray", "rgba", "yuv")}
print({output: tuple(frame.shape) for output, frame in frames.items()})

# %%
# RGB, gray and RGBA have the bytes of ``ffmpeg -pix_fmt rgb24``, ``gray`` and ``rgba``. Streams
# without alpha are opaque.

rgba = frames["rgba"]
show_frames([frames["rgb"], frames["gray"], rgba], ["rgb", "gray", "rgba"])
assert VideoDecoder("fade.mkv", output="rgba")[0, 3].equal(rgba[3])

# %%
# YUV
# ---
#
# ``"yuv"`` returns the samples as they were decoded, before any conversion of colours. Chroma is
# repeated to the size of luma.

show_frames([frames["yuv"][i : i + 1] for i in range(3)], ["Y", "U", "V"])
assert frames["yuv"][1, 0::2, 0::2].equal(frames["yuv"][1, 1::2, 1::2])

# %%
# Types and regions
# -----------------
#
# A network that reads luma alone needs a third of the memory of RGB. Only the pixels of a region
# are converted.

patch = VideoDecoder("fade.mkv", output="gray", output_dtype=torch.float16)[0:10, :, 20:84, 100:164]
print(patch.shape, patch.dtype, f"{patch.numel() * 2} bytes")
