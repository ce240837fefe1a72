"""Frames and regions: a decoder is indexed like a NumPy array."""

from clip import make_clip

from cycodec.decoders import VideoDecoder

decoder = VideoDecoder(make_clip("frames.mp4"))
print(decoder)

# One frame, many frames: only what is asked for is decoded.
print("one frame     ", tuple(decoder[7].shape))
print("every tenth   ", tuple(decoder[::10].shape))
print("some, any order", tuple(decoder[[40, 3, 3]].shape))

# A tuple reaches into the frames: these 64 x 64 pixels are the only ones that are converted to RGB.
corner = decoder[:20, :, :64, :64]
print("a corner      ", tuple(corner.shape))
assert (corner == decoder[:20][:, :, :64, :64]).all()

# Channels last, for those who like pictures that way.
pictures = VideoDecoder("frames.mp4", dimension_order="NHWC")
print("channels last ", tuple(pictures[7].shape))

# Planes that lie one behind the other in memory, for code that wants contiguous NCHW: nothing is copied for it.
planes = VideoDecoder("frames.mp4", memory_order="NCHW")
print("planes        ", tuple(planes[7].shape), "contiguous" if planes[7].is_contiguous() else "a view")
