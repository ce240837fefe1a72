"""
Encoding video
==============

Frames to files, to memory, and as they come.
"""

# %%
# One call
# --------
#
# ``VideoEncoder`` takes frames ``[N, C, H, W]``. The file extension names the container.

import io

import torch
from clip import make_clip
from pictures import show_bars, show_frames

from cycodec.decoders import VideoDecoder
from cycodec.encoders import Encoder, VideoEncoder, available

frames = VideoDecoder(make_clip("video.mp4", seconds=2))[...]
encoder = VideoEncoder(frames, frame_rate=25)
encoder.to_file("copy.mp4", codec="mpeg4", bit_rate=400_000)
copy = VideoDecoder("copy.mp4")
print(copy)
show_frames([frames[20], copy[20]], ["before", "after"])

# %%
# To memory, and without loss
# ---------------------------
#
# ``to_tensor`` and ``to_file_like`` take the name of a container. FFV1 with a format of RGB keeps
# every bit.

data = encoder.to_tensor("matroska", codec="ffv1", pixel_format="bgr0")
assert torch.equal(VideoDecoder(data)[...], frames)

buffer = io.BytesIO()
encoder.to_file_like(buffer, "mp4", codec="mpeg4")
print(f"without loss {len(data) / 1e6:.2f} MB, as MPEG-4 {len(buffer.getvalue()) / 1e6:.2f} MB")

# %%
# Size and quality
# ----------------
#
# ``bit_rate``, ``crf``, ``preset``, ``gop`` and ``pixel_format`` are arguments. Every other option
# of FFmpeg goes into ``extra_options``.

sizes = {}
for rate in (200_000, 400_000, 800_000):
    sizes[f"{rate // 1000} kbit/s"] = len(encoder.to_tensor("mp4", codec="mpeg4", bit_rate=rate)) / 1000
show_bars(sizes, "size of the file, kB")

# %%
# Which codecs work here depends on your FFmpeg:

print("MP4:", ", ".join(available("mp4").video[:8]))

# %%
# Frames that come in pieces, each with its own time
# --------------------------------------------------
#
# ``Encoder`` takes frames and samples as they come. ``pts_seconds`` gives each frame its own
# time, rounded to the time base of the stream.

encoder = Encoder()
video = encoder.add_video(height=240, width=320, frame_rate=25, codec="mpeg4")
audio = encoder.add_audio(sample_rate=16000, num_channels=1)
with encoder.open_file("both.mp4"):
    for start in range(0, 50, 10):
        video.add_frames(frames[start : start + 10])
        audio.add_samples(torch.zeros(1, 6400))
print(VideoDecoder("both.mp4"))

encoder = Encoder()
video = encoder.add_video(height=240, width=320, frame_rate=25, codec="mpeg4")
with encoder.open_file("variable.mp4"):
    video.add_frames(frames[:3], pts_seconds=[0.0, 0.04, 0.5])
times = VideoDecoder("variable.mp4").get_frames_at([0, 1, 2]).pts_seconds.tolist()
print("times:", [f"{time:.3f} s" for time in times])

# %%
# Depth maps
# ----------
#
# ``uint16`` frames of one channel keep their values in FFV1 or PNG.

depth = torch.arange(96 * 128).reshape(1, 1, 96, 128).remainder(4096).to(torch.uint16)
VideoEncoder(depth, frame_rate=30).to_file("depth.mkv", codec="ffv1", pixel_format="gray12le", bit_depth=12)
print(VideoDecoder("depth.mkv").metadata.pixel_format)

# %%
# Options are checked
# -------------------
#
# An option that an encoder does not have is an error.

try:
    VideoEncoder(frames, frame_rate=25).to_file("bad.mp4", codec="mpeg4", crf=20)
except ValueError as error:
    print(str(error)[:150], "...")

# %%
# More: :doc:`/encoding`, :doc:`/gallery/recording`.
