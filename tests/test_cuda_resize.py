"""The transforms of ``device="cuda"``: what they give is what they give on the CPU, resized frames to the byte.

Runs on tests/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU: see test_cuda.py. The kernel's text is the
GPU's, compiled for the host; it is compared with torch's own kernel for the CPU.
"""

import random

import media
import pytest
import torch
from on_gpu import REAL, both
from resizing import resize_bilinear
from test_cuda_resources import destroy_stream, new_stream

from cycodec import CudaError, _tensor
from cycodec._gpu import Gpu
from cycodec.cuda.resize import weights
from cycodec.decoders import VideoDecoder
from cycodec.transforms import CenterCrop, RandomCrop, Resize

FLOAT_ERROR = 3e-7  # from the definition, computed in float64
HALF_STEP = 2.0**-11  # of float16 below 1


def pictures(*shape, dtype=torch.uint8):
    """Noise, with pictures of black and white, white, and black among it."""
    noise = torch.Generator().manual_seed(hash(shape))
    values = torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8)
    values[1:2] = (values[1:2] > 127) * 255
    values[2:3] = 255
    values[3:4] = 0
    return values if dtype is torch.uint8 else (values / 255).to(dtype)


def on_gpu(frames, *size):
    """Frames resized by the GPU, from the CPU and back."""
    return Gpu(0, "cpu").resize(frames.to("cuda") if REAL else frames, *size).cpu()


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
    frames = pictures(5, *before, 3, dtype=dtype)
    ours, theirs = on_gpu(frames, *after), resize_bilinear(frames, *after)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == dtype
    if dtype is torch.uint8:
        assert torch.equal(ours, theirs)
        return
    exact = resize_bilinear(frames.double(), *after)
    assert (ours.double() - exact).abs().max() <= (
        FLOAT_ERROR if dtype is torch.float32 else HALF_STEP / 2 + FLOAT_ERROR
    )
    # torch makes the weights of floats in float32, whose places among so many pixels are that uncertain
    between = 1.2e-7 * max(before) + FLOAT_ERROR
    assert (ours.float() - theirs.float()).abs().max() <= between + (
        0 if dtype is torch.float32 else HALF_STEP
    )


def test_bytes_of_many_sizes(gpu):
    """Every length from 1 to 40 to every other, along both axes."""
    for before in range(1, 41):
        frames = pictures(4, before, 16, 3)
        turned = frames.transpose(1, 2).contiguous()
        for after in range(1, 41):
            expected = resize_bilinear(frames, after, 16)
            assert torch.equal(on_gpu(frames, after, 16), expected), (before, after)
            assert torch.equal(on_gpu(turned, 16, after), expected.transpose(1, 2)), (before, after)


def test_bytes_of_sizes_that_nobody_chose(gpu):
    sizes = random.Random(1)
    for _ in range(60):
        height, width, *after = (sizes.randint(1, 300) for _ in range(4))
        frames = pictures(2, height, width, 3)
        expected = resize_bilinear(frames, *after)
        assert torch.equal(on_gpu(frames, *after), expected), (height, width, *after)


@pytest.mark.parametrize(("before", "after"), [(1920, 455), (1080, 256), (4096, 224), (224, 4096), (7680, 1)])
def test_sizes_as_they_are_used(gpu, before, after):
    frames = pictures(4, 8, before, 3)
    assert torch.equal(on_gpu(frames, 8, after), resize_bilinear(frames, 8, after))
    floats = (frames / 255).float()
    exact = resize_bilinear(floats.double(), 8, after)
    error = FLOAT_ERROR * max(1, before / after / 64)  # of so long a sum
    assert (on_gpu(floats, 8, after).double() - exact).abs().max() <= error


def test_weights_sum_to_one():
    for source, target in ((1080, 256), (256, 1080), (7, 7), (1, 9)):
        table, shift = weights(source, target, True)
        sums = table[:, 2:].sum(axis=1)
        assert abs(sums - (1 << shift)).max() <= table.shape[1]
        assert table[:, 2:].max() < 1 << 15
        assert ((table[:, 0] >= 0) & (table[:, 0] + table[:, 1] <= source)).all()
        assert abs(weights(source, target, False).table[:, 2:].view("float32").sum(axis=1) - 1).max() < 1e-6


def test_more_rows_than_a_grid_has(gpu):
    frames = pictures(70_000, 1, 3, 3)
    assert torch.equal(on_gpu(frames, 1, 2), resize_bilinear(frames, 1, 2))


def test_frames_that_do_not_lie_side_by_side(gpu):
    frames = pictures(4, 30, 40, 3)
    part = (frames.to("cuda") if REAL else frames)[::2, 3:20, 5:31]
    expected = resize_bilinear(frames[::2, 3:20, 5:31], 9, 50)
    assert torch.equal(Gpu(0, "cpu").resize(part, 9, 50).cpu(), expected)
    assert Gpu(0, "cpu").resize(frames[:0], 9, 50).shape == (0, 9, 50, 3)


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
        else:  # colours, too, are computed in float32 on both
            assert (ours.float() - theirs.float()).abs().max() < (1e-5 if dtype is torch.float32 else 1e-3)
    if gpu is not None:
        assert any(line.startswith("launch resample_axis") for line in gpu.log())


@pytest.mark.parametrize("name", ["av1_1080x720.mp4", "png_alpha.png", "h264_rot90_720p_bbb.mp4"])
def test_transforms_of_what_the_cpu_decodes_and_of_what_is_turned(gpu, name):
    cpu, cuda = both(media.locate(name), transforms=[Resize((50, 61)), CenterCrop(48)])
    count = min(len(cpu), 3)
    assert (cuda[:count].cpu().int() - cpu[:count].int()).abs().max() <= 1


def test_resizing_is_queued_and_waits_for_nothing(fake, monkeypatch):
    stream = new_stream(fake)
    monkeypatch.setattr(_tensor, "cuda_stream", lambda ordinal: stream.value)
    path = media.locate("h264_bt601.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    fake.set(log=1)
    assert torch.equal(decoder[:3], VideoDecoder(path, transforms=[Resize((60, 50))])[:3])
    log = fake.log()
    launches = [line.split() for line in log if line.startswith("launch")]
    assert [words[1] for words in launches[-2:]] == ["resample_axis"] * 2  # along the width, along the height
    assert len({words[2] for words in launches}) == 1
    assert launches[0][2] != "stream=0"
    assert not [line for line in log if line.startswith("synchronise")]
    decoder.close()
    destroy_stream(fake, stream)


def test_a_failure_is_an_error_and_the_next_request_works(fake):
    path = media.locate("h264_bt601.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    fake.fail("cuLaunchKernel", 2, 719)  # the first one converts
    with pytest.raises(CudaError, match=r"cannot resize pictures: CUDA error 719"):
        decoder[0]
    assert torch.equal(decoder[0], VideoDecoder(path, transforms=[Resize((60, 50))])[0])
