"""Gray and RGBA are ffmpeg's, YUV is what was decoded, and every way of reading has the channels of
the output.
"""

import io
import pickle
from pathlib import Path

import media
import numpy as np
import oracle
import pytest
import recipes
import resizing
import torch
from colours import Colour
from regions import FORMATS

from cycodec.batch import decode_batch
from cycodec.core.error import FFmpegValueError
from cycodec.core.io.readahead import set_limits
from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder
from cycodec.transforms import CenterCrop, Resize

pytestmark = pytest.mark.usefixtures("oracle_version")

PLAIN = media.path("h264_plain.mp4")
OTHERS = media.names("raw_bgr24.nut png.mov qtrle.mov ffv1_gbrp.mkv ffv1_rgb48le.mkv ffv1_gbrp12le.mkv")
CHANNELS = {"rgb": 3, "gray": 1, "rgba": 4, "yuv": 3}
DEEP = {"gray": "gray16le", "rgba": "rgba64le"}
SIZES = [(1, 1), (3, 5), (16, 7), (33, 4), (34, 18), (258, 4)]


def expected(source, output, dtype, height, width):
    """Returns ffmpeg's frames ``[N, H, W, C]``."""
    # gray is luma, of whatever matrix; the ffmpeg command of 9.0 would convert to another matrix
    options = (
        ("-vf", "setparams=colorspace=unknown") if isinstance(source, bytes) and output == "gray" else ()
    )
    shape = (-1, height, width, CHANNELS[output])
    if dtype == torch.uint8:
        samples = np.frombuffer(oracle.raw(source, output, "v:0", *options), np.uint8)
        return torch.from_numpy(samples.reshape(shape).copy())
    samples = np.frombuffer(oracle.raw(source, DEEP[output], "v:0", *options), "<u2").reshape(shape)
    return torch.from_numpy(samples.astype(np.float32) / np.float32(65535)).to(dtype)


def check(source, output, dtype):
    """Asserts that all frames are ffmpeg's, and that a part of a fresh decoder in the other memory
    order is a part of them.
    """
    options = {"output": output, "output_dtype": dtype, "dimension_order": "NHWC"}
    frames = VideoDecoder(source, **options)[:]
    height, width = frames.shape[1:3]
    assert torch.equal(frames, expected(source, output, dtype, height, width))
    part = np.s_[-1:, height // 3 :, width // 3 : width // 3 + 9]
    assert torch.equal(VideoDecoder(source, **options)[part], frames[part])
    assert torch.equal(VideoDecoder(source, **options, memory_order="NCHW")[part], frames[part])


# The others are of the kinds that these have.
QUICK = media.names("""
h264_10bit.mp4 h264_422.mp4 h264_full_range.mp4 hevc_444_odd_121x81.mkv ffv1_odd_10bit_121x81.mkv ffv1_yuva420p.mkv
ffv1_gbrp10le.mkv ffv1_ya8.mkv raw_nv12.nut raw_pal8.nut prores_4444_alpha.mov rot90_422_10bit.mp4
transverse.mp4 resolution_change.h264 png.mov
""")


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in (*FORMATS, *OTHERS)],
)
def test_gray_and_rgba_are_ffmpegs_for_every_format_and_orientation(name):
    for output in ("gray", "rgba"):
        check(media.path(name), output, torch.uint8)
        check(media.path(name), output, torch.float32)


@pytest.mark.parametrize("level", ["none", "plain", "avx2", "avx512"])
@pytest.mark.parametrize("kind", ["tv", "pc"])
def test_every_width_is_ffmpegs(level, kind):
    cpu.use_kernels(level)
    try:
        for width, height in SIZES:
            source = Colour("bt709", kind, "420", 8).encode(width, height)
            for output in ("gray", "rgba"):
                check(source, output, torch.uint8)
                check(source, output, torch.float32)
    finally:
        cpu.use_kernels("avx512")


@pytest.mark.parametrize("output", ["gray", "rgba"])
def test_float16_is_float32_rounded(output):
    check(media.path("h264_10bit.mp4"), output, torch.float16)


def test_gray_of_ten_bits_keeps_their_precision():
    source = Colour("bt709", "pc", "420", 10).encode()
    levels = VideoDecoder(source, output="gray", output_dtype=torch.float32)[0].unique()
    assert len(levels) > 256


def test_alpha_is_the_streams_or_opaque():
    ramp = "nullsrc=size=64x32:rate=5:duration=0.2,format=yuva420p,geq=lum=128:cb=128:cr=128:a=4*X"
    source = recipes.run(
        "-f", "lavfi", "-i", ramp, "-c:v", "ffv1", "-pix_fmt", "yuva420p", "-f", "matroska", "-"
    ).stdout  # fmt: skip
    assert VideoDecoder(source, output="rgba")[0, 3, 5].tolist() == list(range(0, 256, 4))
    assert VideoDecoder(PLAIN, output="rgba")[0, 3].unique().tolist() == [255]
    assert VideoDecoder(PLAIN, output="rgba", output_dtype=torch.float32)[0, 3].unique().tolist() == [1]


@pytest.mark.skipif(
    not {"avx2", "fma", "f16c"} <= set(Path("/proc/cpuinfo").read_text().split()),
    reason="there is no vector kernel for these here",
)
@pytest.mark.parametrize(("dtype", "kernels"), [(torch.uint8, "products"), (torch.float32, "float")], ids=str)
def test_rgba_without_alpha_has_a_kernel(dtype, kernels):
    decoder = VideoDecoder(media.path("h264_422.mp4"), output="rgba", output_dtype=dtype)
    decoder[0]
    assert decoder._session.reader.backend.kernel.startswith(kernels)


@pytest.mark.parametrize("output", ["rgb", "gray", "rgba"])
def test_each_frame_has_its_own_palette(output):
    """Pixels are looked up in a table that is made of the palette."""
    own = "testsrc2=s=66x50:r=5:d=1,split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
    source = recipes.run(
        "-f", "lavfi", "-i", own, "-c:v", "png", "-pix_fmt", "pal8", "-f", "mov", "-movflags", "frag_keyframe", "-"
    ).stdout  # fmt: skip
    assert VideoDecoder(source).metadata.pixel_format == "pal8"
    for dtype in (torch.uint8, torch.float32):
        pixels = (
            {**DEEP, "rgb": "rgb48le"}[output]
            if dtype == torch.float32
            else {"rgb": "rgb24"}.get(output, output)
        )
        data = np.frombuffer(oracle.raw(source, pixels), "<u2" if dtype == torch.float32 else np.uint8)
        wanted = torch.from_numpy(
            data.astype(np.float32) / np.float32(65535) if dtype == torch.float32 else data.copy()
        )
        for order in ([0, 1, 2, 3, 4], [4, 0, 3, 0, 2]):
            decoder = VideoDecoder(source, output=output, output_dtype=dtype, dimension_order="NHWC")
            frames = torch.stack([decoder[number] for number in order])
            assert torch.equal(frames, wanted.reshape(5, 50, 66, -1)[order])


# -- YUV -------------------------------------------------------------------------------------------


def planes(source, height, width, across, down, dtype):
    """Returns ffmpeg's planes [Y, U, V], each of shape [N, height, width], without conversion."""
    shapes = [(height, width)] + [(-(-height // down), -(-width // across))] * 2
    sizes = [rows * columns for rows, columns in shapes]
    frames = np.frombuffer(oracle.raw(source, None), dtype).reshape(-1, sum(sizes))
    parts = np.split(frames, np.cumsum(sizes)[:-1], axis=1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]


PLANAR = [
    ("h264_plain.mp4", 2, 2, 8),
    ("h264_full_range.mp4", 2, 2, 8),
    ("h264_422_10bit.mkv", 2, 1, 10),
    ("hevc_444_odd_121x81.mkv", 1, 1, 8),
    ("ffv1_odd_121x81.mkv", 2, 2, 8),
    ("ffv1_odd_422_121x81.mkv", 2, 1, 8),
    ("ffv1_odd_10bit_121x81.mkv", 2, 2, 10),
    ("ffv1_yuv410p.mkv", 4, 4, 8),
    ("ffv1_yuv440p.mkv", 1, 2, 8),
    ("ffv1_yuv444p16le.mkv", 1, 1, 16),
    ("rot90.mp4", 2, 2, 8),
    ("rot180.mp4", 2, 2, 8),
    ("hflip.mp4", 2, 2, 8),
    ("transverse.mp4", 2, 2, 8),
    ("mpeg2_interlaced.ts", 2, 2, 8),
]


@pytest.mark.parametrize(("name", "across", "down", "bits"), PLANAR, ids=[case[0] for case in PLANAR])
def test_yuv_is_what_was_decoded(name, across, down, bits):
    source = media.path(name)
    options = {"output": "yuv", "output_dtype": "auto"}
    frames = VideoDecoder(source, **options)[:]
    assert frames.dtype == (torch.uint8 if bits == 8 else torch.float32)
    wanted = planes(source, *frames.shape[2:], across, down, np.uint8 if bits == 8 else "<u2")
    if bits > 8:
        wanted = [plane.astype(np.float32) / np.float32(2**bits - 1) for plane in wanted]
    assert np.array_equal(frames[:, 0], wanted[0])
    for channel in (1, 2):
        assert np.array_equal(frames[:, channel, ::down, ::across], wanted[channel])
    repeated = frames[:, :, ::down, ::across].repeat_interleave(down, 2).repeat_interleave(across, 3)
    assert torch.equal(frames[:, 1:], repeated[:, 1:, : frames.shape[2], : frames.shape[3]])
    part = np.s_[-1:, :, frames.shape[2] // 3 :, 1 : frames.shape[3] // 2]
    assert torch.equal(VideoDecoder(source, **options)[part], frames[part])
    half = VideoDecoder(source, output="yuv", output_dtype=torch.float16, memory_order="NCHW")[0]
    floats = VideoDecoder(source, output="yuv", output_dtype=torch.float32)[0]
    assert torch.equal(half, floats.half())


@pytest.mark.parametrize("name", ["raw_nv12.nut", "raw_nv21.nut", "raw_uyvy422.nut"])
def test_yuv_of_interleaved_formats(name):
    """The planes are those that ffmpeg sorts the samples into."""
    source, down = media.path(name), 1 if "422" in name else 2
    frames = VideoDecoder(source, output="yuv")[:]
    height, width = frames.shape[2:]
    data = np.frombuffer(oracle.raw(source, "yuv422p" if down == 1 else "yuv420p"), np.uint8)
    data = data.reshape(len(frames), -1)
    rows, columns = -(-height // down), -(-width // 2)
    luma, first, second = np.split(data, np.cumsum([height * width, rows * columns]), axis=1)
    assert np.array_equal(frames[:, 0], luma.reshape(-1, height, width))
    assert np.array_equal(frames[:, 1, ::down, ::2], first.reshape(-1, rows, columns))
    assert np.array_equal(frames[:, 2, ::down, ::2], second.reshape(-1, rows, columns))


def test_yuv_of_gray_has_neutral_chroma():
    source = media.path("ffv1_gray10le.mkv")
    frames = VideoDecoder(source, output="yuv", output_dtype="auto")[:]
    gray = np.frombuffer(oracle.raw(source, None), "<u2")
    assert np.array_equal(frames[:, 0].flatten(), gray.astype(np.float32) / np.float32(1023))
    assert (frames[:, 1:].unique() * 1023).tolist() == [512]


def test_yuv_of_frames_of_another_size_is_scaled():
    source = media.path("resolution_change.h264")
    frames = VideoDecoder(source, output="yuv")[:]
    luma, first, second = planes(source, *frames.shape[2:], 2, 2, np.uint8)
    assert np.array_equal(frames[:, 0], luma)
    assert np.array_equal(frames[:, 1, ::2, ::2], first)
    assert np.array_equal(frames[:, 2, ::2, ::2], second)


@pytest.mark.parametrize("name", ["ffv1_gbrp.mkv", "raw_pal8.nut", "raw_monob.nut"])
def test_yuv_of_a_stream_without_it_says_what_to_do(name):
    with pytest.raises(FFmpegValueError, match=rf"{name}: output='yuv' needs YUV planes.*output='rgb'"):
        VideoDecoder(media.path(name), output="yuv", output_dtype="auto")


def test_yuv_that_does_not_fit_says_what_to_do():
    with pytest.raises(FFmpegValueError, match=r"yuv420p10le have 10 bits.*output_dtype=torch.float32"):
        VideoDecoder(media.path("h264_10bit.mp4"), output="yuv")


# -- every way of reading --------------------------------------------------------------------------


@pytest.mark.parametrize("output", list(CHANNELS))
def test_every_way_of_reading_has_the_channels(output):
    channels = CHANNELS[output]
    decoder = VideoDecoder(PLAIN, output=output)
    frames = decoder[:]
    assert decoder.shape == frames.shape == (len(decoder), channels, *frames.shape[2:])
    assert VideoDecoder(PLAIN, output=output, dimension_order="NHWC").shape[-1] == channels
    for fresh, seen, wanted in (
        (VideoDecoder(PLAIN, output=output), lambda d: d[7], frames[7]),
        (VideoDecoder(PLAIN, output=output), lambda d: d[3:9:2, 0, 10:40, ::3], frames[3:9:2, 0, 10:40, ::3]),
        (VideoDecoder(PLAIN, output=output), lambda d: d[[5, 1, 1]], frames[[5, 1, 1]]),
        (VideoDecoder(PLAIN, output=output), lambda d: d.get_frame_at(4).data, frames[4]),
        (VideoDecoder(PLAIN, output=output), lambda d: d.get_frames_in_range(2, 5).data, frames[2:5]),
        (VideoDecoder(PLAIN, output=output), lambda d: d.t[0.0, 0], frames[0, 0]),
        (VideoDecoder(PLAIN, output=output), lambda d: next(iter(d)), frames[0]),
        (VideoDecoder(PLAIN, output=output, seek_mode="approximate"), lambda d: d[7], frames[7]),
        (VideoDecoder(PLAIN, output=output, memory_order="NCHW"), lambda d: d[7], frames[7]),
        (pickle.loads(pickle.dumps(decoder)), lambda d: d[7], frames[7]),
    ):
        assert torch.equal(seen(fresh), wanted)
    assert decoder.get_frames_at([]).data.shape == (0, *frames.shape[1:])
    (batch,) = decode_batch([(VideoDecoder(PLAIN, output=output), [2, 3])])
    assert torch.equal(batch.data, frames[2:4])
    planar = VideoDecoder(PLAIN, output=output, memory_order="NCHW")[7:9]
    assert planar.is_contiguous()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("output", ["gray", "rgba", "yuv"])
@pytest.mark.parametrize("name", ["ffv1_yuva420p.mkv", "h264_plain.mp4"])
def test_transforms(name, output, dtype):
    """Each channel is resized by itself, with the values of torch."""
    source = media.path(name)
    options = {"output": output, "output_dtype": dtype, "dimension_order": "NHWC"}
    exact = torch.float32 if dtype == torch.float16 else dtype
    frames = VideoDecoder(source, **{**options, "output_dtype": exact})[:2]
    resized = resizing.resize_bilinear(frames, 40, 56)
    for memory_order in ("NHWC", "NCHW"):
        decoder = VideoDecoder(source, transforms=[Resize((40, 56))], memory_order=memory_order, **options)
        close(decoder[:2], resized)
        close(decoder[:2, 5:20, 7:30], resized[:, 5:20, 7:30])
    twice = resizing.resize_bilinear(resized[:, 4:36, 8:48], 24, 24)
    steps = [Resize((40, 56)), CenterCrop((32, 40)), Resize((24, 24))]
    close(VideoDecoder(source, transforms=steps, **options)[:2], twice)


def close(seen, wanted):
    assert seen.shape == wanted.shape
    if seen.dtype == torch.uint8:
        assert torch.equal(seen, wanted)
    else:
        assert torch.allclose(seen.float(), wanted, atol=4e-6 if seen.dtype == torch.float32 else 1e-3)


class Shrinking(io.BytesIO):
    """A file-like object that is read on demand, which a plain BytesIO is not."""


@pytest.mark.parametrize("order", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16], ids=str)
def test_a_frame_that_is_lost_is_black_and_opaque(dtype, order):
    """The file shrinks after it was opened, so that its last frame has no packet."""
    data = media.path("h264_long_gop.mp4").read_bytes()
    top = 255 if dtype == torch.uint8 else 1
    middle = 128 if dtype == torch.uint8 else 0.5
    options = {"on_error": "mask", "output_dtype": dtype, "memory_order": order, "dimension_order": "NHWC"}
    set_limits(0, 0)  # otherwise the read-ahead keeps the whole file
    try:
        for output, pixel in (
            ("rgb", [0, 0, 0]),
            ("gray", [0]),
            ("rgba", [0, 0, 0, top]),
            ("yuv", [0, middle, middle]),
        ):
            file = Shrinking(data)
            decoder = VideoDecoder(file, output=output, **options)
            file.truncate(len(data) // 2)
            batch = decoder.get_frames_at([-1])
            assert batch.valid.tolist() == [False]
            assert batch.data.reshape(-1, len(pixel)).unique(dim=0).tolist() == [pixel]
    finally:
        set_limits()


def test_the_limit_of_a_result_counts_channels():
    height, width = VideoDecoder(PLAIN).shape[2:]
    assert VideoDecoder(PLAIN, output="gray", max_result_bytes=height * width)[0].shape[0] == 1
    with pytest.raises(MemoryError):
        VideoDecoder(PLAIN, output="rgba", max_result_bytes=3 * height * width)[0]


def test_an_unknown_output_is_refused():
    with pytest.raises(ValueError, match=r"output.*'rgb', 'gray', 'rgba'.*'bgr'"):
        VideoDecoder(PLAIN, output="bgr")
