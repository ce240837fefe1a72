"""Decoding for ``device="cuda"``: decoders that wait, streams, threads, and what goes wrong.

Runs on tests/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU: see test_cuda.py.
"""

import ctypes
import gc
import subprocess
import sys
import threading
from pathlib import Path

import media
import pytest
import torch
from cuda_streams import destroy_stream, in_context, new_stream
from on_gpu import REAL, both

from cycodec import CudaError, CudaUnavailableError, UnsupportedError
from cycodec._shared import torch_adapter as _tensor
from cycodec.cuda import decoder_cache, driver
from cycodec.decoders import (
    VideoDecoder,
    get_nvdec_cache_capacity,
    set_cuda_backend,
    set_nvdec_cache_capacity,
)
from cycodec.transforms import Resize

# -- resources -----------------------------------------------------------------------------------------------------------


def test_decoders_are_used_again(fake):
    path = media.locate("h264_bt601.mp4")
    decoder_cache.empty_nvdec_cache()
    before = decoder_cache.nvdec_cache_stats()
    for _ in range(5):
        VideoDecoder(path, device="cuda")[0]
    after = decoder_cache.nvdec_cache_stats()
    assert after["created"] - before["created"] == 1
    assert after["hits"] - before["hits"] == 4
    assert after["idle"] == 1
    assert after["idle_bytes"] > 0
    decoder_cache.empty_nvdec_cache()
    assert decoder_cache.nvdec_cache_stats()["idle"] == 0
    assert fake.counts()["decoders"] == 0


def test_a_smaller_video_reconfigures_and_a_larger_one_does_not(fake):
    large, small = media.locate("h264_startpts_10s.mp4"), media.locate("h264_bt601.mp4")
    decoder_cache.empty_nvdec_cache()
    cpu = VideoDecoder(small)
    VideoDecoder(large, device="cuda")[0]
    before = decoder_cache.nvdec_cache_stats()
    assert torch.equal(VideoDecoder(small, device="cuda")[9], cpu[9])
    middle = decoder_cache.nvdec_cache_stats()
    assert middle["reconfigured"] - before["reconfigured"] == 1
    assert middle["created"] == before["created"]
    # the decoder waits under the size it was created with, and serves the large video again
    assert torch.equal(VideoDecoder(large, device="cuda")[9], VideoDecoder(large)[9])
    after = decoder_cache.nvdec_cache_stats()
    assert after["created"] == before["created"]
    # one that was created for the small one cannot
    decoder_cache.empty_nvdec_cache()
    VideoDecoder(small, device="cuda")[0]
    VideoDecoder(large, device="cuda")[0]
    assert decoder_cache.nvdec_cache_stats()["created"] - after["created"] == 2


def test_what_is_shown_of_a_coded_size_is_not_cached(fake):
    """Two heights of one coded height, one after the other: TorchCodec #1704."""
    for height in (82, 84, 82):
        data = encode_size(128, height)
        cpu, cuda = both(data)
        assert cuda[:].shape == (4, 3, height, 128)
        assert torch.equal(cuda[:], cpu[:])


def encode_size(width, height):
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc2=s={width}x{height}:d=0.16 -c:v libx264 -f matroska pipe:1"
    )
    return subprocess.run(command.split(), capture_output=True, check=True).stdout


def test_the_cache_has_limits(fake):
    path = media.locate("h264_bt601.mp4")
    assert get_nvdec_cache_capacity() == 20
    set_nvdec_cache_capacity(1)
    assert get_nvdec_cache_capacity() == 1
    decoders = [VideoDecoder(path, device="cuda") for _ in range(3)]
    for decoder in decoders:
        decoder[0]
    assert fake.counts()["decoders"] == 3
    for decoder in decoders:
        decoder.close()
    assert fake.counts()["decoders"] == 1
    set_nvdec_cache_capacity(0)
    assert fake.counts()["decoders"] == 0
    set_nvdec_cache_capacity(20, max_bytes=1000)
    VideoDecoder(path, device="cuda")[0]
    assert fake.counts()["decoders"] == 0
    for wrong in (-1, -5):
        with pytest.raises(ValueError, match="0 or more"):
            set_nvdec_cache_capacity(wrong)


def test_nothing_leaks(fake):
    path = media.locate("hevc_bframes_480p.mp4")
    for _ in range(20):
        decoder = VideoDecoder(path, device="cuda")
        decoder[[5, 1]]
        decoder.close()
    gc.collect()
    counts = fake.counts()
    assert counts["parsers"] == 0
    assert counts["mapped"] == 0
    assert counts["memory"] == 0
    assert counts["decoders"] == counts["events"] == 1  # the one that waits


@pytest.mark.parametrize(
    "name", ["h264_bpyramid.mp4", "hevc_bframes_480p.mp4", "vp8_hidden_frames_480p.webm"]
)
def test_pictures_whose_surface_is_needed_again_are_saved(fake, name):
    """The parser may decode into a displayed surface at once; here it always does."""
    path = media.locate(name)
    cpu = VideoDecoder(path)[:30]
    fake.set(greedy=1, log=1)
    assert torch.equal(VideoDecoder(path, device="cuda")[:30], cpu)
    assert not any("undecoded" in line for line in fake.log())


def test_a_second_stream_waits_for_the_memory_of_the_first(fake, monkeypatch):
    """Uploaded pictures and strips of resized ones lie in memory that one decoder has but once."""
    streams = [0]
    monkeypatch.setattr(_tensor, "cuda_stream", lambda ordinal: streams[-1])
    path = media.locate("av1_1080x720.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    fake.set(log=1)
    decoder[0]
    log = [line.split()[0] for line in fake.log()]
    assert "wait" not in log
    assert log[-1] == "record"
    stream = new_stream(fake)
    streams.append(stream.value)
    ours = decoder[1]
    log = [line.split()[0] for line in fake.log()]
    assert log.index("wait") < log.index("launch")
    assert log[-1] == "record"
    assert torch.equal(ours, VideoDecoder(path, transforms=[Resize((60, 50))])[1])
    decoder.close()
    destroy_stream(fake, stream)


def test_a_second_stream_waits_for_the_first(fake, monkeypatch):
    streams = [0]
    monkeypatch.setattr(_tensor, "cuda_stream", lambda ordinal: streams[-1])
    decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    fake.set(log=1)
    decoder[0:2]
    assert not any(line.startswith("wait") for line in fake.log())
    stream = new_stream(fake)
    streams.append(stream.value)
    decoder[2]
    log = [line for line in fake.log() if line.split()[0] in ("wait", "map", "launch", "record", "unmap")]
    number = log[0].split()[1]
    assert [line.split()[0] for line in log] == ["wait", "map", "launch", "record", "unmap"]
    assert number != "stream=0"
    assert all(number in line for line in log if line.split()[0] in ("launch", "record"))
    streams.pop()
    decoder[3]
    assert any(line.startswith("wait stream=0") for line in fake.log())
    destroy_stream(fake, stream)


def test_threads_that_never_touched_cuda(gpu):
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)[:10]
    shared = VideoDecoder(path, device="cuda")
    results, errors = [], []

    def work(own):
        try:
            decoder = VideoDecoder(path, device="cuda") if own else shared
            results.append(decoder[:10].cpu())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(results) == 6
    assert all(torch.equal(result, cpu) for result in results)


def test_two_devices(fake):
    fake.set(devices=2)
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)
    first, second = (VideoDecoder(path, device=f"cuda:{n}") for n in (0, 1))
    assert torch.equal(first[4], cpu[4])
    assert torch.equal(second[4], cpu[4])
    first.close()
    third = VideoDecoder(path, device="cuda:1")
    before = decoder_cache.nvdec_cache_stats()["hits"]
    assert torch.equal(third[4], cpu[4])
    assert decoder_cache.nvdec_cache_stats()["hits"] == before, "a decoder of another device was taken"


# -- what goes wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("cuvidCreateDecoder", "cannot create a hardware decoder"),
        ("cuvidMapVideoFrame64", "cannot map a decoded picture"),
        ("cuvidDecodePicture", "cannot decode a picture"),
        ("cuvidCreateVideoParser", "cannot create NVDEC's parser"),
        ("cuLaunchKernel", "cannot convert a picture"),
        ("cuEventCreate", "cannot create a hardware decoder"),
    ],
)
def test_a_failing_call_is_an_error_and_the_next_request_works(fake, function, words):
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)
    decoder_cache.empty_nvdec_cache()
    decoder = VideoDecoder(path, device="cuda")
    fake.fail(function, 1, 999)
    with pytest.raises(CudaError, match=words) as caught:
        decoder[:5]
    assert "CUDA_ERROR_UNKNOWN (999)" in str(caught.value)
    assert "h264_bt601.mp4" in str(caught.value)
    assert torch.equal(decoder[:5], cpu[:5])
    # nobody gets a decoder that has failed
    assert torch.equal(VideoDecoder(path, device="cuda")[8], cpu[8])


@pytest.mark.parametrize("function", ["cuMemAlloc", "cuMemcpyHtoDAsync", "cuStreamSynchronize"])
def test_weights_of_chroma_that_cannot_be_uploaded(fake, function):
    path = media.locate("vp9_odd_321x241.mp4")
    cpu, decoder = VideoDecoder(path), VideoDecoder(path, device="cuda")
    fake.fail(function, 1, 2)
    with pytest.raises(CudaError, match=r"cannot convert a picture: .*OUT_OF_MEMORY"):
        decoder[0]
    assert torch.equal(decoder[:3].cpu(), cpu[:3])


def test_memory_is_made_when_it_is_short(fake):
    decoder_cache.empty_nvdec_cache()
    VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")[0]
    assert decoder_cache.nvdec_cache_stats()["idle"] == 1
    fake.fail("cuvidCreateDecoder", 1, 2)
    path = media.locate("h264_startpts_10s.mp4")
    assert torch.equal(VideoDecoder(path, device="cuda")[3], VideoDecoder(path)[3])
    fake.fail("cuvidCreateDecoder", -1, 2)
    decoder_cache.empty_nvdec_cache()
    with pytest.raises(CudaError, match="OUT_OF_MEMORY"):
        VideoDecoder(path, device="cuda")[3]


def test_a_decoder_that_refuses_to_be_reconfigured_is_thrown_away(fake):
    large, small = media.locate("h264_startpts_10s.mp4"), media.locate("h264_bt601.mp4")
    decoder_cache.empty_nvdec_cache()
    VideoDecoder(large, device="cuda")[0]
    fake.fail("cuvidReconfigureDecoder", 1, 1)
    assert torch.equal(VideoDecoder(small, device="cuda")[3], VideoDecoder(small)[3])
    assert torch.equal(VideoDecoder(large, device="cuda")[3], VideoDecoder(large)[3])


def test_damage_that_the_hardware_reports(fake):
    path = media.locate("h264_bt601.mp4")
    fake.set(damage=2)
    decoder = VideoDecoder(path, device="cuda", on_error="mask")
    batch = decoder.get_frames_in_range(0, 6)
    assert batch.valid.tolist() == [False, False, True, True, True, True]
    assert not batch.data[:2].any()
    assert decoder.counters.frames_damaged == 2
    # as on the CPU, damaged frames are delivered where they are not masked
    assert VideoDecoder(path, device="cuda")[:6].shape[0] == 6


def test_a_picture_that_does_not_come_has_the_cpu_decode(fake):
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)
    fake.set(swallow=4)
    decoder = VideoDecoder(path, device="cuda")
    assert not decoder.cpu_fallback
    assert torch.equal(decoder[:10], cpu[:10])
    assert "did not give the frames" in str(decoder.cpu_fallback)
    strict = VideoDecoder(path, device="cuda", fallback="raise")
    with pytest.raises(UnsupportedError, match="did not give the frames"):
        strict[:10]


def test_no_such_device(fake):
    with pytest.raises(CudaUnavailableError, match=r"there is no device cuda:3: 1 GPUs are visible"):
        VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda:3")


def test_backends_by_name(gpu):
    path = media.locate("h264_bt601.mp4")
    for name in ("nvdec", "beta", "ffmpeg"):
        with set_cuda_backend(name):
            assert not VideoDecoder(path, device="cuda").cpu_fallback
    with pytest.raises(ValueError, match="backend must be"), set_cuda_backend("cuvid"):
        pass
    assert not VideoDecoder(path).cpu_fallback


PRELUDE = """
import ctypes, os, subprocess, sys, tempfile
tests, path = sys.argv[1:]
sys.path.insert(0, tests)
import fake_cuda
from cycodec import CudaUnavailableError
from cycodec._cli import doctor as _doctor
from cycodec.core.gpu import device as devices
from cycodec.decoders import VideoDecoder
fake_cuda.stand_in()
def attempt():
    try:
        print(tuple(VideoDecoder(path, device="cuda")[0].shape))
    except CudaUnavailableError as error:
        print(error)
def examine():
    for finding in _doctor.examine_cuda():
        print("doctor:", finding.status, finding.name, finding.detail, finding.remedy or "")
def empty_library(name):
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, name)
        subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-Wl,-soname," + name, "-o", library], check=True)
        ctypes.CDLL(library)
"""

SUPPORT = Path(__file__).resolve().parents[1] / "support"


def in_a_process(code):
    arguments = [str(SUPPORT), str(media.locate("h264_bt601.mp4"))]
    command = [sys.executable, "-c", PRELUDE + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


DRIVER_ALONE = "ctypes.CDLL(str(fake_cuda.build() / 'libcuda.so.1'));"


@pytest.mark.skipif(REAL, reason="there is a driver")
@pytest.mark.parametrize(
    ("code", "words", "doctor"),
    [
        (
            "",
            ["NVIDIA's driver cannot be loaded", "install it"],
            ["note driver libcuda.so.1 cannot be loaded", "install NVIDIA's driver"],
        ),
        (
            "sys.modules['cuda'] = None; _doctor.version_of = lambda name: None",
            ["cuda-python cannot be imported", "pip install 'cycodec[cuda]'"],
            ["note cuda-python not installed", "pip install 'cycodec[cuda]'"],
        ),
        (
            DRIVER_ALONE,
            ["NVIDIA's decoding library cannot be used", "libnvcuvid.so.1", "NVIDIA_DRIVER_CAPABILITIES"],
            ["ok driver", "note NVDEC libnvcuvid.so.1 cannot be loaded", "capability 'video'"],
        ),
        (
            DRIVER_ALONE + "empty_library('libnvcuvid.so.1')",
            ["NVIDIA's decoding library cannot be used", "has no cuvidGetDecoderCaps", "too old"],
            ["note decoding", "has no cuvidGetDecoderCaps", "too old"],
        ),
        (
            "fake_cuda.load().set(driver_version=10020)",
            ["driver is too old", "CUDA 10.2", "CUDA 11.1", "install a newer one"],
            ["note decoding", "driver is too old", "install a newer one"],
        ),
        (
            "fake_cuda.load(); devices.driver_functions = lambda: ['cuNothing']",
            ["NVIDIA's driver has no cuNothing", "install a newer one"],
            ["note decoding", "has no cuNothing"],
        ),
        (
            "fake_cuda.load().fail('cuInit', -1, 100)",
            ["driver does not start", "100", "nvidia-smi"],
            ["note decoding", "driver does not start", "nvidia-smi"],
        ),
        (
            "fake_cuda.load(); sys.modules['cuda.bindings.nvrtc'] = None",
            ["NVRTC", "pip install nvidia-cuda-nvrtc"],
            ["note decoding", "NVRTC", "pip install nvidia-cuda-nvrtc"],
        ),
    ],
    ids=[
        "no driver",
        "no cuda-python",
        "no libnvcuvid",
        "old libnvcuvid",
        "old driver",
        "no function",
        "no GPU",
        "no NVRTC",
    ],
)
def test_what_is_missing_is_named_with_the_remedy(code, words, doctor):
    """By the error, and by cycodec doctor."""
    error, _, examined = in_a_process(f"{code}\nattempt()\nexamine()").partition("doctor:")
    for word in words:
        assert word in error
    for word in doctor:
        assert word in examined


@pytest.mark.skipif(REAL, reason="the double is enough")
def test_doctor_lists_what_the_gpu_decodes(loaded):
    examined = in_a_process("fake_cuda.load(); examine()")
    for words in (
        "ok driver libcuda.so.1",
        "ok NVDEC libnvcuvid.so.1",
        "ok cuda-python 1",
        "ok cuda:0 compute capability 9.0",
    ):
        assert words in examined
    assert "decodes MPEG-2, MPEG-4, H.264, HEVC, HEVC 10 bit, VP8, VP9 \n" in examined


@pytest.mark.skipif(REAL, reason="the double's NPP")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", ["NPP cannot be loaded", "pip install nvidia-npp"]),
        (
            "fake_cuda.load().load_npp(25 - major)",
            ["the NPP found is of CUDA", "install nvidia-npp of the same CUDA"],
        ),
    ],
    ids=["none", "of another CUDA"],
)
def test_npp_that_cannot_be_used(code, words):
    """One of another CUDA would give wrong colours without a word."""
    output = in_a_process(
        f"""
from cuda.bindings import nvrtc
from cycodec.decoders import set_cuda_converter
major = nvrtc.nvrtcVersion()[1]
fake_cuda.load()
{code}
with set_cuda_converter("npp"):
    attempt()
"""
    )
    for word in words:
        assert word in output
    assert "set_cuda_converter('npp')" in output


@pytest.mark.skipif(REAL, reason="there is a GPU")
def test_torch_that_finds_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        CudaUnavailableError, match=r"torch finds no CUDA device .*nvidia-smi.*cycodec doctor"
    ):
        VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")


@pytest.mark.skipif(REAL, reason="the double is enough")
def test_after_a_fork(loaded):
    output = in_a_process(
        """
import fake_cuda, warnings
warnings.simplefilter("ignore")
fake_cuda.load()
decoder = VideoDecoder(path, device="cuda")
decoder[0]
child = os.fork()
if not child:
    for work in (attempt, lambda: decoder[1]):
        try:
            work()
        except CudaUnavailableError as error:
            print(error)
    sys.stdout.flush()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(tuple(decoder[1].shape))
"""
    )
    assert output.count("forked") == 2
    assert "spawn" in output
    assert output.strip().endswith("(3, 240, 360)")


@pytest.mark.skipif(REAL, reason="torch has CUDA")
@pytest.mark.skipif(torch.version.cuda is not None, reason="torch has CUDA")
def test_torch_without_cuda():
    with pytest.raises(CudaUnavailableError, match="built without CUDA"):
        VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")


def test_other_devices_are_refused():
    with pytest.raises(UnsupportedError, match="'mps'"):
        VideoDecoder(media.locate("h264_bt601.mp4"), device="mps")


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0), (13, 0)])
def test_kernels_compile_for_every_gpu(capability):
    image = driver.compile_kernels(*capability)
    assert b"convert_picture" in image
    assert b"resize_picture" in image
    assert b"resample_rows" in image
    exact = capability != (13, 0)
    assert image.startswith(b"\x7fELF") is exact  # PTX for a GPU that NVRTC does not know yet


# -- the double ----------------------------------------------------------------------------------------------------------


def test_the_double_is_strict(fake):
    """What the driver refuses it refuses, too: else these tests would prove less than they seem to."""
    driver.device(0)
    address = ctypes.c_uint64()
    allocate = fake.cuda.cuMemAlloc_v2
    assert allocate(ctypes.byref(address), ctypes.c_size_t(16)) == 201, "no context is current"
    stream = new_stream(fake)
    with in_context(fake):
        assert allocate(ctypes.byref(address), ctypes.c_size_t(16)) == 0
        assert fake.counts()["memory"] == 1
        assert fake.counts()["bytes"] == 16
        fake.fail("cuMemAlloc", 2, 2)
        other = ctypes.c_uint64()
        assert [allocate(ctypes.byref(other), ctypes.c_size_t(1)) for _ in range(2)] == [0, 2], (
            "the second one fails"
        )
        for block in (other, address):
            assert fake.cuda.cuMemFree_v2(block) == 0
        assert fake.cuda.cuMemFree_v2(address) == 1, "it was given back before"
        assert fake.cuda.cuStreamSynchronize(stream) == 0
        assert fake.cuda.cuEventRecord(stream, None) == 400, "a stream is no event"
    destroy_stream(fake, stream)


def test_one_surface_is_mapped_at_a_time(fake):
    decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    fake.set(log=1)
    decoder[:6]
    log = [line.split()[0] for line in fake.log() if line.startswith(("map", "unmap"))]
    assert log == ["map", "unmap"] * 6
    assert fake.counts()["mapped"] == 0
