"""Users without a GPU load none of its code, and what they may call of it works."""

import subprocess
import sys

# These hold names that cycodec.decoders exports, and load nothing of the GPU.
LIGHT = {"cycodec.cuda.decoder_cache", "cycodec.cuda.settings"}


def loaded_by(code):
    """Return the modules for the GPU that a fresh interpreter has loaded after some code: ours, and
    cuda-python's.

    torch loads cuda-python, too. Where torch is loaded, only ours count.
    """
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    names = set(done.stdout.split())
    ours = {name for name in names if name.startswith(("cycodec.core.gpu.", "cycodec.cuda."))}
    others = {name for name in names if name.split(".")[0] == "cuda"}
    return ours if "torch" in names else ours | others


def test_decoders_load_no_gpu_extension():
    assert loaded_by("import cycodec.decoders") <= LIGHT


def test_nothing_public_loads_a_gpu_extension():
    modules = ("batch", "datasets", "decoders", "encoders", "samplers", "transforms")
    assert loaded_by("\n".join(f"import cycodec.{name}" for name in modules)) <= LIGHT


def test_decoding_on_the_cpu_loads_no_gpu_extension():
    header = b"YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420jpeg\n"
    clip = header + b"FRAME\n" + bytes(16 * 16 * 3 // 2)
    code = f"from cycodec.decoders import VideoDecoder\nassert VideoDecoder({clip!r})[0].shape == (3, 16, 16)"
    assert loaded_by(code) <= LIGHT


def test_settings_and_cache_need_no_gpu():
    code = """
from cycodec.decoders import *
with set_cuda_backend("ffmpeg"), set_cuda_converter("npp"):
    pass
assert get_nvdec_cache_capacity() == 20
set_nvdec_cache_capacity(3, max_bytes=1 << 20)
assert get_nvdec_cache_capacity() == 3
empty_nvdec_cache()
assert get_nvdec_cache_capacity() == 3
assert set(nvdec_cache_stats()) == {"created", "destroyed", "reconfigured", "hits", "idle", "idle_bytes"}
assert not CpuFallbackStatus()
"""
    loaded_by(code)
