"""``device=None`` is torch's current default device."""

import subprocess
import sys

import media
import pytest
import torch

import cycodec
from cycodec.decoders import VideoDecoder, set_cuda_backend, set_cuda_converter


@pytest.fixture
def path():
    return media.locate("h264_plain.mp4")


def test_default_is_the_cpu(path):
    assert VideoDecoder(path)[0].device.type == "cpu"
    with torch.device("cpu"):
        assert VideoDecoder(path)[0].device.type == "cpu"


@pytest.mark.parametrize("device", [3.5, ["cuda"]])
def test_what_is_no_device_is_a_type_error(path, device):
    with pytest.raises(TypeError, match=r"device must be a str, a torch\.device or None, not"):
        VideoDecoder(path, device=device)


def test_a_backend_is_checked_by_the_call(path):
    """A name that is wrong would otherwise be noticed only where the ``with`` block begins."""
    with pytest.raises(ValueError, match="backend must be"):
        set_cuda_backend("cuvid")
    with pytest.raises(ValueError, match="converter must be"):
        set_cuda_converter("swscale")
    with set_cuda_backend("beta"), set_cuda_converter("npp"):
        assert VideoDecoder(path)[0].device.type == "cpu"


def test_context_is_followed(path):
    with torch.device("cuda:0"):
        if torch.cuda.is_available():
            assert VideoDecoder(path)[0].device == torch.device("cuda:0")
        else:
            with pytest.raises(cycodec.CudaUnavailableError, match="cuda:0"):
                VideoDecoder(path)
        assert VideoDecoder(path, device="cpu")[0].device.type == "cpu"


def test_set_default_device_is_followed(path):
    torch.set_default_device("meta")
    try:
        with pytest.raises(cycodec.UnsupportedError, match=r"'meta'.*default device; pass device=.cpu."):
            VideoDecoder(path)
        assert VideoDecoder(path, device="cpu").get_frames_at([0]).pts_seconds.device.type == "cpu"
    finally:
        torch.set_default_device(None)
    assert VideoDecoder(path)[0].device.type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "nvidia", "cuda:x", ""])
def test_unknown_device_names_cuda(path, name):
    with pytest.raises(ValueError, match='use "cuda"') as error:
        VideoDecoder(path, device=name)
    assert isinstance(error.value, RuntimeError)


def test_opening_does_not_import_torch(path):
    program = """
import sys
from cycodec.decoders import VideoDecoder
d = VideoDecoder(sys.argv[1])
assert len(d) > 0 and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, path], check=True)


def test_no_fallback_on_the_cpu(path):
    status = VideoDecoder(path).cpu_fallback
    assert not status
    assert str(status) == "No fallback required"
