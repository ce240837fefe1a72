"""uint8 equals ffmpeg's bytes, float32 is ffmpeg's rgb48le divided by 65535, regions equal parts of
the frame.
"""

import itertools

import media
import oracle
import pytest
import recipes
import torch
from colours import FRAMES, HEIGHT, WIDTH, Colour
from regions import FORMATS, boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

COLOURS = [
    Colour(*parts)
    for parts in itertools.product(
        ("smpte170m", "bt709", "bt2020nc", "unspecified"), ("tv", "pc"), ("420", "422", "444"), (8, 10, 12)
    )
]
COLOURS += [Colour("bt470bg", "tv", "420", 8)]
for colour in COLOURS:
    media.derive(f"colour_{colour}.mkv", colour.encode)

SIZES = [
    (1, 1),
    (2, 2),
    (3, 5),
    (8, 8),
    (15, 4),
    (16, 7),
    (17, 6),
    (31, 5),
    (32, 4),
    (33, 3),
    (63, 6),
    (64, 5),
    (65, 4),
]
SIZES += [
    (95, 2),
    (126, 9),
    (128, 8),
    (129, 8),
    (191, 4),
    (192, 4),
    (193, 3),
    (255, 2),
    (258, 4),
    (640, 2),
    (657, 5),
]
for width, height in SIZES:
    for matrix, kind in (("unspecified", "tv"), ("bt709", "pc")):
        sized = Colour(matrix, kind, "420", 8)
        media.derive(
            f"colour_{sized}_{width}x{height}.mkv", lambda c=sized, w=width, h=height: c.encode(w, h)
        )


RGB_AND_OTHERS = media.names("""
raw_bgr24.nut png.mov qtrle.mov ffv1_gbrp.mkv ffv1_rgb48le.mkv ffv1_gbrp12le.mkv
""")


@pytest.fixture(params=COLOURS, ids=str)
def colour(request):
    return request.param


def test_uint8_is_ffmpegs(colour):
    path = media.path(f"colour_{colour}.mkv")
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert [oracle.digest(frame) for frame in decoder] == list(oracle.reference(path).digests)


def check_floats(source):
    """Asserts that float32 is ffmpeg's rgb48le / 65535, for all frames and for each in a fresh
    decoder.
    """
    options = {"dimension_order": "NHWC", "output_dtype": torch.float32}
    with VideoDecoder(source, **options) as decoder:
        frames = decoder[:]
    expected = torch.from_numpy(oracle.floats(source, *frames.shape[1:3]))
    assert frames.dtype == torch.float32
    assert torch.equal(frames, expected)
    for number in range(0, len(expected), 5):
        assert torch.equal(VideoDecoder(source, **options)[number], expected[number])
    return expected


def test_float32_is_ffmpegs(colour):
    expected = check_floats(media.path(f"colour_{colour}.mkv"))
    assert tuple(expected.shape) == (FRAMES, HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("name", [*FORMATS, *RGB_AND_OTHERS])
def test_float32_is_ffmpegs_for_every_format_and_orientation(name):
    check_floats(media.path(name))


@pytest.mark.parametrize("level", ["none", "plain", "avx2", "avx512"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p"])
def test_the_last_column_of_odd_widths(level, pixels):
    """ffmpeg leaves it out of rgb48le, for 8-bit formats of even height. It is that of a picture
    with one more column.
    """
    options = {"dimension_order": "NHWC", "output_dtype": torch.float32}
    colour = Colour("bt709", "tv", pixels[3:6], 8)
    planes = colour.planes(34, 12)
    wide = colour.encode(34, 12, planes)
    narrow = colour.encode(33, 12, [[luma[:, :33], *chroma] for luma, *chroma in planes])
    expected = torch.from_numpy(oracle.floats(wide, 12, 34))[:, :, :33]
    cpu.use_kernels(level)
    try:
        assert torch.equal(VideoDecoder(narrow, **options)[:], expected)
        assert torch.equal(VideoDecoder(narrow, **options)[:, 3:8, 30:], expected[:, 3:8, 30:])
        planar = VideoDecoder(narrow, memory_order="NCHW", output_dtype=torch.float16)[:]
        assert torch.equal(planar, expected.permute(0, 3, 1, 2).half())
    finally:
        cpu.use_kernels("avx512")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@pytest.mark.parametrize("kind", [("unspecified", "tv"), ("bt709", "pc")], ids="_".join)
def test_every_width_is_ffmpegs(size, kind):
    """Vectorised conversion leaves a remainder at the end of each row."""
    path = media.path("colour_{}_{}x{}.mkv".format(Colour(*kind, "420", 8), *size))
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert tuple(decoder[0].shape) == (size[1], size[0], 3)
        assert [oracle.digest(frame) for frame in decoder] == list(oracle.reference(path).digests)


@pytest.mark.parametrize("name", FORMATS)
def test_float16_is_float32_rounded(name):
    path = media.path(name)
    with (
        VideoDecoder(path, output_dtype=torch.float16) as half,
        VideoDecoder(path, output_dtype=torch.float32) as full,
    ):
        frames = half[:3]
        assert torch.equal(frames, full[:3].half())
        height, width = frames.shape[-2:]
        part = half[1, :, height // 3 :, 1 : width // 2]
        assert torch.equal(part, full[1, :, height // 3 :, 1 : width // 2].half())


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.float32, torch.float16], ids=["uint8", "float32", "float16"]
)
@pytest.mark.parametrize("name", FORMATS)
def test_regions_are_cuts_of_the_whole(name, dtype):
    path = media.path(name)
    with VideoDecoder(path, output_dtype=dtype) as whole, VideoDecoder(path, output_dtype=dtype) as cut:
        last = min(8, len(whole))
        frames = whole[:last]
        for y0, y1, x0, x1 in boxes(*frames.shape[2:], 14, name):
            part = cut[0:last, :, y0:y1, x0:x1]
            assert torch.equal(part, frames[:, :, y0:y1, x0:x1]), (y0, y1, x0, x1)
        y0, y1, x0, x1 = boxes(*frames.shape[2:], 6, name)[-1]
        assert torch.equal(cut[last - 1, 1, y0:y1, x0:x1], frames[last - 1, 1, y0:y1, x0:x1])
        empty = cut[:, :, y0:y0, x0:x1]
        assert tuple(empty.shape) == (len(whole), 3, 0, x1 - x0)


@pytest.mark.parametrize("size", ["131x82", "131x81", "128x82", "130x82"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "nv12", "yuv420p10le", "yuv422p10le"])
def test_regions_where_swscale_has_a_path_of_its_own_for_the_width(tmp_path, pixels, size):
    """swscale interpolates chroma along rows of odd widths; on Arm it has vector code for multiples
    of 16.
    """
    path = tmp_path / "noise.nut"
    noise = f"testsrc2=s=64x48:r=5:d=0.2,scale={size},noise=alls=90"
    recipes.run("-f", "lavfi", "-i", noise, "-pix_fmt", pixels, "-c:v", "rawvideo", path)
    width, height = map(int, size.split("x"))
    with VideoDecoder(path) as decoder:
        whole = decoder[0]
        assert whole.shape == (3, height, width)
        # on Arm swscale does not write the last column of odd widths
        for y0, y1, x0, x1 in boxes(height, width & ~1, 14, size):
            assert torch.equal(decoder[0, :, y0:y1, x0:x1], whole[:, y0:y1, x0:x1]), (y0, y1, x0, x1)


# Formats that swscale converts to RGB24 and RGB48 from other samples: it reads every second chroma
# row of 8-bit 4:2:2 for one of them, and scales rgb565 up in two ways.
APART = {"h264_422.mp4": 120, "raw_rgb565le.nut": 9}
# Levels. The swscale of FFmpeg 4 loses a little more of gray and of RGB with 10 bits.
MEAN = 1 if oracle.version() >= (5, 0) else 1.25


@pytest.mark.parametrize("name", FORMATS)
def test_float32_and_uint8_show_one_picture(name):
    """Chroma is interpolated in the same way; swscale only cuts off fractions of a level on the way
    to 8 bits.
    """
    path = media.path(name)
    with VideoDecoder(path) as coarse, VideoDecoder(path, output_dtype=torch.float32) as fine:
        difference = (coarse[0].double() - fine[0].double() * 255).abs()
        lowest, highest = float(fine[0].min()), float(fine[0].max())
    assert difference.max() < APART.get(name, 4)
    assert difference.mean() < (4 if name in APART else MEAN)
    assert 0 <= lowest <= highest <= 1


HDR = ["hevc_pq.mp4", "hevc_hlg.mp4", "av1_hdr10_portrait.mp4", "hevc_hlg10_1080p.mp4"]


@pytest.mark.parametrize("name", HDR)
def test_auto_is_float32_for_hdr(name):
    with VideoDecoder(media.locate(name), output_dtype="auto") as decoder:
        assert decoder[0].dtype == torch.float32
        assert decoder[[]].dtype == torch.float32
        assert decoder.get_frame_at(0).data.dtype == torch.float32
        with VideoDecoder(media.locate(name), output_dtype=torch.float32) as explicit:
            assert torch.equal(decoder[1], explicit[1])


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_plain.mp4 h264_10bit.mp4 hevc_12bit_422.mkv png.mov h264_open_gop.ts
    """
    ),
)
def test_auto_is_uint8_for_the_rest(name):
    with VideoDecoder(media.locate(name), output_dtype="auto") as decoder:
        assert decoder[[]].dtype == torch.uint8
        assert decoder[0].dtype == torch.uint8


def test_deep_samples_keep_their_precision():
    """A 10-bit ramp has more than 256 levels in float32 and not in uint8."""
    path = media.path("colour_bt709_pc_444_10bit.mkv")
    with VideoDecoder(path, output_dtype=torch.float32) as fine, VideoDecoder(path) as coarse:
        assert len(torch.unique(fine[2])) > 900
        assert len(torch.unique(coarse[2])) <= 256


@pytest.mark.parametrize(("orientation", "matrix"), media.ORIENTATIONS.items())
def test_orientations(orientation, matrix):
    """A display matrix maps the stored picture (x to the right, y down) to the shown one: x' = ax +
    cy, y' = bx + dy.
    """
    a, b, c, d = matrix
    upright = VideoDecoder(media.path("upright_444.mp4"))[3]
    height, width = upright.shape[1:]
    path = media.path(f"{orientation}_444.mp4")
    shown = VideoDecoder(path)[3]
    xs, ys = torch.meshgrid(torch.arange(width), torch.arange(height), indexing="ij")
    x, y = a * xs + c * ys, b * xs + d * ys
    expected = torch.zeros_like(shown)
    expected[:, y - y.min(), x - x.min()] = upright[:, ys, xs]
    assert torch.equal(shown, expected)
    metadata = VideoDecoder(path).metadata
    assert (metadata.height, metadata.width) == tuple(shown.shape[1:])
