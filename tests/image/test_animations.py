"""GIF and WebP: still images and animations, compared with Pillow."""

import io

import images
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from cycodec._image import webp
from cycodec.images import decode_animation, decode_gif, decode_image, decode_webp, get_image_metadata


def drawn(count=5):
    """Frames with a shape that moves over a transparent canvas."""
    frames = []
    for number in range(count):
        frame = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
        box = (3 * number, 2 * number, 3 * number + 15, 2 * number + 12)
        ImageDraw.Draw(frame).ellipse(box, fill=(50 * number, 200 - 30 * number, 90, 255))
        frames.append(frame)
    return frames


def animation(frames, format, **options):
    file = io.BytesIO()
    frames[0].save(file, format, save_all=True, append_images=frames[1:], **options)
    return file.getvalue()


def agree(batch, data):
    """Alpha is equal, and so are colours where they can be seen."""
    theirs = images.pillow_frames(data)
    assert len(batch) == len(theirs)
    for ours, want in zip(batch, theirs, strict=True):
        found = images.array(ours)
        assert np.array_equal(found[..., 3], want[..., 3])
        seen = want[..., 3] > 0
        assert np.array_equal(found[seen], want[seen])


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_gif_disposal(disposal):
    data = animation(drawn(), "GIF", disposal=disposal, duration=70, loop=4)
    batch = decode_animation(data, mode="RGBA")
    agree(batch.data, data)
    assert batch.duration_seconds.tolist() == [0.07] * 5
    assert batch.pts_seconds.tolist() == pytest.approx([0.07 * n for n in range(5)])
    assert torch.equal(decode_gif(data, mode="RGBA"), batch.data)
    assert torch.equal(decode_image(data, mode="RGBA"), batch.data)
    metadata = get_image_metadata(data)
    assert (metadata.num_frames, metadata.duration_seconds) == (5, pytest.approx(0.35))


@pytest.mark.parametrize("colours", [2, 4, 16, 100, 256])
def test_still_gif(colours):
    for interlace in (0, 1):
        image = images.photo(101, 67).quantize(colours)
        data = images.encoded(image, "GIF", interlace=interlace)
        assert np.array_equal(images.array(decode_gif(data)), images.pillow(data, "RGB"))


def test_gif_of_gray_and_of_one_pixel():
    data = images.encoded(images.photo(31, 17).convert("L"), "GIF")
    assert np.array_equal(images.array(decode_gif(data)), images.pillow(data, "RGB"))
    assert decode_gif(images.encoded(Image.new("L", (1, 1), 7), "GIF")).tolist() == [[[7]]] * 3


@pytest.mark.parametrize("end", [0.2, 0.5, 0.9])
def test_truncated_gif(end):
    data = images.encoded(images.photo(101, 67).quantize(64), "GIF")
    with pytest.raises(ValueError, match="GIF image is incomplete or truncated"):
        decode_gif(data[: int(len(data) * end)])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 9), (100, 75), (129, 64)])
def test_webp_has_the_pixels_of_libwebp(size):
    for image in (images.photo(*size), images.translucent(*size)):
        for options in (
            {"quality": 20},
            {"quality": 90},
            {"lossless": True},
            {"lossless": True, "exact": True},
        ):
            data = images.encoded(image, "WEBP", **options)
            found, want = decode_webp(data, mode="UNCHANGED"), images.pillow(data)
            assert np.array_equal(images.array(found), want)
            assert np.array_equal(images.array(decode_webp(data)), want[..., :3])


@images.needs_uint16
def test_webp_regions_modes_and_types():
    data = images.encoded(images.translucent(60, 44), "WEBP", quality=70)
    whole = decode_webp(data, mode="RGBA")
    part = decode_webp(data, mode="RGBA", region=(7, 30, 11, 50))
    assert torch.equal(part, whole[:, 7:30, 11:50])
    deep = decode_webp(data, mode="RGBA", output_dtype=torch.uint16)
    assert torch.equal(deep.to(torch.int32), whole.to(torch.int32) * 257)
    gray = decode_webp(data, mode="GRAY_ALPHA")
    assert torch.equal(gray[1], whole[3])
    weights = torch.tensor([0.2989, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    want = (whole[:3].double() * weights).sum(0).add(0.5).floor()
    assert (gray[0] - want).abs().max() == 0


@images.needs_uint16
@pytest.mark.skipif(not webp.HAS_LIBWEBP, reason="this build has no libwebp")
@pytest.mark.parametrize("options", [{"quality": 30}, {"lossless": True}])
@pytest.mark.parametrize("make", [images.photo, images.translucent])
def test_webp_is_the_same_with_and_without_libwebp(make, options, monkeypatch):
    data = images.encoded(make(61, 45), "WEBP", **options)
    calls = [
        {"mode": mode, "output_dtype": dtype, "region": region}
        for mode in ("RGB", "RGBA", "GRAY", "GRAY_ALPHA")
        for dtype in (torch.uint8, torch.uint16)
        for region in (None, (0, 45, 0, 61), (1, 2, 1, 2), (3, 44, 5, 60), (44, 45, 60, 61))
    ]
    found = [decode_webp(data, **call) for call in calls]
    monkeypatch.setattr(webp, "HAS_LIBWEBP", False)
    for call, pixels in zip(calls, found, strict=True):
        assert torch.equal(decode_webp(data, **call), pixels), call


def test_webp_orientation():
    image = images.photo(30, 20)
    data = images.encoded(image, "WEBP", lossless=True, exif=b"Exif\0\0" + images.exif(8))
    assert np.array_equal(images.array(decode_webp(data)), np.rot90(np.asarray(image)))


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 80}, {"quality": 80, "allow_mixed": True}]
)
def test_animated_webp(options):
    frames = [*drawn(4), images.translucent(40, 30)]
    durations = [40, 50, 60, 70, 80]
    data = animation(frames, "WEBP", duration=durations, loop=2, **options)
    batch = decode_animation(data, mode="RGBA")
    agree(batch.data, data)
    assert batch.duration_seconds.tolist() == [d / 1000 for d in durations]
    assert torch.equal(decode_webp(data, mode="RGBA"), batch.data)
    assert get_image_metadata(data).num_plays == 2


@pytest.mark.parametrize("lossless", [False, True])
def test_truncated_webp(lossless):
    data = images.encoded(images.photo(64, 48), "WEBP", lossless=lossless)
    for end in (12, 25, 40, len(data) // 2, len(data) - 9):
        with pytest.raises(ValueError, match=r"WebP image is (incomplete|damaged)"):
            decode_webp(data[:end])


def test_a_still_image_is_an_animation_of_one_frame():
    for format in ("JPEG", "PNG", "GIF", "WEBP"):
        data = images.encoded(images.photo(20, 10), format)
        batch = decode_animation(data)
        assert batch.data.shape == (1, 3, 10, 20)
        assert batch.duration_seconds.tolist() == [0]
        assert torch.equal(batch.data[0], decode_image(data))
