"""File-like objects: anything with read and seek is read on demand, never as a whole."""

from pathlib import Path

from clip import make_clip

from cycodec.decoders import VideoDecoder


class Counting:
    """A file that counts the bytes that are read; a remote store could take its place."""

    def __init__(self, path):
        self.file = open(path, "rb")  # noqa: SIM115 - the file lives as long as this object
        self.count = 0

    def read(self, size):
        data = self.file.read(size)
        self.count += len(data)
        return data

    def seek(self, offset, whence):
        return self.file.seek(offset, whence)


path = make_clip("long.mp4", "-c:v", "mpeg4", "-q:v", "1", "-g", "25", seconds=60)
file = Counting(path)
decoder = VideoDecoder(file)
size = Path(path).stat().st_size
print(f"opening read {file.count / size:.1%} of {size / 1e6:.1f} MB, and knows all {len(decoder)} frames")

frame = decoder[1000]
print(f"with frame 1000 it was {file.count / size:.1%}")
assert (frame == VideoDecoder(path)[1000]).all()

# Bytes in memory work, too.
assert (VideoDecoder(Path(path).read_bytes())[1000] == frame).all()
