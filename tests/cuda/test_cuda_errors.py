"""``device="cuda"``: errors of the driver, missing libraries, and what cannot be used.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU:
see test_cuda.py.
"""

import subprocess
import sys
from pathlib import Path

import media
import pytest
import torch
from on_gpu import REAL

from cycodec import CudaError, CudaUnavailableError, UnsupportedError
from cycodec.cuda import decoder_cache, driver
from cycodec.decoders import VideoDecoder, set_cuda_backend


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
    # the cache does not keep a decoder that failed
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
    # without masking, damaged frames are delivered, as on the CPU
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
from cycodec._cli import examinations as _examinations
from cycodec.core.gpu import device as devices
from cycodec.decoders import VideoDecoder
fake_cuda.stand_in()
def attempt():
    try:
        print(tuple(VideoDecoder(path, device="cuda")[0].shape))
    except CudaUnavailableError as error:
        print(error)
def examine():
    for finding in _examinations.examine_cuda():
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
            "sys.modules['cuda'] = None; _examinations.version_of = lambda name: None",
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
    """Both the error and `cycodec doctor` say what is missing."""
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
    """NPP of another CUDA version would silently give wrong colours."""
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
    assert image.startswith(b"\x7fELF") is exact  # it is PTX for a GPU that this NVRTC does not know


@pytest.mark.parametrize("output", ["gray", "rgba", "yuv"])
def test_outputs_of_the_cpu_alone_say_what_to_do(gpu, output):
    with pytest.raises(ValueError, match=rf"output='{output}' is made on the CPU only: pass device='cpu'"):
        VideoDecoder(media.path("h264_plain.mp4"), device="cuda", output=output)
