"""uint8 equals ffmpeg's bytes, float32 is within one level of the definition, regions equal parts
of the frame.
"""

import itertools

import media
import numpy as np
import oracle
import pytest
import recipes
import torch
from colours import FRAMES, HEIGHT, WIDTH, Colour
from regions import FORMATS, boxes

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
    (657, 3),
]
for width, height in SIZES:
    for matrix, kind in (("unspecified", "tv"), ("bt709", "pc")):
        sized = Colour(matrix, kind, "420", 8)
        media.derive(
            f"colour_{sized}_{width}x{height}.mkv", lambda c=sized, w=width, h=height: c.encode(w, h)
        )


@pytest.fixture(params=COLOURS, ids=str)
def colour(request):
    return request.param


def test_uint8_is_ffmpegs(colour):
    path = media.path(f"colour_{colour}.mkv")
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert [oracle.digest(frame) for frame in decoder] == list(oracle.reference(path).digests)


def test_float32_is_the_definition(colour):
    path = media.path(f"colour_{colour}.mkv")
    expected = colour.float_reference()
    with VideoDecoder(path, dimension_order="NHWC", output_dtype=torch.float32) as decoder:
        frames = decoder[:]
    assert frames.dtype == torch.float32
    assert tuple(frames.shape) == (FRAMES, HEIGHT, WIDTH, 3)
    error = np.abs(frames.numpy().astype(np.float64) - expected)
    assert error.max() <= 1 / (2**colour.depth - 1)
    # one level is the bound; a smaller error everywhere would be a wrong constant
    assert error.mean() <= 0.1 / (2**colour.depth - 1)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@pytest.mark.parametrize("kind", [("unspecified", "tv"), ("bt709", "pc")], ids="_".join)
def test_every_width_is_ffmpegs(size, kind):
    """Vectorised conversion leaves a remainder at the end of each row."""
    path = media.path("colour_{}_{}x{}.mkv".format(Colour(*kind, "420", 8), *size))
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert tuple(decoder[0].shape) == (size[1], size[0], 3)
        assert [oracle.digest(frame) for frame in decoder] == list(oracle.reference(path).digests)


def raw_frames(path, pixels, channels, dtype):
    """Returns the frames of a file as [N, H, W, channels], in a packed or gray pixel format."""
    with VideoDecoder(path) as decoder:
        height, width = decoder.metadata.height, decoder.metadata.width
    done = recipes.run("-i", path, *oracle.passthrough(), "-pix_fmt", pixels, "-f", "rawvideo", "-")
    return np.frombuffer(done.stdout, dtype).reshape(-1, height, width, channels)


@pytest.mark.parametrize(
    ("name", "pixels", "dtype", "order"),
    [
        ("raw_rgb24.nut", "rgb24", "u1", (0, 1, 2)),
        ("raw_bgr24.nut", "bgr24", "u1", (2, 1, 0)),
        ("ffv1_bgra.mkv", "bgra", "u1", (2, 1, 0)),
        ("png.mov", "rgba", "u1", (0, 1, 2)),
        ("qtrle.mov", "rgb24", "u1", (0, 1, 2)),
        ("ffv1_gbrp.mkv", "rgb24", "u1", (0, 1, 2)),
        ("h264_rgb.mkv", "rgb24", "u1", (0, 1, 2)),
        ("raw_pal8.nut", "rgb24", "u1", (0, 1, 2)),
        ("ffv1_rgb48le.mkv", "rgb48le", "<u2", (0, 1, 2)),
    ],
)
def test_float32_of_rgb_is_the_samples(name, pixels, dtype, order):
    path = media.path(name)
    samples = raw_frames(path, pixels, 4 if "a" in pixels else 3, np.dtype(dtype))[..., order]
    top = np.iinfo(dtype).max
    with VideoDecoder(path, dimension_order="NHWC", output_dtype=torch.float32) as decoder:
        error = np.abs(decoder[:].numpy().astype(np.float64) - samples / top)
    assert error.max() <= 1 / top


@pytest.mark.parametrize(("name", "depth"), [("ffv1_gbrp10le.mkv", 10), ("ffv1_gbrp12le.mkv", 12)])
def test_float32_of_deep_planar_rgb_is_the_samples(name, depth):
    path = media.path(name)
    done = recipes.run("-i", path, *oracle.passthrough(), "-f", "rawvideo", "-")
    with VideoDecoder(path, dimension_order="NHWC", output_dtype=torch.float32) as decoder:
        frames = decoder[:].numpy().astype(np.float64)
    planes = np.frombuffer(done.stdout, "<u2").reshape(frames.shape[0], 3, *frames.shape[1:3])
    samples = np.stack([planes[:, 2], planes[:, 0], planes[:, 1]], -1)  # stored as G, B, R
    assert np.abs(frames - samples / (2**depth - 1)).max() <= 1 / (2**depth - 1)


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


@pytest.mark.parametrize("name", FORMATS)
def test_float32_is_near_uint8(name):
    """The two results show the same picture, but may interpolate chroma differently."""
    path = media.path(name)
    with VideoDecoder(path) as coarse, VideoDecoder(path, output_dtype=torch.float32) as fine:
        difference = (coarse[0].double() - fine[0].double() * 255).abs()
        lowest, highest = float(fine[0].min()), float(fine[0].max())
    # ffmpeg smooths chroma, which is noise here, if it covers four pixels, covers lines, or if the
    # width is odd
    smooth = any(word in name for word in ("yuv41", "yuv440", "odd"))
    assert difference.mean() < (10 if smooth else 4)
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
