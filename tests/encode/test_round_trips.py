"""Lossless encodings give the frames back, in every matrix, range and depth, to ffmpeg, too."""

import encoding
import numpy as np
import pytest
import torch

from cycodec.core.encode.video import limit_level
from cycodec.decoders import VideoDecoder
from cycodec.encoders import VideoEncoder

MATRICES = ("bt709", "smpte170m", "bt470bg", "bt2020nc", "smpte240m", "fcc")


def decoded(data):
    return VideoDecoder(data).get_all_frames().data


def largest_difference(data, frames):
    """The largest difference to the frames: by our decoder and by the ffmpeg command."""
    height, width = frames.shape[2:]
    ours = (decoded(data).int() - frames.int()).abs().max().item()
    theirs = encoding.ffmpeg_rgb(bytes(data.numpy()), height, width).astype(np.int32)
    return ours, np.abs(theirs - frames.permute(0, 2, 3, 1).numpy()).max()


@pytest.mark.parametrize("color_range", ["tv", "pc"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv444p10le", "yuv444p12le", "yuv444p16le"])
def test_ffv1_is_within_one_level(pixel_format, matrix, color_range):
    frames = encoding.moving(4)
    options = {"colorspace": matrix, "color_range": color_range}
    data = VideoEncoder(frames, frame_rate=30).to_tensor(
        "mkv", codec="ffv1", pixel_format=pixel_format, extra_options=options
    )
    metadata = VideoDecoder(data).metadata
    assert metadata.color_space == matrix
    assert metadata.pixel_format == pixel_format
    assert max(largest_difference(data, frames)) <= 1


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_every_colour_is_within_one_level(matrix):
    """Eight bits of limited range lose most: all 64^3 colours of a grid, and their neighbours."""
    values = torch.arange(0, 256, 4)
    grid = torch.cartesian_prod(values, values, values).T.reshape(3, 512, 512)
    generator = torch.Generator().manual_seed(1)
    frames = torch.stack([grid + torch.randint(0, 4, grid.shape, generator=generator) for _ in range(4)]).to(
        torch.uint8
    )
    data = VideoEncoder(frames, frame_rate=30).to_tensor(
        "mkv", codec="ffv1", pixel_format="yuv444p", extra_options={"colorspace": matrix}
    )
    assert max(largest_difference(data, frames)) <= 1


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"qp": 0}), ("libx265", {"x265-params": "lossless=1"})]
)
def test_lossless_options_of_lossy_codecs(codec, options):
    frames = encoding.moving(6)
    data = VideoEncoder(frames, frame_rate=30).to_tensor(
        "mkv", codec=codec, pixel_format="yuv444p", extra_options=options
    )
    assert max(largest_difference(data, frames)) <= 1


@pytest.mark.parametrize(
    ("codec", "pixel_format", "container"),
    [("ffv1", "bgr0", "mkv"), ("png", None, "mkv"), ("libx264rgb", None, "mkv"), ("qtrle", None, "mov"),
     ("huffyuv", "rgb24", "avi"), ("utvideo", "gbrp", "avi"), ("magicyuv", "gbrp", "mkv"), ("apng", None, "apng")],
)  # fmt: skip
def test_rgb_formats_are_exact(codec, pixel_format, container):
    frames = encoding.moving(5)
    options = {"qp": 0} if codec == "libx264rgb" else {}
    data = VideoEncoder(frames, frame_rate=25).to_tensor(
        container, codec=codec, pixel_format=pixel_format, extra_options=options
    )
    assert torch.equal(decoded(data), frames)
    assert largest_difference(data, frames) == (0, 0)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "container", "bits"),
    [("ffv1", None, "mkv", 16), ("ffv1", "gray12le", "mkv", 12), ("ffv1", "gray10le", "mkv", 10), ("png", None, "mkv", 16),
     ("libx265", "gray12le", "mkv", 12), ("libx265", "gray10le", "mp4", 10)],
)  # fmt: skip
def test_depth_maps_come_back_to_the_bit(codec, pixel_format, container, bits):
    generator = torch.Generator().manual_seed(2)
    depth = torch.randint(0, 1 << bits, (3, 1, 64, 96), generator=generator).to(torch.uint16)
    depth[0, 0, 0, :2] = torch.tensor([0, (1 << bits) - 1]).to(torch.uint16)
    options = {"x265-params": "lossless=1"} if codec == "libx265" else {}
    data = VideoEncoder(depth, frame_rate=30).to_tensor(
        container, codec=codec, pixel_format=pixel_format, bit_depth=None if bits == 16 else bits, extra_options=options
    )  # fmt: skip
    raw = encoding.ffmpeg_rgb(bytes(data.numpy()), 64, 96, pixel_format or "gray16le", np.uint16)
    assert np.array_equal(raw[..., 0], depth[:, 0].numpy())


def test_gray_and_alpha_choose_formats_that_keep_them():
    gray = encoding.moving(3, channels=1)
    data = VideoEncoder(gray, frame_rate=30).to_tensor("mkv", codec="ffv1")
    assert VideoDecoder(data).metadata.pixel_format == "gray"
    assert torch.equal(decoded(data), gray.expand(-1, 3, -1, -1))
    rgba = encoding.moving(3, channels=4)
    data = VideoEncoder(rgba, frame_rate=30).to_tensor("mov", codec="png")
    raw = encoding.ffmpeg_rgb(bytes(data.numpy()), 96, 128, "rgba")
    assert np.array_equal(raw, rgba.permute(0, 2, 3, 1).numpy())


def test_gray_in_a_colour_format_has_no_colour():
    gray = encoding.moving(3, channels=1)
    data = VideoEncoder(gray, frame_rate=30).to_tensor("mkv", codec="ffv1", pixel_format="yuv420p")
    got = decoded(data).int()
    assert torch.equal(got[:, 0], got[:, 1])
    assert torch.equal(got[:, 0], got[:, 2])
    assert (got[:, :1] - gray.int()).abs().max() <= 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
def test_floats_are_rounded(dtype):
    frames = encoding.moving(3)
    data = VideoEncoder((frames / 255).to(dtype), frame_rate=30).to_tensor(
        "mkv", codec="png", pixel_format="rgb24"
    )
    # bfloat16 has eight bits of precision
    assert (decoded(data).int() - frames.int()).abs().max() <= (1 if dtype == torch.bfloat16 else 0)


def test_floats_and_uint16_keep_their_depth():
    frames = torch.stack([encoding.picture(64, 96, seed=n) for n in range(2)])
    data = VideoEncoder(frames, frame_rate=30).to_tensor("mkv", codec="ffv1", pixel_format="gbrp16le")
    raw = encoding.ffmpeg_rgb(bytes(data.numpy()), 64, 96, "rgb48le", np.uint16)
    wanted = (frames.permute(0, 2, 3, 1) * 65535 + 0.5).floor().numpy().astype(np.int64)
    assert np.abs(raw - wanted).max() <= 1
    as_ints = torch.from_numpy(raw.copy()).permute(0, 3, 1, 2)
    again = VideoEncoder(as_ints, frame_rate=30).to_tensor("mkv", codec="ffv1", pixel_format="gbrp16le")
    assert np.array_equal(encoding.ffmpeg_rgb(bytes(again.numpy()), 64, 96, "rgb48le", np.uint16), raw)


def test_deep_input_chooses_a_deep_format():
    frames = torch.stack([encoding.picture(64, 96, seed=n) for n in range(2)])
    data = VideoEncoder(frames, frame_rate=30).to_tensor("mkv", codec="libx265")
    assert "12" in VideoDecoder(data).metadata.pixel_format


MEMORY = {
    "nchw": lambda x: x.contiguous(),
    "nhwc": lambda x: x.contiguous(memory_format=torch.channels_last),
    "every second column": lambda x: x.repeat_interleave(2, 3)[..., ::2],
    "a region": lambda x: torch.nn.functional.pad(x, (5, 7, 3, 2))[:, :, 3:-2, 5:-7],
    "bgr": lambda x: x.flip(1).contiguous().flip(1),
    "channels of four": lambda x: torch.cat([x, x[:, :1]], 1).contiguous(memory_format=torch.channels_last)[
        :, :3
    ],
}


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "nv12", "bgr0", "yuv422p10le"])
@pytest.mark.parametrize("memory", MEMORY)
def test_memory_order_makes_no_difference(memory, pixel_format, dtype):
    frames = encoding.moving(2)
    if dtype != torch.uint8:
        frames = (frames / 255).float() if dtype == torch.float32 else (frames.int() * 257).to(torch.uint16)
    codec = "rawvideo"
    one = VideoEncoder(frames, frame_rate=30).to_tensor("nut", codec=codec, pixel_format=pixel_format)
    if dtype == torch.uint16:
        other = MEMORY[memory](frames.view(torch.int16)).view(torch.uint16)
    else:
        other = MEMORY[memory](frames)
    assert torch.equal(other.float(), frames.float())
    other = VideoEncoder(other, frame_rate=30).to_tensor("nut", codec=codec, pixel_format=pixel_format)
    assert torch.equal(one, other)


@pytest.mark.parametrize("size", [(96, 128), (95, 127), (17, 3), (2, 2), (33, 250)])
@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv420p10le", "gray", "bgr0"]
)
def test_plain_and_vector_code_agree(pixel_format, size):
    frames = encoding.moving(2, *size)
    made = []
    for level in (0, 1):
        limit_level(level)
        made.append(
            VideoEncoder(frames, frame_rate=30).to_tensor("nut", codec="rawvideo", pixel_format=pixel_format)
        )
    assert torch.equal(*made)


@pytest.mark.parametrize("pixel_format", ["rgb565le", "rgb4_byte", "bgr8", "uyvy422", "yuv444p16be"])
def test_formats_of_every_kind(pixel_format):
    """swscale writes those whose components are not whole bytes."""
    frames = encoding.moving(3)
    data = VideoEncoder(frames, frame_rate=30).to_tensor("nut", codec="rawvideo", pixel_format=pixel_format)
    raw = encoding.ffmpeg_rgb(bytes(data.numpy()), 96, 128)
    assert encoding.psnr(raw, frames) > (7 if "4_byte" in pixel_format else 20 if "8" in pixel_format else 30)


def test_defaults_are_tagged_and_true(tmp_path):
    for height, width, name in ((96, 128, "smpte170m"), (720, 1280, "bt709")):
        frames = encoding.moving(2, height, width)
        VideoEncoder(frames, frame_rate=30).to_file(tmp_path / "x.mp4", preset="ultrafast", crf=1)
        tags = encoding.probe(
            tmp_path / "x.mp4", "color_space", "color_primaries", "color_transfer", "color_range", "pix_fmt"
        )
        assert tags == {
            "color_space": name, "color_primaries": name, "color_transfer": name, "color_range": "tv",
            "pix_fmt": "yuv420p",
        } | {}  # fmt: skip
        assert encoding.psnr(encoding.ffmpeg_rgb(tmp_path / "x.mp4", height, width), frames) > 34


def test_a_matrix_without_a_formula_is_refused():
    frames = encoding.moving(1)
    with pytest.raises(ValueError, match=r"ycgco.*bt709"):
        VideoEncoder(frames, frame_rate=30).to_tensor(
            "mkv", codec="ffv1", pixel_format="yuv444p", extra_options={"colorspace": "ycgco"}
        )
    with pytest.raises(ValueError, match="full range"):
        VideoEncoder(frames, frame_rate=30).to_tensor(
            "mkv", codec="ffv1", pixel_format="bgr0", extra_options={"color_range": "tv"}
        )
