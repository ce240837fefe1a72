"""Frames whose chroma swscale filters along rows: odd widths, 4:1:1 and 4:1:0. Everything equals
ffmpeg's, on every level of the processor.
"""

import platform
import random
from pathlib import Path

import numpy as np
import programs
import pytest
import recipes
import torch
from programs import ROOT
from regions import boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

ARM = platform.machine() in ("aarch64", "arm64")
LEVELS = ["none", "plain", "avx2"]
# bits, and the shifts of chroma's rows and columns
FORMATS = {
    "yuv420p": (8, 1, 1),
    "yuv422p": (8, 0, 1),
    "yuva420p": (8, 1, 1),
    "yuva422p10le": (10, 0, 1),
    "yuv420p10le": (10, 1, 1),
    "yuv422p12le": (12, 0, 1),
    "yuv420p14le": (14, 1, 1),
    "yuv411p": (8, 0, 2),
    "yuv410p": (8, 2, 2),
}
SIZES = [(3, 5), (15, 33), (29, 8), (32, 32), (35, 34), (67, 31), (131, 35), (258, 36)]
PIXELS = {("rgb", torch.uint8): "rgb24", ("rgb", torch.float32): "rgb48le", ("rgba", torch.uint8): "rgba"}
PIXELS["rgba", torch.float32] = "rgba64le"


@pytest.fixture
def level():
    """Sets a level for a test, and restores all kernels after it."""
    yield cpu.use_kernels
    cpu.use_kernels("avx512")


def write(folder, pixels, width, height):
    """Writes a raw frame; half of its samples are noise, the others are extreme codes."""
    depth, down, across = FORMATS[pixels]
    dice = np.random.default_rng(width * 1000 + height)
    shapes = [(height, width)] + [(-(-height // 2**down), -(-width // 2**across))] * 2
    shapes += shapes[:1] * pixels.startswith("yuva")
    planes = []
    for shape in shapes:
        extremes = dice.choice((0, 2**depth - 1), shape)
        plane = np.where(dice.random(shape) < 0.5, dice.integers(0, 2**depth, shape), extremes)
        planes.append(plane.astype("u1" if depth == 8 else "<u2").tobytes())
    path = folder / f"{pixels}_{width}x{height}.yuv"  # ffmpeg takes the rawvideo demuxer for this name
    path.write_bytes(b"".join(planes))
    return path, {"pixel_format": pixels, "video_size": f"{width}x{height}"}


def ffmpegs(path, options, output, dtype):
    """Returns ffmpeg's picture [H, W, C]."""
    width, height = map(int, options["video_size"].split("x"))
    given = [word for key, value in options.items() for word in (f"-{key}", value)]
    last = ("-pix_fmt", PIXELS[output, dtype], "-f", "rawvideo", "-")
    data = recipes.run("-threads", "1", "-f", "rawvideo", *given, "-i", path, *last).stdout
    samples = np.frombuffer(data, np.uint8 if dtype == torch.uint8 else "<u2").reshape(height, width, -1)
    if dtype == torch.uint8:
        return torch.from_numpy(samples.copy())
    return torch.from_numpy(samples.astype(np.float32) / np.float32(65535))


def last_column_is_left_out(pixels, width, height, output, dtype):
    """swscale's tables for 8 bits leave it out of odd widths."""
    by_tables = pixels in ("yuv420p", "yuv422p", "yuva420p") and width % 2 and height % 2 == 0
    return by_tables and (output, dtype) == ("rgb", torch.float32)


@pytest.mark.parametrize("pixels", FORMATS)
def test_every_level_is_ffmpegs(tmp_path, level, pixels):
    chance = random.Random(pixels)
    for width, height in SIZES:
        path, options = write(tmp_path, pixels, width, height)
        for output, dtype in PIXELS:
            if last_column_is_left_out(pixels, width, height, output, dtype):
                continue
            wanted = ffmpegs(path, options, output, dtype)
            choice = {"options": options, "output": output, "output_dtype": dtype, "dimension_order": "NHWC"}
            for name in LEVELS:
                level(name)
                place = (width, height, output, dtype, name)
                assert torch.equal(VideoDecoder(path, **choice)[0], wanted), place
                assert torch.equal(VideoDecoder(path, **choice, memory_order="NCHW")[0], wanted), place
                for y0, y1, x0, x1 in boxes(height, width, 6, chance.random())[4:]:
                    part = VideoDecoder(path, **choice)[0, y0:y1, x0:x1]
                    assert torch.equal(part, wanted[y0:y1, x0:x1]), (*place, y0, y1, x0, x1)


@pytest.mark.skipif(
    ARM or not {"avx2", "fma", "f16c"} <= set(Path("/proc/cpuinfo").read_text().split()),
    reason="there is no vector kernel for these here",
)
@pytest.mark.parametrize(
    ("pixels", "size"),
    [
        ("yuv420p", (67, 31)),
        ("yuv420p10le", (67, 34)),
        ("yuv422p12le", (67, 34)),
        ("yuv411p", (64, 34)),
        ("yuv410p", (65, 36)),
    ],
)
def test_kernels_are_used(tmp_path, pixels, size):
    path, options = write(tmp_path, pixels, *size)
    for dtype, kernels in ((torch.uint8, {"wide"}), (torch.float32, {"float_wrapped", "float_biased"})):
        decoder = VideoDecoder(path, options=options, output_dtype=dtype)
        decoder[0]
        assert decoder._session.reader.backend.kernel in kernels


def test_no_byte_is_read_or_written_that_is_not_theirs(tmp_path):
    kernels = ROOT / "csrc" / "kernels"
    names = ("wide_rows", "float_rows", "sws_filter", "axis", "yuv2rgb_matrix", "kernel_level")
    sources = [ROOT / "tests" / "native" / "wide_rows.c", *(kernels / f"{name}.c" for name in names)]
    options = [*programs.sanitizers(tmp_path), "-fno-sanitize=shift,signed-integer-overflow", "-lm"]
    programs.run(tmp_path / "rows", sources, *options, says=" rows are equal\n")
