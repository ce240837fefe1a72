"""
Images
======

Image files become tensors, and tensors become image files. Thumbnails, regions and animations are
decoded directly.
"""

# %%
# Four formats
# ------------
#
# An image is a ``uint8`` tensor ``[C, H, W]``. The picture of this page is a frame of a clip.

import torch
from clip import ffmpeg, make_clip
from pictures import show_bars, show_frames

from cycodec.decoders import VideoDecoder, decode_animation, decode_image
from cycodec.encoders import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder

picture = VideoDecoder(make_clip("clip.mp4", seconds=1, size="640x480"))[12]

encoders = {
    "picture.jpg": JpegEncoder(picture),
    "picture.png": PngEncoder(picture),
    "picture.webp": WebpEncoder(picture),
    "picture.avif": AvifEncoder(picture),
}
differences = {}
for name, encoder in encoders.items():
    encoder.to_file(name)
    differences[name] = (decode_image(name).float() - picture).abs().mean().item()
show_bars(differences, "mean difference from the picture, levels of 255")

# %%
# Thumbnails and regions
# ----------------------
#
# A thumbnail is decoded at a smaller scale. A region is decoded alone.

thumbnail = decode_image("picture.jpg", size=120)
part = decode_image("picture.jpg", region=(60, 180, 80, 240))
print("thumbnail", tuple(thumbnail.shape), "part", tuple(part.shape))
assert torch.equal(part, decode_image("picture.jpg")[:, 60:180, 80:240])
show_frames([decode_image("picture.jpg"), thumbnail, part], ["picture", "thumbnail", "region"])

# %%
# Animations
# ----------
#
# The frames of an animation come with the time at which each one is shown.

ffmpeg("-i", "clip.mp4", "-vf", "fps=10,scale=160:120", "clip.gif")
animation = decode_animation("clip.gif")
print(len(animation), "frames, the last at", round(animation.pts_seconds[-1].item(), 2), "s")
show_frames(animation.data, [f"{seconds:.1f} s" for seconds in animation.pts_seconds.tolist()])

# %%
# Sources, formats and errors: :doc:`/images`.
