"""Sources, lists, limits and arguments of the functions that decode images."""

import array as arrays
import io
import threading
import time

import images
import numpy as np
import pytest
import servers
import torch

import cycodec
from cycodec import decoders, encoders
from cycodec.images import ImageReadMode, decode_animation, decode_image, decode_jpeg, decode_png
from cycodec.transforms import CenterCrop, RandomCrop, RandomResizedCrop, Resize


@pytest.fixture(scope="module")
def data():
    return images.encoded(images.photo(61, 43), "JPEG")


@pytest.fixture(scope="module")
def whole(data):
    return decode_image(data)


class Forward:
    """A stream that cannot seek."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, size=-1):
        return self.file.read(min(size, 1000) if size > 0 else size)


def test_every_kind_of_source(data, whole, tmp_path):
    path = tmp_path / "photo.anything"
    path.write_bytes(data)
    joined = tmp_path / "joined"
    joined.write_bytes(b"12345" + data + b"more")
    sources = [
        str(path),
        path,
        data,
        bytearray(data),
        memoryview(data),
        torch.frombuffer(bytearray(data), dtype=torch.uint8),
        np.frombuffer(data, np.uint8),
        arrays.array("B", data),
        io.BytesIO(data),
        Forward(data),
        (joined, 5, len(data)),
        (str(joined), np.int64(5), len(data)),
        f"file:{path}",
    ]
    for source in sources:
        assert torch.equal(decode_image(source), whole), type(source)
    with path.open("rb") as file:
        assert torch.equal(decode_image(file), whole)
    assert all(torch.equal(image, whole) for image in decode_image(sources[:9]))


def test_urls(data, whole, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(data)
    with servers.serving(tmp_path) as server:
        url = f"{server.address}/photo.jpg"
        assert torch.equal(decode_image(url), whole)
        assert [image.shape for image in decode_image([url, url])] == [whole.shape] * 2
        with pytest.raises(FileNotFoundError):
            decode_image(f"{server.address}/nothing.jpg")


def test_wrong_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.jpg"):
        decode_image(tmp_path / "nothing.jpg")
    with pytest.raises(IsADirectoryError):
        decode_image(tmp_path)
    for wrong in (None, 5, {}, ("a", "b"), ("a", 1, "b")):
        with pytest.raises((TypeError, FileNotFoundError)):
            decode_image(wrong)
    with pytest.raises(ValueError, match="empty"):
        decode_image(b"")
    with pytest.raises(TypeError, match="uint8"):
        decode_image(torch.zeros(5))
    with pytest.raises(ValueError, match="1-D"):
        decode_image(torch.zeros((5, 5), dtype=torch.uint8))
    for other in (b"BM" + bytes(60), b"II*\0" + bytes(60), b"x", bytes(100)):
        with pytest.raises(ValueError, match="Unsupported or unrecognized image format"):
            decode_image(other)


def test_one_format(data):
    with pytest.raises(ValueError, match=r"This is a JPEG image\. PNG is expected here"):
        decode_png(data)
    with pytest.raises(ValueError, match=r"Unsupported or unrecognized.*JPEG is expected here"):
        decode_jpeg(b"nothing of an image")


def test_lists_keep_their_order_and_name_failures(data, whole):
    other = images.encoded(images.photo(20, 10), "PNG")
    sources = [data, other, data[:500], b"nothing", other] * 5
    results = decode_image(sources, on_error="return", num_threads=3)
    for place, result in enumerate(results):
        kind = place % 5
        if kind in (2, 3):
            assert isinstance(result, cycodec.InvalidDataError)
            assert ("truncated" in str(result)) == (kind == 2)
        else:
            assert torch.equal(result, whole if kind == 0 else decode_image(other))
    with pytest.raises(ValueError, match="truncated"):
        decode_image(sources)
    assert decode_image([]) == []
    assert len(decode_image((data, other))) == 2
    with pytest.raises(ValueError, match="on_error"):
        decode_image([data], on_error="ignore")
    with pytest.raises(ValueError, match="num_threads"):
        decode_image([data], num_threads=0)


def test_random_crops_of_a_list_depend_on_the_seed_alone(data):
    def crops(threads):
        torch.manual_seed(7)
        return decode_image([data] * 12, transforms=[RandomCrop(16)], num_threads=threads)

    once, again = crops(1), crops(2)
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
    assert any(not torch.equal(one, once[0]) for one in once)


def test_the_gil_is_released():
    data = images.encoded(images.photo(3000, 2000), "PNG")
    done, longest = threading.Event(), 0.0

    def decode():
        decode_image(data)
        done.set()

    thread = threading.Thread(target=decode)
    thread.start()
    while not done.is_set():
        start = time.perf_counter()
        time.sleep(0.0005)
        longest = max(longest, time.perf_counter() - start)
    thread.join()
    assert longest < 0.1


def test_limits(data):
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        small = images.encoded(images.photo(61, 43), kind)
        with pytest.raises(cycodec.LimitError, match="max_pixels allows 2000"):
            decode_image(small, max_pixels=2000)
        assert decode_image(small, max_pixels=61 * 43).shape == (3, 43, 61)
    before = cycodec.set_limits(max_result_bytes=5000)
    try:
        with pytest.raises(MemoryError, match="max_result_bytes"):
            decode_image(data)
        assert decode_image(data, region=(0, 20, 0, 20)).shape == (3, 20, 20)
    finally:
        cycodec.set_limits(max_result_bytes=before.max_result_bytes)


def test_modes_and_types(data, whole):
    assert [mode.value for mode in ImageReadMode] == [0, 1, 2, 3, 4]
    assert ImageReadMode.RGBA is ImageReadMode.RGB_ALPHA
    assert torch.equal(decode_image(data, mode=ImageReadMode.RGB), whole)
    with pytest.raises(ValueError, match=r"Invalid mode 'CMYK'\. Supported modes are UNCHANGED"):
        decode_image(data, mode="CMYK")
    with pytest.raises(TypeError, match=r"mode must be a str \(or ImageReadMode\), got int"):
        decode_image(data, mode=3)
    with pytest.raises(ValueError, match=r"Invalid output_dtype \(torch.float32\)"):
        decode_image(data, output_dtype=torch.float32)


@images.needs_uint16
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["GRAY", "GRAY_ALPHA", "RGB", "RGBA"])
def test_resizing_is_that_of_torch(kind, mode):
    data = images.encoded(images.translucent(61, 43).convert("RGB" if kind == "JPEG" else "RGBA"), kind)
    image = decode_image(data, mode=mode)
    options = {"mode": "bilinear", "antialias": True}
    packed = image[None].contiguous(memory_format=torch.channels_last)
    for size in ((20, 30), (90, 70)):
        want = torch.nn.functional.interpolate(packed, size, **options)[0]
        found = decode_image(data, mode=mode, transforms=[Resize(size)])
        assert (found.int() - want.int()).abs().max() <= 1
        wide = decode_image(data, mode=mode, output_dtype=torch.uint16, transforms=[Resize(size)])
        exact = torch.nn.functional.interpolate(packed.float() * 257, size, **options)[0]
        assert (wide.float() - exact).abs().max() <= 1


def test_transforms_and_regions(data, whole):
    assert torch.equal(decode_image(data, transforms=[CenterCrop((20, 30))]), whole[:, 12:32, 16:46])
    part = decode_image(data, region=(4, 40, 6, 60), transforms=[CenterCrop(10)])
    assert torch.equal(part, whole[:, 17:27, 28:38])
    torch.manual_seed(3)
    crop = decode_image(data, transforms=[RandomResizedCrop((16, 24), scale=(0.2, 0.5))])
    torch.manual_seed(3)
    box = RandomResizedCrop((16, 24), scale=(0.2, 0.5)).resolve(43, 61)
    region = (box.top, box.top + box.height, box.left, box.left + box.width)
    assert torch.equal(crop, decode_image(data, region=region, size=(16, 24), dct_scaling=False))
    assert 0.15 < box.height * box.width / (43 * 61) < 0.55
    assert decode_image(data, size=20, transforms=[CenterCrop(20)]).shape == (3, 20, 20)
    with pytest.raises(ValueError, match="is not inside the image of 43x61"):
        decode_image(data, region=(0, 44, 0, 10))
    for region, error in (((1, 2, 3), TypeError), ("abcd", TypeError), ((0, 0, 0, 5), ValueError)):
        with pytest.raises(error, match="region must be"):
            decode_image(data, region=region)
    with pytest.raises(ValueError, match="does not fit"):
        decode_image(data, transforms=[CenterCrop(50)])
    with pytest.raises(TypeError, match="dct_scaling"):
        decode_image(data, dct_scaling="yes")


def test_frames_of_animations_share_one_crop():
    file = io.BytesIO()
    still = images.photo(40, 30)
    moved = images.photo(40, 30, seed=1)
    still.save(file, "GIF", save_all=True, append_images=[moved, still], duration=50)
    batch = decode_animation(file.getvalue(), transforms=[RandomCrop(12)])
    assert batch.data.shape == (3, 3, 12, 12)
    assert torch.equal(batch.data[0], batch.data[2])


def test_random_resized_crop_is_a_transform_of_videos_and_checked():
    assert RandomResizedCrop(5).size == (5, 5)
    assert RandomResizedCrop(5, ratio=(8.0, 9.0)).resolve(10, 10).height == 1
    for wrong in ({"scale": 1}, {"ratio": ("a", 2)}):
        with pytest.raises(TypeError, match="two numbers"):
            RandomResizedCrop(5, **wrong)
    for wrong in ({"scale": (0.0, 1.0)}, {"ratio": (2.0, 1.0)}):
        with pytest.raises(ValueError, match="rising order"):
            RandomResizedCrop(5, **wrong)


def test_names_stand_where_the_peer_has_them():
    for name in ("decode_image", "decode_jpeg", "decode_gif", "decode_avif", "decode_heic", "ImageReadMode"):
        assert getattr(decoders, name) is getattr(cycodec.images, name)
    for name in ("JpegEncoder", "PngEncoder"):
        assert getattr(encoders, name) is getattr(cycodec.images, name)
