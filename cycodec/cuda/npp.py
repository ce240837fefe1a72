"""NPP, NVIDIA's image library, as the other converter of colours: found by cuda.pathfinder, called from csrc/nvconvert.c.

It converts 8-bit 4:2:0 to uint8, pictures as they are stored; the kernel does the rest, and is the default because it
gives the CPU's bytes, which NPP's float arithmetic cannot.
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
    """What core/device needs: the function's address, and the device's facts for its context."""

    function: int
    facts: tuple[int, ...]


@cache
def load() -> int:
    """Address of the function of the NPP that belongs to the CUDA in use.

    Raises
    ------
    CudaUnavailableError
        There is none, or it is one of another CUDA, whose colours would be wrong.
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
    """NPP for a device."""
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
