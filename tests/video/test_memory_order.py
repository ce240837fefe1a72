"""``memory_order`` gives the same frames as planes or packed pixels, for every access."""

import copy
import pickle

import media
import pytest
import torch
from regions import FORMATS, boxes

from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder
from cycodec.transforms import CenterCrop, Resize

PLAIN = "h264_plain.mp4"


def pair(path, **options):
    """Returns a decoder of planes, and one of packed pixels."""
    return VideoDecoder(path, memory_order="NCHW", **options), VideoDecoder(path, **options)


def check(planes, packed):
    """Asserts that batches or frames with NCHW axes are equal, and that each has its own memory
    order.
    """
    assert torch.equal(planes, packed)
    assert planes.is_contiguous()
    assert packed.movedim(-3, -1).is_contiguous()


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.float32, torch.float16], ids=["uint8", "float32", "float16"]
)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format(name, dtype):
    planes, packed = pair(media.path(name), output_dtype=dtype)
    last = min(8, len(packed))
    check(planes[:last], packed[:last])
    height, width = packed[0].shape[1:]
    for y0, y1, x0, x1 in boxes(height, width, 8, name):
        check(planes[:last, :, y0:y1, x0:x1], packed[:last, :, y0:y1, x0:x1])
    assert torch.equal(planes[last - 1, 1, : height // 2], packed[last - 1, 1, : height // 2])


@pytest.mark.parametrize("level", ["none", "plain", "avx2", "avx512"])
def test_every_kernel(level):
    cpu.use_kernels(level)
    try:
        planes, packed = pair(media.path(PLAIN))
        check(planes[:3], packed[:3])
        check(planes[:3, :, 3:40, 5:72], packed[:3, :, 3:40, 5:72])
    finally:
        cpu.use_kernels("avx512")


def test_every_access():
    planes, packed = pair(media.path(PLAIN))
    check(planes[7], packed[7])
    check(planes[[9, 3, 3, 30, 0]], packed[[9, 3, 3, 30, 0]])  # repeats are copied whole
    check(planes.t[0.5:1.0], packed.t[0.5:1.0])
    check(planes.get_frame_at(-1).data, packed.get_frame_at(-1).data)
    check(planes.get_frame_played_at(0.7).data, packed.get_frame_played_at(0.7).data)
    check(
        planes.get_frames_played_in_range(0.1, 0.9, fps=7).data,
        packed.get_frames_played_in_range(0.1, 0.9, fps=7).data,
    )
    check(planes.get_all_frames().data, packed.get_all_frames().data)
    for ours, theirs in zip(planes, packed, strict=True):
        check(ours, theirs)
    assert planes[[]].shape == (0, *packed[0].shape)
    assert planes[5:8, :, 4:4].shape == packed[5:8, :, 4:4].shape


@pytest.mark.parametrize("threads", [{"num_threads": 2}, {"num_ffmpeg_threads": 2}], ids=str)
def test_threads(threads):
    planes, packed = pair(media.locate("h264_bench_bbb_360p24_60s_bframes.mp4"), **threads)
    keys = range(0, len(packed), len(packed) // 9)
    check(planes.get_frames_at(keys).data, packed.get_frames_at(keys).data)


def test_axes_and_memory_are_chosen_apart():
    path = media.path(PLAIN)
    views = {
        (axes, memory): VideoDecoder(path, dimension_order=axes, memory_order=memory)[2:5]
        for axes in ("NCHW", "NHWC")
        for memory in ("NCHW", "NHWC")
    }
    for (axes, memory), frames in views.items():
        assert frames.is_contiguous() is (axes == memory)
        assert torch.equal(frames if axes == "NCHW" else frames.movedim(-1, 1), views["NCHW", "NHWC"])
    assert views["NCHW", "NHWC"].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "transforms",
    [
        [CenterCrop((31, 40))],
        [Resize((37, 53))],
        [Resize(48), CenterCrop(40)],
        [CenterCrop(60), Resize(20), CenterCrop(9)],
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16], ids=str)
def test_transforms(transforms, dtype):
    planes, packed = pair(media.path(PLAIN), transforms=transforms, output_dtype=dtype)
    check(planes[:9], packed[:9])
    check(planes[[20, 3, 3]], packed[[20, 3, 3]])
    check(planes[4], packed[4])
    assert torch.equal(planes[1:4, :, 2:7, 3:8], packed[1:4, :, 2:7, 3:8])


def test_frames_that_are_filled_in():
    planes, packed = pair(media.path("h264_dead_frame.mp4"), on_error="mask")
    ours, theirs = planes.get_all_frames(), packed.get_all_frames()
    check(ours.data, theirs.data)
    assert torch.equal(ours.valid, theirs.valid)
    assert not ours.valid.all()


def test_copies_and_pickles_keep_it():
    planes = VideoDecoder(media.path(PLAIN), memory_order="NCHW")
    for other in (copy.copy(planes), pickle.loads(pickle.dumps(planes))):
        check(other[3:6], VideoDecoder(media.path(PLAIN))[3:6])
