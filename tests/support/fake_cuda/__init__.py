"""TEST DOUBLE of NVIDIA's driver: libcuda.so.1 and libnvcuvid.so.1 for the host, with FFmpeg's
decoders inside. It also doubles NPP: libnppicc.so.12 and .13, with the one function that cycodec
calls.

The real extension, cuda-python and the kernels' source run with them where there is no GPU. They
test the logic of cycodec, not that of the driver: they model neither speed nor real asynchrony.

Only the tests build them, only `load` loads them, and they are no part of the package.
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KERNELS = ROOT / "cycodec" / "cuda" / "kernels"

COUNTS = ("memory", "bytes", "events", "streams", "parsers", "decoders", "mapped", "modules")


def build() -> Path:
    """Returns the folder with both libraries; builds them if their sources have changed."""
    sources = sorted(
        p for folder in (HERE, KERNELS) for p in folder.iterdir() if p.suffix in (".c", ".cpp", ".h", ".cu")
    )
    digest = hashlib.blake2b(
        b"".join(p.read_bytes() for p in [*sources, Path(__file__)]), digest_size=8
    ).hexdigest()
    folder = ROOT / "build" / "fake_cuda" / digest
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libavformat", "libavcodec", "libavutil"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    common = ["-O2", "-g0", "-fPIC", "-Wall", "-Wextra", "-fvisibility=hidden"]

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True)

    for name in ("fakecuda", "fakestubs"):
        run("gcc", *common, "-c", HERE / f"{name}.c", "-o", folder / f"{name}.o")
    run("g++", *common, f"-I{KERNELS}", "-c", HERE / "kernels_host.cpp", "-o", folder / "kernels_host.o")
    libcuda = folder / "libcuda.so.1"
    run(
        "g++", "-shared", "-Wl,-soname,libcuda.so.1", folder / "fakecuda.o", folder / "fakestubs.o",
        folder / "kernels_host.o",
        "-o", libcuda, "-ldl", "-lpthread",
    )  # fmt: skip
    cuvid = [HERE / f"{name}.c" for name in ("fakecuvid", "fakeparser", "fakeknown")]
    run(
        "gcc", *common, "-shared", "-Wl,-soname,libnvcuvid.so.1", *cuvid, libcuda, *flags,
        "-o", folder / "libnvcuvid.so.1", "-lpthread",
    )  # fmt: skip
    for major in (12, 13):
        run(
            "gcc", *common, "-shared", f"-Wl,-soname,libnppicc.so.{major}", HERE / "fakenpp.c",
            libcuda, "-o", folder / f"libnppicc.so.{major}",
        )  # fmt: skip
        # cuda.pathfinder loads this one first
        run(
            "gcc", *common, "-shared", f"-Wl,-soname,libnppc.so.{major}", "-x", "c", "/dev/null",
            "-o", folder / f"libnppc.so.{major}",
        )  # fmt: skip
    (folder / "done").touch()
    return folder


class FakeCuda:
    """The loaded double and its controls. It has the soname libcuda.so.1, so later loads of that
    name find it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cuda = ctypes.CDLL(str(folder / "libcuda.so.1"))
        self.cuvid = ctypes.CDLL(str(folder / "libnvcuvid.so.1"))
        self.cuda.fake_count.restype = ctypes.c_int64
        self.cuda.fake_log.restype = ctypes.c_char_p

    def load_npp(self, major: int) -> ctypes.CDLL:
        """Makes cuda.pathfinder find the double's NPP of CUDA 12 or 13 as a library that is loaded
        already.
        """
        return [ctypes.CDLL(str(self.folder / f"lib{name}.so.{major}")) for name in ("nppc", "nppicc")][1]

    def fail(self, name: str, nth: int = 1, code: int = 999) -> None:
        """Makes the nth call of a function from now on (-1: every call) return an error."""
        self.cuda.fake_fail(name.encode(), nth, code)

    def set(self, **settings: int) -> None:
        """Changes settings: see fake_set in fakecuda.c."""
        for name, value in settings.items():
            self.cuda.fake_set(name.encode(), value)

    def know(self, path: Path | str) -> None:
        """Tells the decoder a file's pictures by their data, for libavcodec's hwaccel, which does
        the parsing.
        """
        if self.cuvid.fake_know(str(path).encode()) < 0:
            raise OSError(f"the double cannot decode {path}")

    def reset(self) -> None:
        """Clears failures, settings, log and known pictures."""
        self.cuvid.fake_forget()
        self.cuda.fake_reset()

    def counts(self) -> dict[str, int]:
        """Returns the number of live objects of each kind."""
        return {name: self.cuda.fake_count(number) for number, name in enumerate(COUNTS)}

    def log(self) -> list[str]:
        """Returns the lines written since the last call, if ``set(log=1)``."""
        return self.cuda.fake_log().decode().splitlines()


def stand_in(set_attribute: Callable[[object, str, object], None] = setattr) -> None:
    """Makes ``device="cuda"`` use the loaded double and host memory, because this torch may lack
    CUDA.
    """
    from cycodec._shared import torch_adapter

    set_attribute(torch_adapter, "_cuda_ordinal", lambda device: device.index or 0)
    set_attribute(torch_adapter, "cuda_device", lambda ordinal: "cpu")
    set_attribute(torch_adapter, "cuda_stream", lambda ordinal: 0)


@cache
def load() -> FakeCuda:
    """Builds the double and loads it in this process, which cannot unload it."""
    return FakeCuda(build())
