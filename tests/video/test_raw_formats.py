"""Raw pixel formats that no codec gives: interleaved samples, samples in the upper bits of words,
and words with bits above their depth. Everything equals ffmpeg's.
"""

import random

import media
import numpy as np
import pytest
import recipes
import torch
from regions import FORMATS, boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

pytestmark = pytest.mark.usefixtures("oracle_version")

OUTPUTS = {
    ("rgb", torch.uint8): ("rgb24", 3),
    ("rgb", torch.float32): ("rgb48le", 3),
    ("gray", torch.uint8): ("gray", 1),
    ("gray", torch.float32): ("gray16le", 1),
    ("rgba", torch.uint8): ("rgba", 4),
    ("rgba", torch.float32): ("rgba64le", 4),
}
# the bits of a frame for each pixel of a picture of even size
INTERLEAVED = {
    "nv12": 12, "nv21": 12, "nv24": 24, "nv42": 24, "p010le": 24, "p016le": 24, "p210le": 32, "p416le": 48,
    "uyvy422": 16, "yuyv422": 16, "yvyu422": 16, "ayuv64le": 64,
    "rgb24": 24, "bgr24": 24, "rgba": 32, "argb": 32, "bgr0": 32, "gbrp": 24, "gbrap": 32,
}  # fmt: skip
PADDED = {
    "yuv420p9le": 24, "yuv420p10le": 24, "yuv422p10le": 32, "yuv444p10le": 48, "yuv420p12le": 24, "yuv422p14le": 32,
    "yuv444p14le": 48, "yuv440p10le": 32, "yuva420p10le": 40, "yuva444p12le": 64, "gray9le": 16, "gray10le": 16,
    "gray12le": 16, "gray14le": 16, "gbrp10le": 48, "gbrap12le": 64, "xyz12le": 48,
}  # fmt: skip
SIZES = [(66, 50), (64, 48)]
QUICK = media.names(
    "nv12 p010le p016le uyvy422 rgb24 argb gbrp yuv420p10le yuv444p14le yuva420p10le gray12le"
)
RGB = [("rgb", torch.uint8), ("rgb", torch.float32)]


@pytest.fixture
def level():
    """Sets a level for a test, and restores all kernels after it."""
    yield cpu.use_kernels
    cpu.use_kernels("avx512")


def write(folder, pixels, bits, width, height):
    """Writes a frame of random bytes; returns its path and the options that say what it is."""
    dice = np.random.default_rng(width)
    data = dice.integers(0, 256, width * height * bits // 8, dtype=np.uint8)
    path = folder / f"{pixels}_{width}.yuv"  # ffmpeg takes the rawvideo demuxer for this name
    path.write_bytes(data.tobytes())
    return path, {"pixel_format": pixels, "video_size": f"{width}x{height}"}


def ffmpegs(path, options, output, dtype):
    """Returns ffmpeg's picture [H, W, C]."""
    name, channels = OUTPUTS[output, dtype]
    width, height = map(int, options["video_size"].split("x"))
    given = [word for key, value in options.items() for word in (f"-{key}", value)]
    data = recipes.run(
        "-threads", "1", "-f", "rawvideo", *given, "-i", path, "-pix_fmt", name, "-f", "rawvideo", "-"
    ).stdout  # fmt: skip
    samples = np.frombuffer(data, np.uint8 if dtype == torch.uint8 else "<u2").reshape(
        height, width, channels
    )
    if dtype == torch.uint8:
        return torch.from_numpy(samples.copy())
    return torch.from_numpy(samples.astype(np.float32) / np.float32(65535))


def check(path, options, output, dtype):
    """Asserts that the picture and parts of it are ffmpeg's, each from a fresh decoder."""
    wanted = ffmpegs(path, options, output, dtype)

    def fresh(**more):
        return VideoDecoder(
            path, options=options, dimension_order="NHWC", output=output, **{"output_dtype": dtype, **more}
        )

    whole = fresh()
    assert whole.metadata.pixel_format == options["pixel_format"]
    assert torch.equal(whole[0], wanted), (output, dtype)
    assert torch.equal(fresh(memory_order="NCHW")[0], wanted), (output, dtype)
    if dtype == torch.float32:
        assert torch.equal(fresh(output_dtype=torch.float16)[0], wanted.half()), output
    for y0, y1, x0, x1 in boxes(*wanted.shape[:2], 7, options["video_size"])[4:]:
        assert torch.equal(fresh()[0, y0:y1, x0:x1], wanted[y0:y1, x0:x1]), (output, dtype, y0, y1, x0, x1)


@pytest.mark.parametrize(
    "pixels",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in (*INTERLEAVED, *PADDED)
    ],
)
def test_random_words_give_what_ffmpeg_gives(tmp_path, pixels):
    for width, height in SIZES:
        path, options = write(tmp_path, pixels, {**INTERLEAVED, **PADDED}[pixels], width, height)
        for output, dtype in OUTPUTS:
            check(path, options, output, dtype)


def yuv_of(pixels, words, height, width):
    """Returns the samples [3, H, W] of a raw frame, by the definition of its format."""
    if pixels in ("ayuv64le", "y210le"):
        packed = words.reshape(height, width, -1)
        if pixels == "ayuv64le":
            return np.stack([packed[..., 1], packed[..., 2], packed[..., 3]])
        pairs = packed.reshape(height, width // 2, 4) >> 6
        channels = [pairs[..., 0::2].reshape(height, width), pairs[..., 1], pairs[..., 3]]
        return np.stack([channels[0], *(channel.repeat(2, 1) for channel in channels[1:])])
    luma, chroma = np.split(words, [height * width])
    shift, down = 16 - int(pixels[2:4]) if pixels != "p416le" else 0, 2 if pixels[1] == "0" else 1
    across = 1 if pixels[1] == "4" else 2
    chroma = chroma.reshape(height // down, width // across, 2)
    chroma = [chroma[..., i].repeat(down, 0).repeat(across, 1) for i in range(2)]
    return np.stack([luma.reshape(height, width), *chroma]) >> shift


@pytest.mark.parametrize("pixels", ["p010le", "p016le", "p210le", "p416le", "y210le", "ayuv64le"])
def test_yuv_of_words_with_several_channels(tmp_path, level, pixels):
    bits = {**INTERLEAVED, **PADDED, "y210le": 32}[pixels]
    path, options = write(tmp_path, pixels, bits, 66, 50)
    top = 1023 if "10" in pixels else 65535
    samples = yuv_of(pixels, np.frombuffer(path.read_bytes(), "<u2"), 50, 66)
    wanted = torch.from_numpy(samples.astype(np.float32) / np.float32(top))
    for name in ("none", "avx2", "avx512"):
        level(name)
        for dtype in (torch.float32, torch.float16):
            options_of_yuv = {"options": options, "output": "yuv", "output_dtype": dtype}
            assert torch.equal(VideoDecoder(path, **options_of_yuv)[0], wanted.to(dtype))
            part = VideoDecoder(path, **options_of_yuv)[0, :, 3:20, 5:40]
            assert torch.equal(part, wanted[:, 3:20, 5:40].to(dtype))


@pytest.mark.parametrize("pixels", ["nv12", "p010le", "p416le", "uyvy422", "yuv420p10le"])
def test_every_level_of_the_processor_gives_the_same(tmp_path, level, pixels):
    path, options = write(tmp_path, pixels, {**INTERLEAVED, **PADDED}[pixels], 70, 34)
    for name in ("none", "plain", "avx2", "avx512"):
        level(name)
        for output, dtype in RGB:
            check(path, options, output, dtype)


@pytest.mark.parametrize(
    ("pixels", "output"), [("yuv420p10le", "rgb"), ("yuv444p12le", "rgb"), ("gray10le", "gray")]
)
def test_one_stray_bit_anywhere(tmp_path, pixels, output):
    """Kernels convert the rows before it; the picture and every part of it must be ffmpeg's."""
    depth, height, width = int(pixels[-4:-2]), 50, 66
    count = {"yuv420p10le": 3, "yuv444p12le": 6, "gray10le": 2}[pixels] * height * width // 2
    chance = random.Random(pixels)
    options = {"pixel_format": pixels, "video_size": f"{width}x{height}"}
    words = np.random.default_rng(1).integers(0, 1 << depth, count, dtype=np.uint16)
    path = tmp_path / "x.yuv"
    for _ in range(2):
        place = chance.randrange(count)
        stray = words.copy()
        stray[place] |= 1 << chance.randrange(depth, 16)
        path.write_bytes(stray.tobytes())
        for dtype in (torch.uint8, torch.float32):
            check(path, options, output, dtype)


def test_resizing_a_picture_with_stray_bits(tmp_path, level):
    """The rows that were resized before the stray bit was met are made again."""
    words = np.random.default_rng(1).integers(0, 1 << 10, 66 * 50 * 3 // 2, dtype=np.uint16)
    words[66 * 40] |= 1 << 15
    path = tmp_path / "x.yuv"
    path.write_bytes(words.tobytes())
    options = {"pixel_format": "yuv420p10le", "video_size": "66x50"}
    for dtype in (torch.uint8, torch.float32):
        decoded = []
        for name in ("none", "avx512"):
            level(name)
            with VideoDecoder(
                path, options=options, output_dtype=dtype, transforms=[Resize((20, 30))]
            ) as decoder:
                decoded.append(decoder[0])
        assert torch.allclose(*decoded, atol=0 if dtype == torch.uint8 else 4e-6)


@pytest.mark.parametrize(
    ("pixels", "kernels"),
    [
        ("nv12", ("deep", "float")),
        ("nv21", ("deep", "float")),
        ("nv24", ("full", "float")),
        ("p010le", ("deep", "float")),
        ("p016le", ("deep", "float")),
        ("p210le", ("deep", "float")),
        ("p416le", ("full", "float")),
        ("uyvy422", ("deep", "float")),
        ("yuyv422", ("deep", "float")),
        ("rgb24", (None, "float")),
        ("bgr0", (None, "float")),
        ("gbrap", (None, "float")),
        ("yuva420p10le", ("deep", "float")),
        ("yuva444p12le", ("full", "float")),
        ("xyz12le", (None, None)),
    ],
)
def test_kernels_are_used(tmp_path, pixels, kernels):
    path, options = write(tmp_path, pixels, {**INTERLEAVED, **PADDED}[pixels], 66, 50)
    for dtype, wanted in zip((torch.uint8, torch.float32), kernels, strict=True):
        decoder = VideoDecoder(path, options=options, output_dtype=dtype)
        decoder[0]
        used = decoder._session.reader.backend.kernel
        assert (used and used.split("_")[0]) == wanted


@pytest.mark.parametrize("name", [name for name in FORMATS if name.startswith(("raw_", "ffv1_"))])
def test_media_have_the_pixel_formats_of_their_names(name):
    """A container that cannot name a raw format gives the frames another one."""
    pixels = name.split("_", 1)[1].rsplit(".", 1)[0]
    if not pixels.startswith(("odd", "tiny", "wide")):
        assert VideoDecoder(media.path(name)).metadata.pixel_format == pixels
