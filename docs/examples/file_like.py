"""
File-like objects
=================

Anything with ``read(size)`` and ``seek(offset, whence)`` is a source. It is read on demand, never
as a whole.
"""

# %%
# This class counts the bytes that are read. A remote store could take its place.

from pathlib import Path

from clip import make_clip
from pictures import show_bars, show_frames

from cycodec.decoders import VideoDecoder


class Counting:
    """A file that counts the bytes that are read."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.count = 0

    def read(self, size):
        data = self.file.read(size)
        self.count += len(data)
        return data

    def seek(self, offset, whence):
        return self.file.seek(offset, whence)


path = make_clip("long.mp4", "-c:v", "mpeg4", "-q:v", "1", "-g", "25", seconds=60)
size = Path(path).stat().st_size
file = Counting(path)
decoder = VideoDecoder(file)
opening = file.count
print(f"opening read {opening / size:.1%} of {size / 1e6:.1f} MB, and knows all {len(decoder)} frames")

frame = decoder[1000]
print(f"with frame 1000 it was {file.count / size:.1%}")
assert (frame == VideoDecoder(path)[1000]).all()
show_frames([frame])

# %%
# The bars compare what was read with the whole file.

show_bars(
    {"the file": size / 1e6, "to open it": opening / 1e6, "with frame 1000": file.count / 1e6}, "read, MB"
)

# %%
# Bytes in memory work, too, and are not copied.

data = Path(path).read_bytes()
assert (VideoDecoder(data)[1000] == frame).all()

# %%
# Streams that cannot seek
# ------------------------
#
# A pipe is read forward, and only as far as a request needs. A temporary file keeps what was read.


class Pipe:
    """Bytes that can only be read forward."""

    def __init__(self, data):
        self.rest = memoryview(data)

    def read(self, size):
        part, self.rest = self.rest[:size], self.rest[size:]
        return bytes(part)


short = Path(make_clip("short.ts", "-c:v", "mpeg2video", "-q:v", "4")).read_bytes()
streamed = VideoDecoder(Pipe(short), seek_mode="approximate")
assert (streamed.t[2.0] == VideoDecoder(short, seek_mode="approximate").t[2.0]).all()
print("from a pipe:", tuple(streamed.t[2.0].shape))

# %%
# All kinds of sources: :doc:`/sources`.
