"""
Cutting and joining
===================

Parts of files are copied, and files are joined, without decoding. That takes milliseconds, and the
frames keep their bits.
"""

# %%
# Cut
# ---
#
# A part begins at the key frame at or before ``start``, because other frames cannot be decoded by
# themselves. The call returns the time at which the part begins.

import torch
from clip import make_clip
from pictures import show_frames, show_times

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import VideoEncoder

tone = ("-f", "lavfi", "-i", "sine=440:duration=8", "-c:a", "aac", "-shortest")
path = make_clip("whole.mp4", *tone, *["-c:v", "mpeg4", "-q:v", "3", "-g", "25"], seconds=8)
whole = VideoDecoder(path)

begin = cycodec.remux(path, "part.mp4", start=2.5, stop=5.0)
part = VideoDecoder("part.mp4")
print(f"the part begins at {begin:.2f} s and has {len(part)} frames")
assert torch.equal(part[0], whole.t[begin])
show_frames([whole.t[2.5], part[0]], ["frame at 2.5 s", f"first frame of the part, {begin:.2f} s"])

# %%
# Cut at any frame
# ----------------
#
# With ``exact=True`` the part has exactly the frames that are played in the range. Only the frames
# between a cut and the next key frame are encoded again; all others are copied.

long = make_clip("long.mp4", "-c:v", "mpeg4", "-q:v", "3", "-g", "25", seconds=60)


def copied():
    cycodec.remux(long, "copied.mp4", start=2.5, stop=50.3)


def exact():
    cycodec.remux(long, "exact.mp4", start=2.5, stop=50.3, exact=True)


def encoded_again():
    frames = VideoDecoder(long).t[2.5:50.3]
    VideoEncoder(frames, frame_rate=25).to_file("encoded.mp4", codec="mpeg4", bit_rate=2_000_000)


show_times("48 s of 320x240", {"copied": copied, "exact": exact, "decoded and encoded": encoded_again})
print(
    len(VideoDecoder("exact.mp4")),
    "frames in the exact part,",
    len(VideoDecoder("copied.mp4")),
    "in the copied one",
)

# %%
# Join
# ----
#
# Files that were encoded with the same settings are joined. The call returns where each begins.

begins = cycodec.concat([path, "part.mp4"], "joined.mp4")
joined = VideoDecoder("joined.mp4")
print(f"{len(whole)} + {len(part)} = {len(joined)} frames; they begin at {[round(b, 2) for b in begins]} s")
assert torch.equal(joined[len(whole)], part[0])

# %%
# Files that do not fit are refused, and the message says in what they differ.

try:
    cycodec.concat([path, make_clip("other.mp4", size="160x120")], "bad.mp4")
except ValueError as error:
    print(error)

# %%
# Another container, and the audio alone
# --------------------------------------
#
# ``remux`` takes the container from the extension, and ``extract_audio`` copies the audio stream.

cycodec.remux(path, "whole.mkv", metadata={"title": "A copy"})
assert torch.equal(VideoDecoder("whole.mkv")[100], whole[100])
cycodec.extract_audio(path, "audio.m4a")
print(AudioDecoder("audio.m4a"))

# %%
# The command line does the same: ``cycodec cut``, ``cycodec concat``.
