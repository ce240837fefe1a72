"""The CUDA driver through cuda-python: devices, their primary contexts, and their kernels.

The extension core.gpu.device receives function addresses from here, so that it links no NVIDIA
library. A GPU can be unusable for many reasons. Each error here names one of them and its remedy.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

from cycodec._shared import fork
from cycodec.core.error import CudaError, CudaUnavailableError
from cycodec.core.gpu import device as devices

# CUDA 11.1: the version that the headers in csrc/third_party/nvcodec (Video Codec SDK) need.
OLDEST_DRIVER = 11010
KERNELS = Path(__file__).parent / "kernels"
KERNEL_HEADERS = ("arguments.h", "half.h")

_lock = threading.RLock()
# The `fork.generation` of the process that first used CUDA; None before that.
_used_in: int | None = None


def device(ordinal: int) -> devices.CudaDevice:
    """Return a GPU for one decoder: the primary context, which torch uses too, and the kernels.

    Raises
    ------
    CudaUnavailableError
        The driver, the GPU, the decoding library, cuda-python or NVRTC is missing.
    """
    with _lock:
        check_process()
        _start()
        return devices.CudaDevice(ordinal, context(ordinal), *_kernels(ordinal))


def check_process() -> None:
    """Refuse a process that was forked from one that used CUDA.

    Raises
    ------
    CudaUnavailableError
        CUDA does not work in this process.
    """
    if _used_in is not None and _used_in != fork.generation:
        raise CudaUnavailableError(
            "CUDA was in use when this process was forked, and cannot be used in it any more (start workers with "
            "the method 'spawn' or 'forkserver', or make the first CUDA decoder in the worker)"
        )


def bindings() -> Any:
    """Return the module ``cuda.bindings.driver`` of cuda-python.

    Raises
    ------
    CudaUnavailableError
        cuda-python cannot be imported.
    """
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise CudaUnavailableError(
            f"cuda-python cannot be imported: {error} (pip install 'cycodec[cuda]')"
        ) from error
    return driver


def call(what: str, result: tuple[Any, ...]) -> Any:
    """Return the results of a function of cuda-python, without its error code.

    Parameters
    ----------
    what : str
        What failed, for the error message.
    result : tuple
        The error code, and the results.

    Raises
    ------
    CudaError
        The function failed.
    """
    code, *values = result
    if int(code) != 0:
        raise CudaError(f"{what}: {getattr(code, 'name', 'CUDA error')} ({int(code)})")
    return values[0] if len(values) == 1 else tuple(values)


@cache
def _start() -> None:
    """Start the driver, and give its functions to core.gpu.device."""
    global _used_in
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
    _used_in = fork.generation


def device_count() -> int:
    """Return the number of visible GPUs."""
    with _lock:
        _start()
        return call("cannot count GPUs", bindings().cuDeviceGetCount())


@cache
def context(ordinal: int) -> int:
    """Return the address of a device's primary context, which is kept until the process ends."""
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
    """Return a device's compute capability, (major, minor)."""
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
    """Addresses of the kernels on a device, in the order of CudaDevice's arguments."""
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


def _compiler() -> tuple[Any, list[int]]:
    """Return the module ``cuda.bindings.nvrtc``, and the architectures that NVRTC compiles for."""
    try:
        from cuda.bindings import nvrtc

        return nvrtc, call("cannot ask NVRTC what it compiles for", nvrtc.nvrtcGetSupportedArchs())
    except (ImportError, RuntimeError) as error:
        raise CudaUnavailableError(
            f"NVRTC, CUDA's run-time compiler, cannot be loaded: {error} (it comes with a torch built for CUDA, or: "
            "pip install nvidia-cuda-nvrtc)"
        ) from error


@cache
def compile_kernels(major: int, minor: int) -> bytes:
    """Compile the kernels for a compute capability.

    Returns
    -------
    bytes
        A cubin, or PTX if NVRTC is older than the GPU.

    Raises
    ------
    CudaUnavailableError
        NVRTC is missing, or does not compile for this GPU.
    CudaError
        NVRTC reports an error.
    """
    nvrtc, supported = _compiler()
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
