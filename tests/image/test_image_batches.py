"""decode_batch takes images beside videos, and transforms are those of single decoders."""

import io
import threading
import time

import images
import media
import pytest
import torch
from costs import budget_of

import cycodec
from cycodec.batch import decode_batch
from cycodec.decoders import VideoDecoder
from cycodec.images import decode_image
from cycodec.transforms import CenterCrop, RandomCrop, RandomResizedCrop, Resize


@pytest.fixture(scope="module")
def video():
    return str(media.path("h264_plain.mp4"))


@pytest.fixture(scope="module")
def photo():
    return images.encoded(images.photo(301, 203), "JPEG")


@pytest.mark.parametrize("num_threads", [1, 4])
def test_images_stand_beside_videos(video, photo, tmp_path, num_threads):
    path = tmp_path / "photo.png"
    path.write_bytes(images.encoded(images.photo(40, 30), "PNG"))
    moving = io.BytesIO()
    images.photo(20, 10).save(moving, "GIF", save_all=True, append_images=[images.photo(20, 10, 1)])
    requests = [
        (photo, None),
        (video, [3, 1]),
        (path, None),
        (io.BytesIO(photo), None),
        ((path, 0, path.stat().st_size), None),
        (video, 0.5),
        (moving.getvalue(), None),
        (photo, None),
    ]
    found = decode_batch(requests, num_threads=num_threads)
    for place in (0, 3, 7):
        assert torch.equal(found[place], decode_image(photo))
    assert torch.equal(found[2], decode_image(path))
    assert torch.equal(found[4], decode_image(path))
    assert found[6].shape == (2, 3, 10, 20)
    decoder = VideoDecoder(video)
    assert torch.equal(found[1].data, decoder.get_frames_at([3, 1]).data)
    assert found[5].pts_seconds == decoder.get_frame_played_at(0.5).pts_seconds


def test_functions_for_images(photo, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo)
    small, bytes_of = decode_batch(
        [(lambda: decode_image(photo, size=64, mode="GRAY"), None), (path.read_bytes, None)]
    )
    assert torch.equal(small, decode_image(photo, size=64, mode="GRAY"))
    assert torch.equal(bytes_of, decode_image(photo))


def test_each_failure_is_returned_in_its_place(video, photo):
    requests = [
        (photo, None),
        (photo[:900], None),
        (b"nothing", None),
        ("missing.jpg", None),
        (video, None),
        ("missing.mp4", 0),
        ("missing.mp4", None),
        ("missing.mp4", 1),
        (photo, None),
        (VideoDecoder(video), None),
    ]
    found = decode_batch(requests, on_error="return")
    kinds = [type(result) for result in found]
    assert kinds[0] is kinds[8] is torch.Tensor
    assert issubclass(kinds[1], cycodec.InvalidDataError)
    assert "truncated" in str(found[1])
    assert "Unsupported or unrecognized image format" in str(found[2])
    assert all(issubclass(kinds[place], FileNotFoundError) for place in (3, 5, 6, 7))
    assert "Unsupported or unrecognized image format" in str(found[4])
    assert isinstance(found[9], TypeError)
    with pytest.raises(ValueError, match="truncated"):
        decode_batch(requests)


def test_a_video_that_fails_to_open_does_not_fail_its_images(photo):
    """One source, of which one request wants frames and the others an image."""
    damaged = photo[:2]
    found = decode_batch([(damaged, 0), (photo, None), (damaged, None)], on_error="return")
    assert torch.equal(found[1], decode_image(photo))
    shared = b"x" * 100
    found = decode_batch([(shared, 0), (shared, None), (shared, 1)], on_error="return")
    assert "image" in str(found[1])
    assert "image" not in str(found[0])
    assert "image" not in str(found[2])


def test_transforms_are_for_images_and_videos(video, photo):
    chosen = [Resize((50, 70)), CenterCrop(48)]
    frame, image, frames = decode_batch([(video, 0), (photo, None), (video, [1, 2])], transforms=chosen)
    decoder = VideoDecoder(video, transforms=chosen)
    assert torch.equal(frame.data, decoder[0])
    assert torch.equal(frames.data, decoder[1:3])
    assert torch.equal(image, decode_image(photo, transforms=chosen))
    refused, image = decode_batch(
        [(VideoDecoder(video), 0), (photo, None)], transforms=chosen, on_error="return"
    )
    assert isinstance(refused, ValueError)
    assert image.shape == (3, 48, 48)
    with pytest.raises(TypeError, match="transforms"):
        decode_batch([], transforms=5)


@pytest.mark.parametrize("chosen", [[RandomCrop(24)], [RandomResizedCrop((20, 30), scale=(0.1, 0.4))]])
def test_boxes_depend_on_the_seed_alone(video, photo, chosen):
    requests = [(photo, None), (video, [0, 1]), (bytearray(photo), None), (memoryview(photo), None)] * 3

    def made(num_threads):
        torch.manual_seed(11)
        results = decode_batch(requests, transforms=chosen, num_threads=num_threads)
        return [getattr(result, "data", result) for result in results]

    once, again = made(1), made(4)
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
    crops = once[0::12] + once[2::4]
    assert any(not torch.equal(crops[0], crop) for crop in crops)


def corners(width=512, height=384):
    """An image of smooth colours, whose pixels tell their place."""
    ramp = torch.stack(
        [
            torch.linspace(0, 255, width).expand(height, width),
            torch.linspace(0, 255, height)[:, None].expand(height, width),
            torch.full((height, width), 128.0),
        ]
    )
    return bytes(cycodec.images.JpegEncoder(ramp.byte()).to_tensor(quality=95).numpy())


@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_random_resized_crops_may_use_the_dcts_scale(reduction, monkeypatch):
    """Both ways draw the same box, and the scale is the largest that the box allows."""
    from cycodec._image import decoding

    plans, real = [], decoding.plan
    monkeypatch.setattr(decoding, "plan", lambda *given: plans.append(real(*given)) or plans[-1])
    data, share = corners(), (0.5, 0.9)
    size = (384 // reduction // 2, 512 // reduction // 2)
    chosen = [RandomResizedCrop(size, scale=share, ratio=(1.3, 1.35))]
    for seed in range(6):
        torch.manual_seed(seed)
        exact = decode_image(data, transforms=chosen)
        torch.manual_seed(seed)
        quick = decode_image(data, transforms=chosen, dct_scaling=True)
        assert [plan.reduction for plan in plans[-2:]] == [1, reduction]
        assert (exact.int() - quick.int()).abs().max() <= 2 + 255 * reduction / 384


class CountedThreads(torch.utils.data.Dataset):
    """Samples are the numbers of threads that took part in a list of images, and in a batch."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 1

    def __getitem__(self, number):
        counts = []
        for decode in (decode_image, lambda sources: decode_batch([(source, None) for source in sources])):
            seen = set()

            class Counted(io.BytesIO):
                def read(self, size=-1, seen=seen):
                    seen.add(threading.get_ident())
                    time.sleep(0.005)
                    return super().read(size)

            decode([Counted(self.data) for _ in range(8)])
            counts.append(len(seen))
        return torch.tensor(counts)


def test_workers_of_a_data_loader_use_one_thread(photo):
    with budget_of(4):
        dataset = CountedThreads(photo)
        assert dataset[0].min() > 1
        loader = torch.utils.data.DataLoader(dataset, num_workers=1, multiprocessing_context="fork")
        assert next(iter(loader)).tolist() == [[1, 1]]
