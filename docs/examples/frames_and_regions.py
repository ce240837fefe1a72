"""Frames and regions: a decoder is indexed like a NumPy array."""

from clip import make_clip

from cycodec.decoders import VideoDecoder

decoder = VideoDecoder(make_clip("frames.mp4"))
print(decoder)

# Select one frame or many: only the selected frames are decoded.
print("one frame     ", tuple(decoder[7].shape))
print("every tenth   ", tuple(decoder[::10].shape))
print("some, any order", tuple(decoder[[40, 3, 3]].shape))

# A tuple also indexes into the frames: only these 64 x 64 pixels are converted to RGB.
corner = decoder[:20, :, :64, :64]
print("a corner      ", tuple(corner.shape))
assert (corner == decoder[:20][:, :, :64, :64]).all()

# The axes can be in the order of images, with channels last.
pictures = VideoDecoder("frames.mp4", dimension_order="NHWC")
print("channels last ", tuple(pictures[7].shape))

# Code that needs contiguous NCHW gets planes without a copy: the conversion writes them.
planes = VideoDecoder("frames.mp4", memory_order="NCHW")
print("planes        ", tuple(planes[7].shape), "contiguous" if planes[7].is_contiguous() else "a view")
