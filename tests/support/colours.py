"""YCbCr videos of a chosen matrix, range, subsampling and depth."""

from dataclasses import dataclass

import numpy as np
import recipes

WIDTH, HEIGHT, FRAMES = 66, 50, 3

SUBSAMPLING = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}


@dataclass(frozen=True)
class Colour:
    """A kind of YCbCr video: ffmpeg's matrix and range, the subsampling and the bit depth."""

    matrix: str
    range: str
    subsampling: str
    depth: int

    def __str__(self):
        return f"{self.matrix}_{self.range}_{self.subsampling}_{self.depth}bit"

    @property
    def pixels(self):
        return f"yuv{self.subsampling}p" + (f"{self.depth}le" if self.depth > 8 else "")

    @property
    def dtype(self):
        return np.dtype("<u2" if self.depth > 8 else "u1")

    def planes(self, width=WIDTH, height=HEIGHT):
        """Returns [luma, Cb, Cr] of each frame: noise over all codes, mild noise, ramps."""
        rng = np.random.default_rng(3)
        rows, columns = SUBSAMPLING[self.subsampling]
        shapes = [(height, width)] + [(-(-height // rows), -(-width // columns))] * 2
        top = 2**self.depth - 1
        noise = [rng.integers(0, top + 1, shape) for shape in shapes]
        mild = [rng.integers(top // 3, top // 2, shape) for shape in shapes]
        ramps = [np.arange(h * w).reshape(h, w) * top // max(1, h * w - 1) for h, w in shapes]
        return [[plane.astype(self.dtype) for plane in frame] for frame in (noise, mild, ramps)]

    def encode(self, width=WIDTH, height=HEIGHT, frames=None):
        """Returns the frames, by default those of `planes`, as a lossless file with this matrix and
        range.
        """
        frames = frames or self.planes(width, height)
        raw = b"".join(plane.tobytes() for frame in frames for plane in frame)
        tags = ["-color_range", self.range]
        if self.matrix != "unspecified":
            tags += ["-colorspace", self.matrix]
        # both input and output have the tags, so that no version of ffmpeg converts
        read = ["-f", "rawvideo", "-s", f"{width}x{height}", "-pix_fmt", self.pixels, *tags, "-i", "pipe:0"]
        write = [*ffv1(width, height), "-pix_fmt", self.pixels, *tags, "-f", "matroska", "pipe:1"]
        return subprocess_output(read, write, raw)


def ffv1(width, height):
    """Returns the options that encode pictures of any size without loss.

    From FFmpeg 7 on, the encoder's own number of slices does not fit all small sizes.
    """
    return ["-c:v", "ffv1", *(["-slices", "1"] if width <= 352 and height <= 288 else [])]


def subprocess_output(read, write, data):
    return recipes.run(*read, *write, "-fflags", "+bitexact", stdin=data).stdout
