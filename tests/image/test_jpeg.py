"""JPEG: the pixels of Pillow, at every sampling, size, scale, region and orientation."""

import io

import images
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from cycodec.images import decode_image, decode_jpeg, get_image_metadata

# Rows of the last two begin at multiples of 32 bytes; Note [Rows that stay in the cache].
SIZES = [(1, 1), (7, 5), (17, 33), (100, 75), (257, 129), (512, 96), (704, 512)]
SAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "4:1:1", "4:4:0"]


def jpeg(width, height, sampling="4:2:0", **options):
    return images.encoded(images.photo(width, height), "JPEG", subsampling=sampling, **options)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sampling", [s for s in SAMPLINGS if s != "4:4:0"])
def test_pixels_are_those_of_pillow(size, sampling):
    for options in ({"quality": 30}, {"quality": 95, "progressive": True}, {"restart_marker_rows": 1}):
        data = jpeg(*size, sampling, **options)
        assert np.array_equal(images.array(decode_jpeg(data)), images.pillow(data))
        image = Image.open(io.BytesIO(data))
        image.draft("L", image.size)
        assert np.array_equal(decode_jpeg(data, mode="gray")[0], np.asarray(image))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_region_is_that_part_of_the_whole(sampling, progressive):
    if sampling == "4:4:0":
        from cycodec.images import JpegEncoder

        pixels = torch.from_numpy(np.asarray(images.photo(117, 83)).copy()).permute(2, 0, 1)
        data = JpegEncoder(pixels).to_tensor(subsampling=sampling, progressive=progressive)
    else:
        data = jpeg(117, 83, sampling, progressive=progressive)
    whole = decode_image(data)
    random = np.random.default_rng(1)
    for _ in range(12):
        y0, x0 = (int(random.integers(0, n)) for n in (83, 117))
        y1, x1 = int(random.integers(y0 + 1, 84)), int(random.integers(x0 + 1, 118))
        part = decode_image(data, region=(y0, y1, x0, x1))
        assert torch.equal(part, whole[:, y0:y1, x0:x1]), (y0, y1, x0, x1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("number", range(1, 9))
def test_exif_orientation_is_applied(number, mode):
    image = images.photo(41, 29).convert(mode)
    for order in "<>":
        data = images.encoded(image, "JPEG", exif=b"Exif\0\0" + images.exif(number, order))
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        found = decode_jpeg(data, mode="UNCHANGED")
        assert np.array_equal(images.array(found).squeeze(), np.asarray(turned))
        metadata = get_image_metadata(data)
        assert (metadata.width, metadata.height, metadata.orientation) == (*turned.size, number)
        part = decode_jpeg(data, mode="UNCHANGED", region=(3, 17, 5, 20))
        assert torch.equal(part, found[:, 3:17, 5:20])


def test_gray_cmyk_and_adobe():
    gray = images.encoded(images.photo(37, 21).convert("L"), "JPEG")
    assert decode_jpeg(gray, mode="UNCHANGED").shape == (1, 21, 37)
    assert np.array_equal(images.array(decode_jpeg(gray)), images.pillow(gray, "RGB"))
    cmyk = images.encoded(images.photo(37, 21).convert("CMYK"), "JPEG")
    assert np.array_equal(images.array(decode_jpeg(cmyk)), images.pillow(cmyk, "RGB"))
    assert np.array_equal(images.array(decode_jpeg(cmyk, mode="UNCHANGED")), images.pillow(cmyk))
    opaque = decode_jpeg(cmyk, mode="RGBA")
    assert opaque[3].eq(255).all()
    assert torch.equal(opaque[:3], decode_jpeg(cmyk))
    # Adobe's transform 2 means YCCK
    at = cmyk.index(b"Adobe") + 11
    ycck = cmyk[:at] + b"\2" + cmyk[at + 1 :]
    assert np.array_equal(images.array(decode_jpeg(ycck)), images.pillow(ycck, "RGB"))
    rgb = images.encoded(images.photo(37, 21), "JPEG", keep_rgb=True)
    assert np.array_equal(images.array(decode_jpeg(rgb)), images.pillow(rgb))


@images.needs_uint16
def test_modes_and_types():
    data = jpeg(33, 21)
    rgb, gray = decode_jpeg(data), decode_jpeg(data, mode="GRAY")
    assert torch.equal(decode_jpeg(data, mode="Unchanged"), rgb)
    assert torch.equal(decode_jpeg(data, mode="GRAY_ALPHA")[:1], gray)
    assert decode_jpeg(data, mode="rgba")[3].eq(255).all()
    assert decode_jpeg(data, output_dtype="auto").dtype == torch.uint8
    deep = decode_jpeg(data, output_dtype=torch.uint16)
    assert torch.equal(deep.to(torch.int32), rgb.to(torch.int32) * 257)
    assert rgb.permute(1, 2, 0).is_contiguous()


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_dct_scaling_is_that_of_libjpeg(sampling):
    data = jpeg(160, 96, sampling)
    for edge in (12, 24, 48):
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", (edge * 160 // 96, edge))
        assert image.size == (edge * 160 // 96, edge)
        assert np.array_equal(images.array(decode_image(data, size=edge)), np.asarray(image))
        exact = decode_image(data, size=edge, dct_scaling=False)
        whole = decode_image(data)[None]
        same = torch.nn.functional.interpolate(
            whole.contiguous(memory_format=torch.channels_last),
            (edge, edge * 160 // 96),
            mode="bilinear",
            antialias=True,
        )
        assert torch.equal(exact, same[0])


def test_dct_scaling_comes_near_to_resizing():
    smooth = images.photo(63, 47).resize((500, 375), Image.Resampling.BICUBIC)
    data = images.encoded(smooth, "JPEG", quality=90)
    for size in (224, (100, 100), (40, 90)):
        near = decode_image(data, size=size).float()
        exact = decode_image(data, size=size, dct_scaling=False).float()
        assert near.shape == exact.shape
        assert (near - exact).abs().mean() < 1.5


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_data_are_an_error(progressive):
    data = jpeg(64, 48, progressive=progressive)
    whole = decode_jpeg(data)
    # the end marker and what follows the last row do not matter
    assert torch.equal(decode_jpeg(data[:-2]), whole)
    assert torch.equal(decode_jpeg(data + b"trailing bytes"), whole)
    for end in (3, 20, 200, len(data) // 2, len(data) - 30):
        with pytest.raises(ValueError, match=r"JPEG image is (incomplete or truncated|damaged)") as error:
            decode_jpeg(data[:end])
        assert isinstance(error.value, RuntimeError)


def test_damaged_data_are_an_error():
    data = bytearray(jpeg(64, 48))
    at = data.index(b"\xff\xda") + 40
    data[at : at + 30] = b"\xff\xd9" * 15
    with pytest.raises(ValueError, match="JPEG"):
        decode_jpeg(bytes(data))


def test_a_gpu_is_refused_by_words():
    with pytest.raises(RuntimeError, match="cuda"):
        decode_jpeg(jpeg(8, 8), device="cuda")
    with pytest.raises(ValueError, match="no such device"):
        decode_jpeg(jpeg(8, 8), device="nonsense")
