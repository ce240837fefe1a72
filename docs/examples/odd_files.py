"""
Rotation and odd files
======================

Files from phones, cameras and editors are often odd. A decoder returns what a player shows.
"""

# %%
# Rotation
# --------
#
# Phones store frames as the sensor gives them, and a note that says how to turn them. Frames are
# turned while they are converted. ``width`` and ``height`` are those of the returned frames.

import struct
from pathlib import Path

import torch
from clip import ffmpeg, make_clip
from pictures import show_frames

from cycodec.decoders import VideoDecoder
from cycodec.encoders import VideoEncoder

# The matrix in the track header of an MP4 file that turns the picture by a quarter.
QUARTER_TURN = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)

path = Path(make_clip("landscape.mp4", size="320x180"))
data = bytearray(path.read_bytes())
matrix = data.index(b"tkhd") + 44
data[matrix : matrix + 36] = QUARTER_TURN
Path("phone.mp4").write_bytes(data)

stored = VideoDecoder(path)
phone = VideoDecoder("phone.mp4")
print(f"turned by {phone.metadata.rotation:g} degrees: {phone.metadata.width}x{phone.metadata.height}")
assert phone[0].shape == (3, 320, 180)
show_frames([stored[0], phone[0]], ["as stored", "as returned"])

# %%
# Regions and transforms refer to the turned frame.

assert torch.equal(phone[0, :, :100, :50], phone[0][:, :100, :50])

# %%
# Pixels that are not square
# --------------------------
#
# Some formats store narrow pixels. Frames are returned as they are stored. The metadata tells how
# much wider they should be shown.

ffmpeg("-i", "landscape.mp4", *["-vf", "setsar=4/3", "-c:v", "mpeg4", "-q:v", "3"], "wide.mp4")
ratio = VideoDecoder("wide.mp4").metadata.pixel_aspect_ratio
print(f"pixel aspect ratio {ratio}, as a float {float(ratio):.3f}")

# %%
# Cut without decoding
# --------------------
#
# A file that was cut by copying begins before the cut, at a key frame. An edit list in the file
# hides these frames. They are not counted, and the first frame is the one that players show first.

ffmpeg("-ss", "1.52", "-i", "landscape.mp4", "-c", "copy", "cut.mp4")
cut = VideoDecoder("cut.mp4")
print(f"{len(cut)} frames from {cut.metadata.begin_stream_seconds:.2f} s on")
show_frames([stored.t[1.52], cut[0]], ["frame at 1.52 s", "first frame of the cut"])
assert torch.equal(stored.t[1.52], cut[0])

# %%
# One frame, odd sizes, no duration
# ---------------------------------
#
# Small and odd files are ordinary files.

picture = torch.randint(0, 256, (1, 3, 5, 7), dtype=torch.uint8)
VideoEncoder(picture, frame_rate=1).to_file("tiny.mkv", codec="ffv1", pixel_format="bgr0")
tiny = VideoDecoder("tiny.mkv")
print(tiny, tuple(tiny[...].shape))
assert torch.equal(tiny[...], picture)
