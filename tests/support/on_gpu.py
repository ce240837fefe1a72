"""Fixtures for the GPU or its test double, and comparisons with the CPU."""

import gc
import os

import fake_cuda
import pytest

from cycodec.cuda import decoder_cache, support
from cycodec.decoders import VideoDecoder

# True if the tests run on the GPU that torch sees instead of the double (tools/gpu_check)
REAL = os.environ.get("CYCODEC_REAL_CUDA") == "1"


@pytest.fixture(scope="session")
def loaded():
    """Loads the test double, which stays in this process; None on a GPU."""
    return None if REAL else fake_cuda.load()


@pytest.fixture
def gpu(loaded, monkeypatch):
    """Makes ``device="cuda"`` work, and checks that the test returns every resource."""
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
    """The controls of the double; skips on a GPU."""
    if gpu is None:
        pytest.skip("controls the test double, and this is a real GPU")
    return gpu


def both(source, **options):
    """Opens a source; returns (decoder on the CPU, decoder on the GPU)."""
    cpu = {name: value for name, value in options.items() if name != "fallback"}
    return VideoDecoder(source, **cpu), VideoDecoder(source, device="cuda", **options)


def difference(a, b):
    """Returns the (largest, mean) difference of two uint8 tensors in levels."""
    apart = (a.cpu().int() - b.cpu().int()).abs()
    return int(apart.max()), float(apart.float().mean())


def assert_alike(a, b):
    """Asserts equal bytes: the GPU follows swscale's arithmetic."""
    assert a.shape == b.shape
    assert difference(a, b)[0] == 0


def assert_same_video(name, a, b):
    """Asserts equal bytes, except for MPEG-1, 2 and 4 on a GPU, whose standards let the IDCT round
    freely (IEEE 1180).
    """
    if REAL and name.startswith("mpeg"):
        apart, mean = difference(a, b)
        assert apart <= 16
        assert mean < 0.25
    else:
        assert_alike(a, b)
