"""What the tests of ``device="cuda"`` share: the GPU or its test double, and comparing with the CPU."""

import gc
import os

import fake_cuda
import pytest

from cycodec.cuda import decoder_cache, support
from cycodec.decoders import VideoDecoder

# With CYCODEC_REAL_CUDA=1 the tests run on the GPU that torch sees, not on the double (tools/gpu_check)
REAL = os.environ.get("CYCODEC_REAL_CUDA") == "1"


@pytest.fixture(scope="session")
def loaded():
    """The test double in this process, for good; None on a GPU."""
    return None if REAL else fake_cuda.load()


@pytest.fixture
def gpu(loaded, monkeypatch):
    """Have ``device="cuda"`` work; everything must be given back."""
    if REAL:
        yield None
        return
    loaded.reset()
    fake_cuda.stand_in(monkeypatch.setattr)
    support.capabilities.cache_clear()
    yield loaded
    loaded.reset()
    gc.collect()
    decoder_cache.empty_nvdec_cache()
    decoder_cache.set_nvdec_cache_capacity(20, 2 << 30)
    alive = {name: count for name, count in loaded.counts().items() if count and name != "modules"}
    assert alive == {}, "something was not given back"


@pytest.fixture
def fake(gpu):
    """The double's controls."""
    if gpu is None:
        pytest.skip("steers the test double, and this is a real GPU")
    return gpu


def both(source, **options):
    """(decoder on the CPU, decoder on the GPU) of a source."""
    cpu = {name: value for name, value in options.items() if name != "fallback"}
    return VideoDecoder(source, **cpu), VideoDecoder(source, device="cuda", **options)


def difference(a, b):
    """(largest, mean) difference of two uint8 tensors in levels."""
    apart = (a.cpu().int() - b.cpu().int()).abs()
    return int(apart.max()), float(apart.float().mean())


def assert_alike(a, b):
    """Byte for byte: the GPU follows swscale's arithmetic."""
    assert a.shape == b.shape
    assert difference(a, b)[0] == 0


def assert_same_video(name, a, b):
    """Byte for byte, too; on a GPU not for MPEG-1, 2 and 4, whose standards leave open how the IDCT rounds (IEEE 1180)."""
    if REAL and name.startswith("mpeg"):
        apart, mean = difference(a, b)
        assert apart <= 16
        assert mean < 0.25
    else:
        assert_alike(a, b)
