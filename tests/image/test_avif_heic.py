"""AVIF and HEIC: alpha, tiles, orientation, animations, and damage."""

import io

import images
import numpy as np
import pytest
import torch
from PIL import Image, ImageOps, features
from recipes import shared

from cycodec.decoders import VideoDecoder
from cycodec.images import (
    AvifEncoder,
    decode_animation,
    decode_avif,
    decode_heic,
    decode_image,
    get_image_metadata,
)

needs_pillow = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def soft(width, height, seed=0):
    """An image without hard edges, so that codecs change it little."""
    small = images.photo(width // 8 + 2, height // 8 + 2, seed)
    return small.resize((width, height), Image.Resampling.BICUBIC)


def close(found, want, most, mean):
    difference = np.abs(found.astype(int) - want)
    assert difference.max() <= most
    assert difference.mean() <= mean


@needs_pillow
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:0:0"])
@pytest.mark.parametrize("size", [(64, 48), (31, 17), (1, 1)])
def test_avif_is_near_to_pillow(subsampling, size):
    for image in (soft(*size), images.translucent(*size)):
        data = images.encoded(image, "AVIF", quality=80, subsampling=subsampling, speed=8)
        found = decode_avif(data, mode="UNCHANGED")
        close(images.array(found), images.pillow(data), 3, 1)
        assert torch.equal(decode_image(data, mode="UNCHANGED"), found)
        assert decode_avif(data, mode="GRAY_ALPHA", num_threads=2).shape == (2, *found.shape[1:])


@needs_pillow
@pytest.mark.parametrize("number", range(1, 9))
def test_avif_orientation(number):
    image = soft(40, 26)
    data = images.encoded(image, "AVIF", quality=90, exif=b"Exif\0\0" + images.exif(number))
    want = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    found = decode_avif(data)
    close(images.array(found), np.asarray(want), 3, 1)
    assert get_image_metadata(data).orientation == number
    assert torch.equal(decode_avif(data, region=(3, 20, 5, 24)), found[:, 3:20, 5:24])


@needs_pillow
def test_animated_avif():
    frames = [soft(48, 32, seed) for seed in range(4)]
    file = io.BytesIO()
    frames[0].save(file, "AVIF", save_all=True, append_images=frames[1:], duration=[40, 50, 60, 70], speed=8)
    batch = decode_animation(file.getvalue())
    assert batch.duration_seconds.tolist() == pytest.approx([0.04, 0.05, 0.06, 0.07])
    assert batch.pts_seconds.tolist() == pytest.approx([0, 0.04, 0.09, 0.15])
    for found, want in zip(batch.data, images.pillow_frames(file.getvalue(), "RGB"), strict=True):
        close(images.array(found), want, 4, 1)
    assert torch.equal(decode_avif(file.getvalue()), batch.data)


@images.needs_uint16
def test_ten_bits():
    steps = torch.linspace(0, 65535, 64).to(torch.int32).expand(3, 16, 64).to(torch.uint16)
    data = AvifEncoder(steps).to_tensor(quality=100, subsampling="4:4:4")
    found = decode_avif(data, output_dtype="auto")
    assert found.dtype == torch.uint16
    assert (found.to(torch.int32) - steps.to(torch.int32)).abs().max() < 300
    assert decode_avif(data).dtype == torch.uint8
    assert get_image_metadata(data).bit_depth == 10


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """Lossless HEVC pictures of 64x64: their data, hvcC, and what ffmpeg decodes."""
    path = tmp_path_factory.mktemp("heic") / "tiles.mp4"
    samples, config = images.hevc_pictures(path, "testsrc2=s=64x64:r=1:d=6,hue=h=60*t,format=yuv444p")
    return samples, config, VideoDecoder(str(path))[...]


def test_heic(coded):
    samples, config, frames = coded
    data = images.heic(samples[:1], config, (64, 64))
    assert torch.equal(decode_heic(data), frames[0])
    assert torch.equal(decode_image(data, mode="RGBA")[:3], frames[0])
    assert get_image_metadata(data).format == "HEIC"


def test_heic_tiles(coded):
    samples, config, frames = coded
    data = images.heic(samples, config, (64, 64), (2, 3, 180, 101))
    rows = [torch.cat(list(frames[3 * row : 3 * row + 3]), 2) for row in (0, 1)]
    whole = torch.cat(rows, 1)[:, :101, :180]
    assert torch.equal(decode_heic(data), whole)
    assert torch.equal(decode_heic(data, region=(50, 90, 30, 150)), whole[:, 50:90, 30:150])
    with pytest.raises(ValueError, match="grid needs 9 tiles, and there are 6"):
        decode_heic(data.replace(bytes([0, 0, 1, 2, 0, 180, 0, 101]), bytes([0, 0, 2, 2, 0, 180, 0, 101])))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_heic_orientation(coded, turns, axis):
    samples, config, frames = coded
    extra = [images.box(b"irot", bytes([turns]))]
    want = torch.rot90(frames[0], turns, (1, 2))
    if axis is not None:
        extra.append(images.box(b"imir", bytes([axis])))
        want = want.flip(2 if axis else 1)
    data = images.heic(samples[:1], config, (64, 64), extra=extra)
    assert torch.equal(decode_heic(data), want)


def test_damage_is_an_error(coded):
    samples, config, _ = coded
    data = images.heic(samples[:1], config, (64, 64))
    for end in (20, 100, 300, len(data) - 40):
        with pytest.raises(ValueError, match="HEIC image is damaged or truncated"):
            decode_heic(data[:end])
    with pytest.raises(ValueError, match="HEIC"):
        decode_heic(data.replace(b"hvcC", b"hvcX"))
    with pytest.raises(MemoryError, match="max_pixels"):
        decode_heic(data, max_pixels=100)
    with pytest.raises(NotImplementedError, match="of type 'iovl'"):
        decode_heic(data.replace(b"hvc1", b"iovl"))


@needs_pillow
def test_real_files():
    close_to = {"avif_animated.avif": (3, 1), "avif_hdr_rec2020_444.avif": (4, 1)}
    for name, limits in close_to.items():
        path = shared(name)
        frames = decode_animation(path).data
        for found, want in zip(frames, images.pillow_frames(path.read_bytes(), "RGB"), strict=True):
            close(images.array(found), want, *limits)
    assert decode_heic(shared("heic_still.heic")).shape == (2, 3, 854, 1280)
