"""Floats equal ffmpeg's rgb48le divided by 65535, bit for bit, at every width and on every level of
the processor.
"""

import platform
import random
from pathlib import Path

import media
import numpy as np
import oracle
import programs
import pytest
import recipes
import torch
from colours import Colour, ffv1
from programs import ROOT
from regions import boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

ARM = platform.machine() in ("aarch64", "arm64")
LEVELS = ["none", "plain", "neon"] if ARM else ["none", "plain", "avx2", "avx512"]

# bits, and the shifts of chroma's rows and columns
FORMATS = {
    "yuv420p": (8, 1, 1),
    "yuv422p": (8, 0, 1),
    "yuv444p": (8, 0, 0),
    "yuv440p": (8, 1, 0),
    "yuva420p": (8, 1, 1),
    "yuva422p": (8, 0, 1),
    "yuva444p10le": (10, 0, 0),
    "gray": (8, 0, 0),
    "yuv420p9le": (9, 1, 1),
    "yuv420p10le": (10, 1, 1),
    "yuv420p12le": (12, 1, 1),
    "yuv422p10le": (10, 0, 1),
    "yuv444p12le": (12, 0, 0),
    "yuv420p16le": (16, 1, 1),
    "gray10le": (10, 0, 0),
    "gray16le": (16, 0, 0),
    "yuv444p16le": (16, 0, 0),
    "gbrp": (8, 0, 0),  # swscale takes RGB through YUV
    "nv12": (8, 1, 1),
    "yuv411p": (8, 0, 2),
    "yuv420p10be": (10, 1, 1),
}
BY_TABLES = ("yuv420p", "yuv422p", "yuva420p")  # ffmpeg leaves out the last column of odd widths
RAW = ["nv12", "yuv420p10be"]  # their files do not state the colours
KINDS = [
    (name, *kind) for name in FORMATS if name not in RAW for kind in (("bt709", "tv"), ("bt2020nc", "pc"))
]
KINDS += [(name, "unspecified", "tv") for name in RAW]
SIZES = [(1, 1), (7, 5), (14, 6), (15, 4), (16, 4), (33, 6), (34, 18), (67, 19), (68, 31), (130, 22)]


@pytest.fixture
def level():
    """Sets a level for a test, and restores all kernels after it."""
    yield cpu.use_kernels
    cpu.use_kernels("avx512")


def noise(pixels, width, height):
    """Returns planes: luma, Cb and Cr, and perhaps alpha. Half of the samples are noise over all
    codes; the rest are the lowest and highest codes, whose sums overflow.
    """
    depth, down, across = FORMATS[pixels]
    dice = np.random.default_rng(width)
    shapes = [(height, width)] + [(-(-height // 2**down), -(-width // 2**across))] * 2
    shapes = shapes[:1] if "gray" in pixels else shapes + shapes[:1] * pixels.startswith("yuva")
    codes = [(dice.integers(0, 2**depth, shape), dice.choice((0, 2**depth - 1), shape)) for shape in shapes]
    return [np.where(dice.random(some.shape) < 0.5, some, extremes) for some, extremes in codes]


def stored(pixels, planes):
    """Returns the bytes of a raw frame."""
    depth = FORMATS[pixels][0]
    dtype = "u1" if depth == 8 else ">u2" if pixels.endswith("be") else "<u2"
    if pixels == "nv12":
        planes = [planes[0], np.stack(planes[1:], -1)]
    return b"".join(plane.astype(dtype).tobytes() for plane in planes)


def write(path, pixels, planes, tags):
    """Writes a lossless file of one frame."""
    height, width = planes[0].shape
    tags = ["-pix_fmt", pixels, *tags]
    read = ["-f", "rawvideo", "-s", f"{width}x{height}", *tags, "-i", "pipe:0"]
    codec = ["-c:v", "rawvideo"] if pixels in RAW else ffv1(width, height)
    recipes.run(*read, *codec, *tags, path, stdin=stored(pixels, planes))
    return path


@pytest.mark.parametrize(("pixels", "matrix", "limits"), KINDS)
def test_every_level_is_ffmpegs(tmp_path, level, pixels, matrix, limits):
    chance = random.Random(1)
    tags = ["-color_range", limits]
    if pixels not in RAW:
        tags += ["-colorspace", matrix]
    suffix = "nut" if pixels in RAW else "mkv"
    for width, height in SIZES:
        odd = width % 2 and height % 2 == 0 and pixels in BY_TABLES
        planes = noise(pixels, width + 1 if odd else width, height)
        path = write(tmp_path / f"{width}.{suffix}", pixels, planes, tags)
        expected = torch.from_numpy(oracle.floats(path, height, planes[0].shape[1])[0])
        if odd:  # the same picture without its last column
            planes = [plane[:, :width] if plane.shape[1] > width else plane for plane in planes]
            path = write(path, pixels, planes, tags)
            expected = expected[:, :width]
        expected = expected.permute(2, 0, 1)
        for name in LEVELS:
            level(name)
            for dtype in (torch.float32, torch.float16):
                wanted = expected.to(dtype)
                assert torch.equal(VideoDecoder(path, output_dtype=dtype)[0], wanted), (width, name, dtype)
                planar = VideoDecoder(path, output_dtype=dtype, memory_order="NCHW")
                assert torch.equal(planar[0], wanted), (width, name, dtype)
                for y0, y1, x0, x1 in boxes(height, width, 6, chance.random()):
                    part = VideoDecoder(path, output_dtype=dtype)[0, :, y0:y1, x0:x1]
                    assert torch.equal(part, wanted[:, y0:y1, x0:x1]), (width, name, y0, y1, x0, x1)


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


@pytest.mark.skipif(
    ARM or not {"avx2", "fma", "f16c"} <= set(Path("/proc/cpuinfo").read_text().split()),
    reason="there is no vector kernel for these here",
)
@pytest.mark.parametrize(
    ("subsampling", "depth", "size", "kernel"),
    [
        ("420", 8, (66, 50), "tables"),
        ("420", 8, (65, 50), "tables"),
        ("422", 8, (66, 50), "tables"),
        ("422", 8, (66, 49), "general"),
        ("420", 8, (66, 49), "general"),
        ("420", 8, (66, 15), None),
        ("420", 10, (66, 50), "general"),
        ("422", 10, (66, 49), "general"),
        ("420", 10, (65, 50), "general"),  # chroma is interpolated between columns too
        ("420", 10, (13, 50), None),
        ("420", 10, (66, 49), "general"),
        ("420", 10, (66, 14), None),
        ("444", 8, (65, 49), "general"),
        ("444", 10, (66, 50), "general"),
        ("444", 14, (1, 1), "general"),
        ("444", 16, (66, 50), "general"),
    ],
)
def test_kernels_are_used(subsampling, depth, size, kernel):
    decoder = VideoDecoder(
        Colour("bt709", "tv", subsampling, depth).encode(*size), output_dtype=torch.float32
    )
    decoder[0]
    names = {
        "tables": ["float_tables", "float_tables_by_row"],
        "general": ["float_wrapped", "float_biased"],
        None: [None],
    }
    assert decoder._session.reader.backend.kernel in names[kernel]


@pytest.mark.skipif(ARM, reason="there is no vector kernel for these here")
@pytest.mark.parametrize("pixels", ["gray", "gray10le", "gray16le"])
def test_gray_has_a_kernel(pixels, tmp_path):
    path = write(tmp_path / "x.mkv", pixels, noise(pixels, 67, 49), [])
    decoder = VideoDecoder(path, output_dtype=torch.float32)
    decoder[0]
    assert decoder._session.reader.backend.kernel in ("float_wrapped", "float_biased")


def test_no_byte_is_read_or_written_that_is_not_theirs(tmp_path):
    kernels = ROOT / "csrc" / "kernels"
    sources = [
        ROOT / "tests" / "native" / "float_rows.c",
        *(kernels / name for name in ("float_rows.c", "yuv2rgb_matrix.c", "kernel_level.c")),
    ]
    options = [*programs.sanitizers(tmp_path), "-fno-sanitize=shift"]
    programs.run(tmp_path / "rows", sources, *options, says=" rows are equal\n")
