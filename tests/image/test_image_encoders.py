"""Encoders of images: what Pillow reads of their files, and refused arguments."""

import io

import images
import numpy as np
import pytest
import torch
from PIL import Image, features

from cycodec.images import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder, decode_image

EXIF, ICC = images.exif(3), bytes(range(256)) * 300


@pytest.fixture(scope="module")
def image():
    return torch.from_numpy(np.asarray(images.translucent(101, 77)).copy()).permute(2, 0, 1)


def opened(tensor):
    return Image.open(io.BytesIO(bytes(tensor.numpy())))


def peak(found, want):
    """The peak signal-to-noise ratio in dB."""
    return 10 * np.log10(255**2 / max(((found.float() - want) ** 2).mean().item(), 1e-9))


def test_jpeg_has_the_pixels_that_pillow_writes(image):
    names = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
    pixels = Image.fromarray(images.array(image[:3]))
    for subsampling, number in names.items():
        for quality in (10, 75, 97):
            for progressive in (False, True):
                ours = JpegEncoder(image[:3]).to_tensor(
                    quality=quality, subsampling=subsampling, progressive=progressive
                )
                theirs = images.encoded(
                    pixels, "JPEG", quality=quality, subsampling=number, progressive=progressive
                )
                assert torch.equal(decode_image(ours), decode_image(theirs))
                assert bool(opened(ours).info.get("progressive")) == progressive
    plain = JpegEncoder(image[:3]).to_tensor()
    smaller = JpegEncoder(image[:3]).to_tensor(optimize=True)
    assert len(smaller) < len(plain)
    assert torch.equal(decode_image(smaller), decode_image(plain))


@images.needs_uint16
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_png_is_lossless(image, channels, level):
    pixels = image[:channels]
    data = PngEncoder(pixels).to_tensor(compression_level=level)
    assert np.array_equal(np.asarray(opened(data)).reshape(77, 101, channels), images.array(pixels))
    assert torch.equal(decode_image(data, mode="UNCHANGED"), pixels)
    deep = (pixels.to(torch.int32) * 257 + torch.arange(101) % 5).clamp(max=65535).to(torch.uint16)
    data = PngEncoder(deep).to_tensor(compression_level=level)
    assert torch.equal(decode_image(data, mode="UNCHANGED", output_dtype="auto"), deep)


def test_png_is_as_small_as_pillows():
    smooth = images.photo(40, 30).resize((320, 240), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(smooth).copy()).permute(2, 0, 1)
    assert len(PngEncoder(pixels).to_tensor()) < 1.05 * len(images.encoded(smooth, "PNG"))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_webp(image, channels):
    pixels = image[:channels]
    data = WebpEncoder(pixels).to_tensor(lossless=True)
    found = decode_image(data, mode="RGBA" if channels == 4 else "GRAY" if channels == 1 else "RGB")
    seen = pixels[3] > 0 if channels == 4 else torch.ones(77, 101, dtype=torch.bool)
    assert torch.equal(found[:, seen], pixels[:, seen])
    few, many = (WebpEncoder(pixels).to_tensor(quality=quality) for quality in (10, 95))
    assert len(few) < len(many)
    assert opened(many).size == (101, 77)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_avif(image, channels):
    pixels = image[:channels]
    data = AvifEncoder(pixels).to_tensor(quality=95, subsampling="4:4:4", speed=8)
    found = decode_image(data, mode="UNCHANGED")
    assert found.shape[0] == max(channels, 3)
    assert peak(found, pixels.expand(3, -1, -1) if channels == 1 else pixels) > 35
    small = AvifEncoder(pixels).to_tensor(quality=20, speed=8)
    assert len(small) < len(data)
    if features.check("avif"):
        theirs = np.asarray(opened(data)).astype(int)
        assert np.abs(images.array(found) - theirs).max() <= 3


@pytest.mark.parametrize("kind", [JpegEncoder, PngEncoder, WebpEncoder, AvifEncoder])
def test_metadata_and_destinations(image, kind, tmp_path):
    encoder = kind(image[:3])
    options = {"exif": b"Exif\0\0" + EXIF, "icc_profile": ICC}
    data = encoder.to_tensor(**options)
    if kind is not AvifEncoder or features.check("avif"):
        picture = opened(data)
        assert picture.info["icc_profile"] == ICC
        # libavif takes the orientation from irot and imir
        assert picture.getexif()[0x112] == (1 if kind is AvifEncoder else 3)
    encoder.to_file(tmp_path / "image", **options)
    assert (tmp_path / "image").read_bytes() == bytes(data.numpy())
    file = io.BytesIO()
    encoder.to_file_like(file, **options)
    assert file.getvalue() == bytes(data.numpy())
    assert "3x77x101" in repr(encoder)


def test_any_strides_and_arrays(image):
    want = PngEncoder(image[:3]).to_tensor()
    packed = image[:3].permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert torch.equal(PngEncoder(packed).to_tensor(), want)
    assert torch.equal(PngEncoder(image[:3].numpy()).to_tensor(), want)
    turned = image[:3].flip(2).transpose(1, 2)
    assert torch.equal(decode_image(PngEncoder(turned).to_tensor()), turned)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda i: JpegEncoder(i), ValueError, "channels should be 1 or 3, got 4"),
        (lambda i: JpegEncoder(i[None]), ValueError, "3-dimensional"),
        (lambda i: JpegEncoder(i[:3].float()), ValueError, "should be uint8, got float32"),
        (lambda i: JpegEncoder("photo.jpg"), TypeError, "must be a torch.Tensor"),
        (lambda i: JpegEncoder(i[:3, :0]), ValueError, "from 1 to 65500"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(quality=0), ValueError, "between 1 and 100"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(quality=101), ValueError, "between 1 and 100"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(quality="x"), TypeError, "quality"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(subsampling="4:1:0"), ValueError, "subsampling"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(exif="text"), TypeError, "exif must be bytes"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(exif=bytes(70000)), NotImplementedError, "Exif block"),
        (lambda i: JpegEncoder(i[:3]).to_tensor(compression=3), TypeError, "compression"),
        (lambda i: JpegEncoder(i[:3]).to_file("/no/such/folder/x.jpg"), FileNotFoundError, "folder"),
        (lambda i: JpegEncoder(i[:3]).to_file(io.BytesIO()), TypeError, "dest must be a path"),
        (lambda i: JpegEncoder(i[:3]).to_file_like("x.jpg"), TypeError, "write"),
        (lambda i: PngEncoder(i).to_tensor(compression_level=10), ValueError, "between 0 and 9, got 10"),
        (lambda i: PngEncoder(torch.cat([i, i])), ValueError, "should be 1, 2, 3 or 4, got 8"),
        (lambda i: WebpEncoder(i[:2]), ValueError, "should be 1, 3 or 4, got 2"),
        (lambda i: WebpEncoder(torch.zeros(3, 1, 16384, dtype=torch.uint8)), ValueError, "16383"),
        (lambda i: AvifEncoder(i).to_tensor(speed=9), ValueError, "speed"),
    ],
)
def test_wrong_arguments(image, call, error, words):
    with pytest.raises(error, match=words):
        call(image)


def test_a_failure_leaves_nothing(image, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"older")
    with pytest.raises(NotImplementedError):
        JpegEncoder(image[:3]).to_file(path, exif=bytes(70000))
    assert path.read_bytes() == b"older"
    assert [item.name for item in tmp_path.iterdir()] == ["photo.jpg"]
