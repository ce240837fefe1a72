"""The CUDA driver, by cuda-python: devices, their primary contexts, and the kernels compiled for them.

Compiled code (core/device) gets addresses from here and links nothing. What is missing is said in one sentence, with the
remedy: that is most of this module, since a GPU can be out of reach in many ways.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

from cycodec.core.error import CudaError, CudaUnavailableError
from cycodec.core.gpu import device as devices

# What the functions of core/nvdec need: CUDA 11.1, that of the Video Codec SDK whose headers are in csrc/nvcodec.
OLDEST_DRIVER = 11010
KERNELS = Path(__file__).parent / "kernels"
KERNEL_HEADERS = ("arguments.h", "half.h")

_lock = threading.RLock()
_process: int | None = None  # the process that has begun to use CUDA


def device(ordinal: int) -> devices.CudaDevice:
    """A GPU for one decoder: its primary context, which torch uses too, and the kernels.

    Raises
    ------
    CudaUnavailableError
        Driver, GPU, decoding library, cuda-python or compiler is missing.
    """
    with _lock:
        check_process()
        _start()
        return devices.CudaDevice(ordinal, context(ordinal), *_kernels(ordinal))


def check_process() -> None:
    """CUDA cannot be used in a process that was forked from one that uses it."""
    if _process is not None and _process != os.getpid():
        raise CudaUnavailableError(
            "CUDA was in use when this process was forked, and cannot be used in it any more (start workers with "
            "the method 'spawn' or 'forkserver', or make the first CUDA decoder in the worker)"
        )


def bindings() -> Any:
    """cuda.bindings.driver."""
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise CudaUnavailableError(
            f"cuda-python cannot be imported: {error} (pip install 'cycodec[cuda]')"
        ) from error
    return driver


def call(what: str, result: tuple[Any, ...]) -> Any:
    """What a function of cuda-python gives beside its error code; CudaError if that is not success."""
    code, *values = result
    if int(code) != 0:
        raise CudaError(f"{what}: {getattr(code, 'name', 'CUDA error')} ({int(code)})")
    return values[0] if len(values) == 1 else tuple(values)


@cache
def _start() -> None:
    """Have the driver ready, and hand its functions to core/device."""
    global _process
    driver = bindings()
    try:
        code = driver.cuInit(0)[0]
    except RuntimeError as error:
        raise CudaUnavailableError(
            f"NVIDIA's driver cannot be loaded: {error} (install it; in a container, start that with the GPU: "
            "docker run --gpus all)"
        ) from error
    if int(code) != 0:
        raise CudaUnavailableError(
            f"NVIDIA's driver does not start: {code.name} ({int(code)}) (`nvidia-smi` should list a GPU here)"
        )
    version = call("cannot ask for the driver's version", driver.cuDriverGetVersion())
    if version < OLDEST_DRIVER:
        raise CudaUnavailableError(
            f"NVIDIA's driver is too old: it is for CUDA {version // 1000}.{version % 1000 // 10}, and CUDA "
            f"{OLDEST_DRIVER // 1000}.{OLDEST_DRIVER % 1000 // 10} is needed (install a newer one)"
        )
    addresses = []
    for name in devices.driver_functions():
        result = driver.cuGetProcAddress(name.encode(), version, 0)
        if int(result[0]) != 0 or not result[1]:
            raise CudaUnavailableError(f"NVIDIA's driver has no {name} (install a newer one)")
        addresses.append(int(result[1]))
    devices.set_driver_functions(addresses)
    problem = devices.open_cuvid()
    if problem is not None:
        raise CudaUnavailableError(
            f"NVIDIA's decoding library cannot be used: {problem} (it comes with the driver; a container needs the "
            "capability 'video': NVIDIA_DRIVER_CAPABILITIES=compute,utility,video)"
        )
    _process = os.getpid()


def device_count() -> int:
    """How many GPUs there are."""
    with _lock:
        _start()
        return call("cannot count GPUs", bindings().cuDeviceGetCount())


@cache
def context(ordinal: int) -> int:
    """The address of a device's primary context, which stays for the life of the process, as torch's does."""
    driver = bindings()
    count = call("cannot count GPUs", driver.cuDeviceGetCount())
    if not 0 <= ordinal < count:
        raise CudaUnavailableError(
            f"there is no device cuda:{ordinal}: {count} GPUs are visible (see CUDA_VISIBLE_DEVICES)"
        )
    handle = call("cannot find the GPU", driver.cuDeviceGet(ordinal))
    return int(call("cannot use the GPU", driver.cuDevicePrimaryCtxRetain(handle)))


@cache
def capability(ordinal: int) -> tuple[int, int]:
    """A device's compute capability."""
    driver = bindings()
    handle = call("cannot find the GPU", driver.cuDeviceGet(ordinal))
    names = driver.CUdevice_attribute
    major, minor = (
        call("cannot ask for the compute capability", driver.cuDeviceGetAttribute(attribute, handle))
        for attribute in (
            names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
            names.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        )
    )
    return major, minor


@cache
def _kernels(ordinal: int) -> tuple[int, ...]:
    """Addresses of the kernels on a device, in the order in which CudaDevice takes them."""
    driver = bindings()
    image = compile_kernels(*capability(ordinal))
    call("cannot use the CUDA context", driver.cuCtxPushCurrent(driver.CUcontext(context(ordinal))))
    try:
        module = call("cannot load the conversion kernels", driver.cuModuleLoadData(image))
        return tuple(
            int(call(f"cannot find the kernel {name}", driver.cuModuleGetFunction(module, name.encode())))
            for name in ("convert_picture", "resize_picture", "resample_rows")
        )
    finally:
        driver.cuCtxPopCurrent()


@cache
def compile_kernels(major: int, minor: int) -> bytes:
    """The kernels compiled by NVRTC: a cubin for a compute capability, or PTX where NVRTC is older than the GPU."""
    try:
        from cuda.bindings import nvrtc

        supported = call("cannot ask NVRTC what it compiles for", nvrtc.nvrtcGetSupportedArchs())
    except (ImportError, RuntimeError) as error:
        raise CudaUnavailableError(
            f"NVRTC, CUDA's run-time compiler, cannot be loaded: {error} (it comes with a torch built for CUDA, or: "
            "pip install nvidia-cuda-nvrtc)"
        ) from error
    wanted = 10 * major + minor
    exact = wanted in supported
    architecture = wanted if exact else max((a for a in supported if a < wanted), default=0)
    if not architecture:
        raise CudaUnavailableError(
            f"the NVRTC in use does not compile for compute capability {major}.{minor}, only for "
            f"{', '.join(f'{a // 10}.{a % 10}' for a in supported)} (the GPU is too old for it)"
        )
    text = (KERNELS / "convert.cu").read_bytes()
    headers = [path.read_bytes() for path in map(KERNELS.joinpath, KERNEL_HEADERS)]
    names = [name.encode() for name in KERNEL_HEADERS]
    program = call(
        "cannot make an NVRTC program",
        nvrtc.nvrtcCreateProgram(text, b"convert.cu", len(names), headers, names),
    )
    try:
        options = [f"-arch={'sm' if exact else 'compute'}_{architecture}".encode()]
        code = nvrtc.nvrtcCompileProgram(program, len(options), options)[0]
        if int(code) != 0:
            log = b" " * call("cannot read NVRTC's log", nvrtc.nvrtcGetProgramLogSize(program))
            nvrtc.nvrtcGetProgramLog(program, log)
            raise CudaError(f"NVRTC cannot compile the conversion kernels: {log.decode(errors='replace')}")
        if exact:
            image = b" " * call("cannot read the cubin", nvrtc.nvrtcGetCUBINSize(program))
            call("cannot read the cubin", nvrtc.nvrtcGetCUBIN(program, image))
        else:
            image = b" " * call("cannot read the PTX", nvrtc.nvrtcGetPTXSize(program))
            call("cannot read the PTX", nvrtc.nvrtcGetPTX(program, image))
    finally:
        nvrtc.nvrtcDestroyProgram(program)
    return image
