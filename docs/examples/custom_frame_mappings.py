"""
Custom frame mappings
=====================

If ffprobe has listed the frames of a file before, a decoder can take that list in place of an
index of its own.
"""

# %%
# ffprobe writes the list once. The decoder needs ``pts`` and ``key_frame`` of each frame, and takes
# ``duration`` where it is known.

import subprocess
from pathlib import Path

from clip import make_clip
from pictures import show_frames

from cycodec.decoders import VideoDecoder

path = make_clip("clip.mp4", seconds=3)
entries = "frame=pts,duration,key_frame"
command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "json"]
mappings = subprocess.run([*command, path], capture_output=True, text=True, check=True).stdout
Path("clip.json").write_text(mappings)
print(mappings[:150], "...")

# %%
# The list is passed as text, as bytes, or as an open file.

decoder = VideoDecoder(path, custom_frame_mappings=mappings)
with open("clip.json") as file:
    from_file = VideoDecoder(path, custom_frame_mappings=file)
assert len(decoder) == len(from_file) == len(VideoDecoder(path))
assert (decoder[40] == VideoDecoder(path)[40]).all()
show_frames(decoder[::15])

# %%
# A list that does not match the file is an error, not a wrong frame.

try:
    VideoDecoder(path, custom_frame_mappings='{"frames": []}')
except ValueError as error:
    print(error)

# %%
# For new code, a :doc:`saved index </gallery/saved_index>` is smaller, and it carries a fingerprint
# of its file.
