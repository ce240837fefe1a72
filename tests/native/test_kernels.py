"""cycodec's conversion kernels give the bytes of swscale, at every width and on every level of the
processor.
"""

import platform
import random
import subprocess
from pathlib import Path

import pytest
import recipes
import torch
from colours import Colour, ffv1
from regions import boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

ARM = platform.machine() in ("aarch64", "arm64")
LEVELS = ["plain", "neon"] if ARM else ["plain", "avx2", "avx512"]
WIDTHS = [
    2,
    14,
    30,
    31,
    32,
    33,
    34,
    62,
    63,
    64,
    65,
    66,
    94,
    96,
    97,
    126,
    127,
    128,
    129,
    130,
    191,
    192,
    194,
    258,
    854,
]


@pytest.fixture
def level():
    """Sets a level for a test, and restores all kernels after it."""
    yield cpu.use_kernels
    cpu.use_kernels("avx512")


@pytest.mark.parametrize("colour", ["bt470bg-tv", "bt709-tv", "bt709-pc", "bt2020nc-tv"])
def test_every_level_equals_swscale(tmp_path, level, colour):
    space, limits = colour.split("-")
    for width in WIDTHS:
        path = tmp_path / f"{width}.mkv"
        size = f"{width}x6"
        command = [
            recipes.FFMPEG,
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            f"testsrc2=s=64x48:r=5:d=0.4,scale={size},noise=alls=90",
        ]
        options = [
            "-pix_fmt",
            "yuv420p",
            "-colorspace",
            space,
            "-color_range",
            limits,
            *ffv1(width, 6),
            str(path),
        ]
        subprocess.run([*command, *options], check=True)
        level("none")
        with VideoDecoder(path) as decoder:
            expected = decoder[:]
        for name in LEVELS:
            level(name)
            # on Arm swscale does not write the last column of odd widths
            last = width & ~1 if ARM else width
            with VideoDecoder(path) as decoder:
                assert torch.equal(decoder[..., :last], expected[..., :last]), (width, name)
                part = decoder[0, :, 2:5, width // 2 : last]
                assert torch.equal(part, expected[0, :, 2:5, width // 2 : last]), (width, name)


DEEP = [
    Colour(matrix, span, subsampling, depth)
    for matrix, span, subsampling, depth in [
        ("bt709", "tv", "420", 8),
        ("bt709", "tv", "420", 9),
        ("bt2020nc", "tv", "420", 10),
        ("smpte170m", "pc", "420", 12),
        ("bt709", "pc", "420", 14),
        ("bt709", "tv", "422", 8),
        ("bt470bg", "tv", "422", 10),
        ("bt709", "pc", "422", 12),
        ("bt709", "tv", "444", 8),
        ("smpte170m", "pc", "444", 8),
        ("bt2020nc", "tv", "444", 10),
        ("bt709", "pc", "444", 12),
        ("bt709", "tv", "444", 14),
    ]
]


@pytest.mark.parametrize("colour", DEEP, ids=str)
def test_every_level_equals_swscale_for_more_bits_and_more_chroma(level, colour):
    """Noise over all codes reaches far outside the gamut, where sums overflow."""
    chance = random.Random(str(colour))
    for width in [*WIDTHS[::2], *(chance.randint(1, 300) for _ in range(6))]:
        height = chance.choice((2, 15, 16, 17, 18, 24, 34))
        data = colour.encode(width, height)
        level("none")
        expected = VideoDecoder(data)[:]
        for name in LEVELS:
            level(name)
            decoder = VideoDecoder(data)
            assert torch.equal(decoder[:], expected), (width, height, name)
            assert torch.equal(VideoDecoder(data, memory_order="NCHW")[:], expected), (width, height, name)
            for y0, y1, x0, x1 in boxes(height, width, 3, f"{width} {height}"):
                part = decoder[0, :, y0:y1, x0:x1]
                assert torch.equal(part, expected[0, :, y0:y1, x0:x1]), (width, height, name, y0, y1, x0, x1)


@pytest.mark.skipif(
    ARM or " avx2 " not in Path("/proc/cpuinfo").read_text(),
    reason="there is no vector kernel for these here",
)
@pytest.mark.parametrize(
    ("subsampling", "depth", "size", "kernel"),
    [
        ("420", 8, (66, 50), "products"),
        ("422", 8, (66, 50), "products"),
        ("420", 8, (66, 49), "deep"),
        ("422", 8, (66, 49), "deep"),
        ("420", 8, (66, 15), None),
        ("420", 10, (66, 50), "deep"),
        ("422", 10, (66, 49), "deep"),
        ("420", 10, (65, 50), "wide"),  # chroma is interpolated between columns too
        ("420", 10, (13, 50), None),
        ("420", 10, (66, 49), "deep"),
        ("420", 10, (66, 14), None),
        ("444", 8, (65, 49), "full"),
        ("444", 14, (1, 1), "full"),
        ("444", 16, (66, 50), "full"),
    ],
)
def test_kernels_are_used(level, subsampling, depth, size, kernel):
    data = Colour("bt709", "tv", subsampling, depth).encode(*size)
    decoder = VideoDecoder(data)
    decoder[0]
    assert decoder._session.reader.backend.kernel == kernel
    level("none")
    decoder = VideoDecoder(data)
    decoder[0]
    assert decoder._session.reader.backend.kernel is None


def test_no_such_level():
    with pytest.raises(KeyError):
        cpu.use_kernels("fastest")
