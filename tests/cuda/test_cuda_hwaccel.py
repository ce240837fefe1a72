"""``set_cuda_backend("ffmpeg")``: libavcodec parses and orders, NVDEC decodes, and frames stay on
the device.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU:
see test_cuda.py. The double gets each file beforehand (fakeknown.c), because libavcodec gives the
driver slices without headers, which no software decoder accepts.
"""

import gc
import random

import media
import pytest
import torch
from cuda_streams import destroy_stream, new_stream
from on_gpu import assert_alike, assert_same_video, difference

from cycodec import CudaError, UnsupportedError
from cycodec.core.gpu import hwaccel
from cycodec.decoders import VideoDecoder, set_cuda_backend
from cycodec.transforms import CenterCrop, Resize

FILES = media.names("""
    h264_bench_bbb_360p24_60s_bframes.mp4 h264_bt601.mp4 h264_fmp4_fullrange_320x240.mp4 h264_hls_segment_720p.ts
    h264_rot90_720p_bbb.mp4 h264_vfr_rot180_camera.mp4 hevc_bframes_480p.mp4 hevc_hlg10_1080p.mp4
    hevc_444_10bit_odd_321x241.mp4 mpeg1_mp2_ps.mpg  mpeg4_720p.avi vp8_hidden_frames_480p.webm
    vp9_bbb_180p_10s.webm h264_bpyramid.mp4 h264_open_gop.mp4 vfr_jitter.mp4
""")


@pytest.fixture
def open_both(gpu):
    """Returns a function that opens a file on the CPU, and on the GPU by libavcodec."""

    def opened(path, **options):
        if gpu is not None:
            gpu.know(path)
        with set_cuda_backend("ffmpeg"):
            cuda = VideoDecoder(path, device="cuda", **options)
        options.pop("fallback", None)
        return VideoDecoder(path, **options), cuda

    return opened


def hardware_decoder(decoder):
    return type(decoder._session.reader.backend)


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_of_the_cpu(open_both, gpu, name):
    cpu, cuda = open_both(media.locate(name))
    assert not cuda.cpu_fallback, str(cuda.cpu_fallback)
    if gpu is not None:
        gpu.set(log=1)
        gpu.log()
    count = min(len(cpu), 24)
    assert_same_video(name, cuda[:count], cpu[:count])
    shuffled = random.Random(name).sample(range(len(cpu)), min(len(cpu), 6))
    for keys in (shuffled, [len(cpu) - 1, 0], list(range(count - 1, -1, -5))):
        assert_same_video(name, cuda[keys], cpu[keys])
    assert not cuda.cpu_fallback
    if gpu is not None:
        log = gpu.log()
        assert sum(line.startswith("map") for line in log) >= count, "the GPU's decoder was not used"
        assert not [line for line in log if "undecoded" in line or line.startswith(("parse", "stub"))]


@pytest.mark.parametrize(
    "options",
    [
        {"dimension_order": "NHWC"},
        {"transforms": [CenterCrop((101, 121)), Resize((60, 50))]},
        {"seek_mode": "approximate"},
        {"output_dtype": torch.float32},
        {"output_dtype": torch.float16},
    ],
    ids=str,
)
def test_options(open_both, options):
    cpu, cuda = open_both(media.locate("h264_bt601.mp4"), **options)
    ours, theirs = cuda[[0, 8, 4, 4]].cpu(), cpu[[0, 8, 4, 4]]
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)


def test_the_stream_of_torch_waits_for_libavcodec(open_both, fake, monkeypatch):
    from cycodec._shared import torch_adapter

    cpu, cuda = open_both(media.locate("h264_bt601.mp4"))
    stream = new_stream(fake)
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: stream.value)
    fake.set(log=1)
    assert torch.equal(cuda[2], cpu[2])
    destroy_stream(fake, stream)
    cuda = None
    gc.collect()
    steps = [line for line in fake.log() if line.startswith(("map", "unmap", "synchronise", "launch"))]
    place = next(i for i, line in enumerate(steps) if line.startswith("launch"))
    assert steps[place - 1] == "synchronise stream=0"
    assert "stream=0" not in steps[place]
    number = steps[place].split()[-1]
    assert steps[place + 1] == f"synchronise {number}"
    assert "unmap" in steps[place + 2 :]


def test_what_ffmpeg_leaves_to_the_cpu_falls_back(gpu, open_both, monkeypatch):
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)
    monkeypatch.setattr(hwaccel, "has_hwaccel", lambda demuxer, stream_index: False)
    cuda = open_both(path)[1]
    assert "has no decoder of h264 for NVDEC" in str(cuda.cpu_fallback)
    assert difference(cuda[:10], cpu[:10])[0] <= 1
    with pytest.raises(UnsupportedError, match="has no decoder of h264 for NVDEC"):
        open_both(path, fallback="raise")


@pytest.mark.parametrize("name", ["mpeg2_odd_121x81.mp4", "vp9_odd_321x241.mp4"])
def test_odd_heights_are_left_to_the_cpu(open_both, name):
    """FFmpeg 5.1's nvdec.c finds chroma by the frame's height, although the surface has one row
    more.
    """
    cpu, cuda = open_both(media.locate(name))
    assert "libavcodec's hwaccel reads the chroma of" in str(cuda.cpu_fallback)
    assert_alike(cuda[:10], cpu[:10])


def test_a_decoder_that_cannot_be_made_falls_back_and_says_so(fake, open_both):
    """libavcodec then continues without the GPU by itself."""
    cpu, cuda = open_both(media.locate("h264_bt601.mp4"))
    fake.fail("cuvidCreateDecoder", nth=-1, code=2)
    assert torch.equal(cuda[5], cpu[5])
    assert "the GPU did not give the frames" in str(cuda.cpu_fallback)


def test_a_failure_of_the_conversion_is_an_error(fake, open_both):
    cpu, cuda = open_both(media.locate("h264_bt601.mp4"))
    fake.fail("cuLaunchKernel", nth=1, code=719)
    with pytest.raises(CudaError, match="cannot convert a picture"):
        cuda[3]
    assert torch.equal(cuda[3], cpu[3])


def test_nothing_is_left_behind(fake, open_both):
    path = media.locate("h264_bench_bbb_360p24_60s_bframes.mp4")
    for _ in range(3):
        cuda = open_both(path)[1]
        cuda[[3, 400, 9]]
        cuda = None
        gc.collect()
        counts = fake.counts()
        assert counts["decoders"] == counts["mapped"] == counts["memory"] == 0


def test_the_choice_is_made_when_a_decoder_is_made(fake):
    path = media.locate("h264_bt601.mp4")
    fake.know(path)
    with set_cuda_backend("ffmpeg"):
        by_ffmpeg = VideoDecoder(path, device="cuda")
        with set_cuda_backend("nvdec"):
            by_nvdec = VideoDecoder(path, device="cuda")
    assert hardware_decoder(by_ffmpeg).__name__ == "HwaccelBackend"
    assert hardware_decoder(by_nvdec).__name__ == "NvdecBackend"
    assert torch.equal(by_ffmpeg[3], by_nvdec[3])


def test_options_of_the_decoder(open_both, gpu):
    """libavcodec gets them; NVDEC's own decoder knows none, so the CPU decodes and says why."""
    path = media.path("h264_plain.mp4")
    options = {"options": {"skip_loop_filter": "all"}}
    cpu, cuda = open_both(path, **options)
    assert not cuda.cpu_fallback
    assert not torch.equal(cpu[20], VideoDecoder(path)[20])
    nvdec = VideoDecoder(path, device="cuda", **options)
    assert "skip_loop_filter" in str(nvdec.cpu_fallback)
    assert nvdec.cpu_fallback
    assert_same_video(path.name, nvdec[:24], cpu[:24])
    with pytest.raises(UnsupportedError, match="skip_loop_filter"):
        VideoDecoder(path, device="cuda", fallback="raise", **options)
    # options of the demuxer concern no decoder
    assert not VideoDecoder(path, device="cuda", options={"ignore_editlist": "1"}).cpu_fallback
    with pytest.raises(ValueError, match="nosuch"):
        VideoDecoder(path, device="cuda", options={"nosuch": "1"})
