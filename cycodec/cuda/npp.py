"""NPP, NVIDIA's image library, as an alternative colour converter for csrc/nvidia.

NPP converts 8-bit 4:2:0 pictures to uint8 if they are not resized or turned; the kernel converts
all others. The kernel is the default, because it returns the same bytes as the CPU. NPP's float
arithmetic cannot do that.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import NamedTuple

from cycodec.core.error import CudaUnavailableError
from cycodec.cuda import driver

FUNCTION = "nppiNV12ToRGB_8u_ColorTwist32f_P2C3R_Ctx"
KNOWN_MAJORS = (12, 13)


class Npp(NamedTuple):
    """The arguments of ``CudaDevice.use_npp``."""

    function: int  # address of the conversion function
    facts: tuple[int, ...]  # attributes of the device, for NPP's context


@cache
def load() -> int:
    """Return the address of NPP's conversion function, from the NPP of the CUDA version in use.

    Raises
    ------
    CudaUnavailableError
        NPP is missing, or belongs to another CUDA version, with which colours would be wrong.
    """
    try:
        from cuda.bindings import nvrtc
        from cuda.pathfinder import load_nvidia_dynamic_lib

        ours = driver.call("cannot ask for NVRTC's version", nvrtc.nvrtcVersion())[0]
        path = load_nvidia_dynamic_lib("nppicc").abs_path or ""
    except (ImportError, RuntimeError) as error:
        raise CudaUnavailableError(
            f"NPP cannot be loaded: {error} (pip install nvidia-npp, or leave set_cuda_converter('npp') out)"
        ) from error
    found = re.search(r"\.so\.(\d+)", path)
    major = int(found[1]) if found else 0
    if major not in KNOWN_MAJORS or major != ours:
        raise CudaUnavailableError(
            f"the NPP found is of CUDA {major or 'unknown'}, and CUDA {ours} is in use: {path} (install nvidia-npp of "
            "the same CUDA, or leave set_cuda_converter('npp') out)"
        )
    function = getattr(ctypes.CDLL(path), FUNCTION, None)
    if function is None:
        raise CudaUnavailableError(f"{path} has no {FUNCTION} (install nvidia-npp 12 or 13)")
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


@cache
def for_device(ordinal: int) -> Npp:
    """NPP's function and the attributes of a device."""
    bindings = driver.bindings()
    names = bindings.CUdevice_attribute
    handle = driver.call("cannot find the GPU", bindings.cuDeviceGet(ordinal))
    facts = tuple(
        driver.call("cannot ask about the GPU", bindings.cuDeviceGetAttribute(attribute, handle))
        for attribute in (
            names.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
            names.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR,
            names.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
            names.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK,
        )
    )
    return Npp(load(), (*facts, *driver.capability(ordinal)))
