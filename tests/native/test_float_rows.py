"""Floats of planar YUV equal the definition in float32 bit for bit, on every level of the
processor.
"""

import platform
import random

import media
import numpy as np
import programs
import pytest
import recipes
import torch
from colours import WEIGHTS
from programs import ROOT
from regions import boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

ARM = platform.machine() in ("aarch64", "arm64")
LEVELS = ["plain", "neon"] if ARM else ["plain", "avx2", "avx512"]

# bits, and the shifts of chroma's rows and columns; the last formats have no kernel
FORMATS = {
    "yuv420p": (8, 1, 1),
    "yuv422p": (8, 0, 1),
    "yuv444p": (8, 0, 0),
    "yuv440p": (8, 1, 0),
    "yuva420p": (8, 1, 1),
    "gray": (8, 0, 0),
    "yuv420p9le": (9, 1, 1),
    "yuv420p10le": (10, 1, 1),
    "yuv422p10le": (10, 0, 1),
    "yuv444p12le": (12, 0, 0),
    "yuv420p16le": (16, 1, 1),
    "gray10le": (10, 0, 0),
    "nv12": (8, 1, 1),
    "yuv411p": (8, 0, 2),
    "yuv420p10be": (10, 1, 1),
}
RAW = ["nv12", "yuv420p10be"]  # their files do not state the colours
KINDS = [
    (name, *kind) for name in FORMATS if name not in RAW for kind in (("bt709", "tv"), ("bt2020nc", "pc"))
]
KINDS += [(name, "unspecified", "tv") for name in RAW]
SIZES = [(1, 1), (7, 5), (14, 6), (15, 3), (16, 4), (33, 6), (67, 9), (130, 6)]


@pytest.fixture
def level():
    """Sets a level for a test, and restores all kernels after it."""
    yield cpu.use_kernels
    cpu.use_kernels("avx512")


def noise(pixels, width, height):
    """Returns [luma, Cb, Cr] over all codes; the chroma of gray is neutral."""
    depth, down, across = FORMATS[pixels]
    dice = np.random.default_rng(width)
    shapes = [(height, width)] + [(-(-height // 2**down), -(-width // 2**across))] * 2
    planes = [dice.integers(0, 2**depth, shape) for shape in shapes]
    return planes if "gray" not in pixels else [planes[0]] + [np.full_like(planes[0], 2 ** (depth - 1))] * 2


def stored(pixels, planes):
    """Returns the bytes of a raw frame."""
    depth = FORMATS[pixels][0]
    dtype = "u1" if depth == 8 else ">u2" if pixels.endswith("be") else "<u2"
    if pixels == "nv12":
        planes = [planes[0], np.stack(planes[1:], -1)]
    if "gray" in pixels:
        planes = planes[:1]
    if pixels.startswith("yuva"):
        planes = [*planes, planes[0]]
    return b"".join(plane.astype(dtype).tobytes() for plane in planes)


def definition(pixels, planes, matrix, limits):
    """Returns [3, H, W] of float32; every operation rounds to float32."""
    depth, down, across = FORMATS[pixels]
    kr, kb = WEIGHTS[matrix]
    peak, unit, f = 2**depth - 1, 2 ** (depth - 8), np.float32
    height, width = planes[0].shape
    bias, scale, chroma_scale = (
        (16 * unit, 1 / (219 * unit), 1 / (224 * unit)) if limits == "tv" else (0, 1 / peak, 1 / peak)
    )
    luma = (planes[0].astype(f) - f(bias)) * f(scale)
    u, v = (
        (plane.astype(f) - f(128 * unit)).repeat(2**down, 0).repeat(2**across, 1)[:height, :width]
        for plane in planes[1:]
    )
    red = luma + f(2 * (1 - kr) * chroma_scale) * v
    green = luma - f(2 * (1 - kb) * kb / (1 - kr - kb) * chroma_scale) * u
    green -= f(2 * (1 - kr) * kr / (1 - kr - kb) * chroma_scale) * v
    blue = luma + f(2 * (1 - kb) * chroma_scale) * u
    return np.clip(np.stack([red, green, blue]), f(0), f(1))


@pytest.mark.parametrize(("pixels", "matrix", "limits"), KINDS)
def test_every_level_is_the_definition(tmp_path, level, pixels, matrix, limits):
    chance = random.Random(1)
    tags = ["-pix_fmt", pixels, "-color_range", limits]
    if pixels not in RAW:
        tags += ["-colorspace", matrix]
    codec, suffix = ("rawvideo", "nut") if pixels in RAW else ("ffv1", "mkv")
    for width, height in SIZES:
        path = tmp_path / f"{width}.{suffix}"
        planes = noise(pixels, width, height)
        read = ["-f", "rawvideo", "-s", f"{width}x{height}", *tags, "-i", "pipe:0"]
        recipes.run(*read, "-c:v", codec, *tags, path, stdin=stored(pixels, planes))
        expected = torch.from_numpy(definition(pixels, planes, matrix, limits))
        for name in LEVELS:
            level(name)
            for dtype in (torch.float32, torch.float16):
                with VideoDecoder(path, output_dtype=dtype) as decoder:
                    assert torch.equal(decoder[0], expected.to(dtype)), (width, name, dtype)
                    for y0, y1, x0, x1 in boxes(height, width, 8, chance.random()):
                        part = decoder[0, :, y0:y1, x0:x1]
                        assert torch.equal(part, expected[:, y0:y1, x0:x1].to(dtype)), (width, name, x0, x1)


@pytest.mark.parametrize(
    "name", [*(f"{n}{s}.mp4" for n in media.ORIENTATIONS for s in ("", "_444")), "rot90_422_10bit.mp4"]
)
def test_turned_pictures_are_the_same_on_every_level(level, name):
    frames = []
    for each in LEVELS:
        level(each)
        with VideoDecoder(media.path(name), output_dtype=torch.float32) as decoder:
            frames.append(decoder[:3])
            assert torch.equal(decoder[1, :, 3:40, 5:70], frames[0][1, :, 3:40, 5:70])
    assert all(torch.equal(frame, frames[0]) for frame in frames)


def test_no_byte_is_read_or_written_that_is_not_theirs(tmp_path):
    sources = [
        ROOT / "tests" / "native" / "float_rows.c",
        *(ROOT / "csrc" / "kernels" / name for name in ("float_rows.c", "kernel_level.c")),
    ]
    options = programs.sanitizers(tmp_path)
    programs.run(tmp_path / "rows", sources, *options, says=" rows are equal\n")
