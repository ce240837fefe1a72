"""Images: thumbnails, crops, animations and other formats. Writes a sheet of what it makes."""

import subprocess

import torch
from clip import make_clip

from cycodec.decoders import VideoDecoder, decode_animation, decode_image
from cycodec.encoders import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder

# A picture to work with: a frame of a clip.
picture = VideoDecoder(make_clip("clip.mp4", seconds=1, size="640x480"))[12]

# One picture in four formats.
for encoder, name in (
    (JpegEncoder(picture), "picture.jpg"),
    (PngEncoder(picture), "picture.png"),
    (WebpEncoder(picture), "picture.webp"),
    (AvifEncoder(picture), "picture.avif"),
):
    encoder.to_file(name)
    difference = (decode_image(name).float() - picture).abs().mean()
    print(f"{name:13} differs by {difference:.2f} levels on average")

# A thumbnail is decoded at a smaller scale; a region is decoded alone.
thumbnail = decode_image("picture.jpg", size=120)
part = decode_image("picture.jpg", region=(60, 180, 80, 240))
print("thumbnail", tuple(thumbnail.shape), "part", tuple(part.shape))
assert torch.equal(part, decode_image("picture.jpg")[:, 60:180, 80:240])

# Frames of an animation, with the time at which each one is shown.
command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", "clip.mp4", "-vf", "fps=10,scale=160:120"]
subprocess.run([*command, "clip.gif"], check=True)
animation = decode_animation("clip.gif")
print(len(animation), "frames, the last at", round(animation.pts_seconds[-1].item(), 2), "s")

# A sheet of all of them.
sheet = torch.cat([thumbnail, part, *animation.data[:2]], dim=2)
PngEncoder(sheet).to_file("sheet.png")
