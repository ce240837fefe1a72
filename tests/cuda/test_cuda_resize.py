"""The transforms of ``device="cuda"`` give the same bytes as on the CPU.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU:
see test_cuda.py. The host's compiler builds the GPU's kernel, and the tests compare it with torch's
kernel for the CPU.
"""

import random
from functools import cache

import media
import pytest
import torch
from colours import Colour
from cuda_streams import destroy_stream, new_stream
from on_gpu import both
from resizing import resize_bilinear

from cycodec import CudaError
from cycodec._shared import torch_adapter
from cycodec.decoders import VideoDecoder
from cycodec.transforms import CenterCrop, RandomCrop, Resize

FLOAT_ERROR = 3e-7  # against the definition in float64
HALF_STEP = 2.0**-11  # one step of float16 below 1


@cache
def noise(height, width):
    """Returns three 4:4:4 frames of any size, which the CPU decodes and the GPU converts: noise,
    mild noise, a ramp.
    """
    return Colour("bt709", "pc", "444", 8).encode(width, height)


def resized(height, width, after, dtype=torch.uint8):
    """Returns frames of noise as the GPU converts them, and as it resizes them during that."""
    data = noise(height, width)
    whole = VideoDecoder(data, device="cuda", dimension_order="NHWC", output_dtype=dtype)[:]
    ours = VideoDecoder(
        data, device="cuda", dimension_order="NHWC", output_dtype=dtype, transforms=[Resize(after)]
    )[:]
    return whole.cpu(), ours.cpu()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((24, 32), (12, 16)),
        ((24, 32), (48, 64)),
        ((24, 32), (24, 31)),  # along one axis alone
        ((24, 32), (25, 32)),
        ((47, 63), (17, 29)),
        ((47, 63), (101, 7)),  # up along one, down along the other
        ((90, 160), (1, 1)),
        ((1, 1), (5, 9)),
        ((1, 50), (3, 20)),  # a single row, and a single column
        ((50, 1), (20, 3)),
        ((3, 200), (200, 3)),
        ((36, 64), (13, 640)),
    ],
    ids=str,
)
def test_frames_are_resized_as_on_the_cpu(gpu, before, after, dtype):
    frames, ours = resized(*before, after, dtype)
    assert ours.shape == (3, *after, 3)
    assert ours.dtype == frames.dtype == dtype
    if dtype is torch.uint8:
        assert torch.equal(ours, resize_bilinear(frames, *after))
        return
    # only the result is half precision; the resizing itself is in float32
    frames = resized(*before, after, torch.float32)[0]
    exact = resize_bilinear(frames.double(), *after)
    assert (ours.double() - exact).abs().max() <= (
        FLOAT_ERROR if dtype is torch.float32 else HALF_STEP / 2 + FLOAT_ERROR
    )


def test_bytes_of_many_lengths(gpu):
    """Every length from 1 to 24 is resized to every other, along both axes."""
    for before in range(1, 25):
        for height, width in ((before, 16), (16, before)):
            whole = VideoDecoder(noise(height, width), device="cuda", dimension_order="NHWC")[:].cpu()
            for after in range(1, 25):
                size = (after, 16) if width == 16 else (16, after)
                ours = VideoDecoder(
                    noise(height, width), device="cuda", dimension_order="NHWC", transforms=[Resize(size)]
                )[:].cpu()
                assert torch.equal(ours, resize_bilinear(whole, *size)), (height, width, *size)


def test_bytes_of_sizes_that_nobody_chose(gpu):
    sizes = random.Random(1)
    for _ in range(40):
        height, width, *after = (sizes.randint(1, 300) for _ in range(4))
        frames, ours = resized(height, width, after)
        assert torch.equal(ours, resize_bilinear(frames, *after)), (height, width, *after)


@pytest.mark.parametrize(("before", "after"), [(1920, 455), (1080, 256), (4096, 224), (224, 4096), (7680, 1)])
def test_sizes_as_they_are_used(gpu, before, after):
    for size, target in (((8, before), (8, after)), ((before, 8), (after, 8))):
        frames, ours = resized(*size, target)
        assert torch.equal(ours, resize_bilinear(frames, *target))
        frames, ours = resized(*size, target, torch.float32)
        exact = resize_bilinear(frames.double(), *target)
        error = FLOAT_ERROR * max(1, (before / after) ** 0.5 / 3)  # the sums are long
        assert (ours.double() - exact).abs().max() <= error


def test_regions_and_planes_of_resized_frames(gpu):
    """A region converts and resamples only the pixels that it needs; its bytes equal those of the
    whole frame.
    """
    frames, _ = resized(47, 63, (30, 40))
    expected = resize_bilinear(frames, 30, 40).permute(0, 3, 1, 2)
    for order in ("NHWC", "NCHW"):
        decoder = VideoDecoder(
            noise(47, 63), device="cuda", memory_order=order, transforms=[Resize((30, 40))]
        )
        for rows, columns in (
            (slice(7, 8), slice(39, 40)),
            (slice(3, 29), slice(1, 22)),
            (slice(5), slice(9)),
        ):
            ours = decoder[:, :, rows, columns].cpu()
            assert torch.equal(ours, expected[:, :, rows, columns]), (order, rows, columns)


def test_frames_of_another_size_are_scaled_to_the_first_before(gpu):
    path = media.locate("h264_resolution_change.h264")
    plain = VideoDecoder(path, device="cuda", dimension_order="NHWC")
    steps = [CenterCrop((90, 111)), Resize((50, 60)), CenterCrop(33)]
    decoder = VideoDecoder(path, device="cuda", dimension_order="NHWC", transforms=steps)
    keys = [0, len(plain) - 1, len(plain) // 2, 1]
    frames = plain[keys].cpu()
    height, width = frames.shape[1:3]
    top, left = round((height - 90) / 2), round((width - 111) / 2)
    cut = resize_bilinear(frames[:, top : top + 90, left : left + 111], 50, 60)
    assert torch.equal(
        decoder[keys].cpu(), cut[:, round(8.5) : round(8.5) + 33, round(13.5) : round(13.5) + 33]
    )


@pytest.mark.parametrize(
    "transforms",
    [
        [Resize(100)],
        [Resize((300, 500))],
        [CenterCrop((101, 121)), Resize((60, 50))],
        [Resize((90, 120)), CenterCrop((70, 33))],
        [CenterCrop((200, 180)), Resize(77), CenterCrop((50, 40)), Resize((120, 31))],
        [Resize((240, 50))],
        [RandomCrop((64, 64)), Resize(32), RandomCrop(20)],
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16], ids=str)
def test_transforms_match_those_of_the_cpu(gpu, transforms, dtype):
    torch.manual_seed(3)
    cpu = VideoDecoder(media.locate("h264_bt601.mp4"), transforms=transforms, output_dtype=dtype)
    torch.manual_seed(3)
    cuda = VideoDecoder(
        media.locate("h264_bt601.mp4"), transforms=transforms, output_dtype=dtype, device="cuda"
    )
    if gpu is not None:
        gpu.set(log=1)
    for key in ([0, 8, 4, 4], (slice(3, 9, 2), slice(None), slice(5, 18), slice(4, 19))):
        ours, theirs = cuda[key].cpu(), cpu[key]
        assert ours.shape == theirs.shape
        assert ours.dtype == dtype
        if dtype is torch.uint8:
            assert torch.equal(ours, theirs)
        else:  # both compute colours in float32 too
            assert (ours.float() - theirs.float()).abs().max() < (1e-5 if dtype is torch.float32 else 1e-3)
    if gpu is not None:
        assert any(line.startswith("launch resample_rows") for line in gpu.log())


@pytest.mark.parametrize("name", ["av1_1080x720.mp4", "png_alpha.png", "h264_rot90_720p_bbb.mp4"])
def test_transforms_of_what_the_cpu_decodes_and_of_what_is_turned(gpu, name):
    cpu, cuda = both(media.locate(name), transforms=[Resize((50, 61)), CenterCrop(48)])
    count = min(len(cpu), 3)
    assert torch.equal(cuda[:count].cpu(), cpu[:count])


def test_resizing_is_queued_and_waits_for_nothing(fake, monkeypatch):
    stream = new_stream(fake)
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: stream.value)
    path = media.locate("h264_bt601.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    fake.set(log=1)
    assert torch.equal(decoder[:3], VideoDecoder(path, transforms=[Resize((60, 50))])[:3])
    log = fake.log()
    launches = [line.split() for line in log if line.startswith("launch")]
    # one launch converts and resamples along the width, the other along the height
    assert [words[1] for words in launches] == ["convert_picture", "resample_rows"] * 3
    assert len({words[2] for words in launches}) == 1
    assert launches[0][2] != "stream=0"
    # once, for the tables
    assert len([line for line in log if line.startswith("synchronise")]) == 1
    fake.set(log=1)
    decoder[4]
    assert not [line for line in fake.log() if line.startswith("synchronise")]
    decoder.close()
    destroy_stream(fake, stream)


def test_a_failure_is_an_error_and_the_next_request_works(fake):
    path = media.locate("h264_bt601.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    for call, place, code in (
        ("cuLaunchKernel", 2, 719),
        ("cuMemAlloc", 2, 2),
        ("cuMemcpyHtoDAsync", 1, 700),
    ):
        fake.fail(call, place, code)
        with pytest.raises(CudaError, match=rf"cannot convert a picture: CUDA.*\b{code}\b"):
            VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])[0]
    fake.fail("cuLaunchKernel", 1, 719)
    with pytest.raises(CudaError, match=r"cannot convert a picture: CUDA error 719"):
        decoder[0]
    assert torch.equal(decoder[0], VideoDecoder(path, transforms=[Resize((60, 50))])[0])
