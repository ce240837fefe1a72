"""Our own conversion kernels give the bytes of swscale, at every width and on every level of the processor."""

import platform
import subprocess

import pytest
import recipes
import torch

from cycodec.core import backend
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
    """Sets a level for a test, and all kernels again after it."""
    yield backend.use_kernels
    backend.use_kernels("avx512")


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
            "-c:v",
            "ffv1",
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


def test_no_such_level():
    with pytest.raises(KeyError):
        backend.use_kernels("fastest")
