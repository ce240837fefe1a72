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

from pathlib import Path

import torch
from clip import make_clip
from pictures import show_bars, show_frames, show_results, show_strip
from PIL import Image

from cycodec.decoders import VideoDecoder, decode_animation, decode_image
from cycodec.encoders import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder
from cycodec.transforms import RandomResizedCrop

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
# The scales of JPEG
# ------------------
#
# A JPEG stores blocks of 8x8 pixels as frequencies. libjpeg can make 4x4, 2x2 or 1x1 pixels of a
# block, from its lowest frequencies alone, and cycodec chooses the smallest scale that has enough
# pixels for the size. Here, the sizes are exactly those of the scales. Below each of them is the
# same size made of all pixels, by ``dct_scaling=False``, and what differs, four times as bright.

scaled = [decode_image("picture.jpg", size=(480 // n, 640 // n)) for n in (1, 2, 4, 8)]
exact = [decode_image("picture.jpg", size=image.shape[1:], dct_scaling=False) for image in scaled]
differences = [(one.int() - other.int()).abs() for one, other in zip(scaled, exact, strict=True)]
titles = [f"1/{n}: {480 // n}x{640 // n}" for n in (1, 2, 4, 8)]
titles += ["resized from all pixels"] * 4
titles += [f"mean difference {difference.float().mean():.2f}" for difference in differences]
amplified = [(4 * difference).clamp(max=255).byte() for difference in differences]
show_frames([*scaled, *exact, *amplified], titles, columns=4)

# %%
# Crops for training
# ------------------
#
# ``RandomResizedCrop`` decodes only its box, at the scale that the box allows. The same seed draws
# the same boxes with and without ``dct_scaling``, whatever the number of threads.

transforms = [RandomResizedCrop(112, scale=(0.3, 1.0))]
torch.manual_seed(1)
crops = decode_image(["picture.jpg"] * 5, transforms=transforms, dct_scaling=True)
torch.manual_seed(1)
whole = decode_image(["picture.jpg"] * 5, transforms=transforms, dct_scaling=False, num_threads=1)
show_frames([*crops, *whole], ["dct_scaling=True"] * 5 + ["dct_scaling=False"] * 5)

# %%
# Animations
# ----------
#
# The frames of an animation come with the time at which each one is shown, and for how long. The
# bars are as long as the durations.

stills = [Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in VideoDecoder("clip.mp4")[::4]]
stills = [still.resize((160, 120)) for still in stills]
durations = [100, 100, 400, 100, 50, 50, 300]
stills[0].save("clip.webp", save_all=True, append_images=stills[1:], duration=durations)

animation = decode_animation("clip.webp")
print(len(animation), "frames of", animation.duration_seconds.tolist(), "s")
show_strip(animation)

# %%
# A list in which some images fail
# --------------------------------
#
# With ``on_error="return"``, the place of an image that fails holds its exception.

data = Path("picture.jpg").read_bytes()
sources = ["picture.jpg", data[:9000], "picture.png", b"no image", "missing.webp", "picture.avif"]
results = decode_image(sources, size=(120, 160), on_error="return")
show_results(results)
for result in results:
    if isinstance(result, Exception):
        print(f"{type(result).__name__}:", str(result).partition(" (")[0])

# %%
# Sources, formats and errors: :doc:`/images`.
