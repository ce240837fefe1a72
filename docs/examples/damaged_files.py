"""
Damaged and untrusted files
===========================

A damaged frame is an error, or it is marked; it is never silently another frame. And a file from a
stranger reaches nothing but itself.
"""

# %%
# A damaged file
# --------------
#
# This clip loses some bytes in the middle, as an interrupted download or a bad disk does.

from pathlib import Path

from clip import make_clip
from pictures import show_frames

import cycodec
from cycodec.decoders import VideoDecoder

path = make_clip("good.mp4", "-c:v", "mpeg4", "-q:v", "3", "-g", "10")
data = bytearray(Path(path).read_bytes())
middle = len(data) // 2
data[middle : middle + 8000] = bytes(8000)
Path("damaged.mp4").write_bytes(data)

# %%
# By default, a damaged frame is returned as the decoder conceals it, and a frame that cannot be
# decoded raises an error. A decoder that meets a packet without a frame corrects its length.

decoder = VideoDecoder("damaged.mp4")
print(len(decoder), "frames")
errors = 0
for number in range(len(decoder)):
    try:
        decoder[number]
    except (cycodec.FFmpegError, IndexError):
        errors += 1
print(f"{errors} errors on the way; now the length is {len(decoder)}")
print(decoder.counters)

# %%
# With ``on_error="mask"``, the last good frame takes the place of a bad one, and ``valid`` is False
# there. A training loop goes on, and can leave such frames out.

masked = VideoDecoder("damaged.mp4", on_error="mask")
batch = masked.get_frames_at(range(len(masked)))
bad = (~batch.valid).nonzero().flatten().tolist()
print(f"{len(bad)} of {len(masked)} frames are marked: {bad}")
around = [max(bad[0] - 1, 0), *bad[:3], min(bad[-1] + 1, len(masked) - 1)]
show_frames(batch.data[around], [f"frame {n}, {'valid' if batch.valid[n] else 'masked'}" for n in around])

# %%
# Not a media file
# ----------------
#
# The error names the source, says what is wrong, and is a builtin exception, too.

for name, content in (("empty.mp4", b""), ("page.mp4", b"<!DOCTYPE html><html>404</html>")):
    Path(name).write_bytes(content)
    try:
        VideoDecoder(name)
    except ValueError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# A file from a stranger
# ----------------------
#
# A playlist can name other files and addresses. It is refused, and nothing is opened or requested.

upload = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://10.0.0.1/admin\n#EXT-X-ENDLIST\n"
try:
    VideoDecoder(upload)
except PermissionError as error:
    print(error)

# %%
# Limits
# ------
#
# Limits end an attack on memory before the memory is taken. They hold for one decoder, or for the
# process with ``cycodec.set_limits``.

try:
    VideoDecoder(path, max_pixels=10_000)
except cycodec.LimitError as error:
    print(error)

# %%
# How to decode uploads: :doc:`/security`. All exceptions: :doc:`/errors`.
