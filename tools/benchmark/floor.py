"""Calls floor.c, which the C compiler and pkg-config build on first use."""

import ctypes
import functools
import os
import shlex
import subprocess
from pathlib import Path

from benchmark.paths import BUILD

SOURCE = Path(__file__).with_name("floor.c")


@functools.cache
def _library() -> ctypes.CDLL:
    target = BUILD / "floor.so"
    if not target.is_file() or target.stat().st_mtime < SOURCE.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        modules = ["libavformat", "libavcodec", "libavutil"]
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", *modules], check=True, capture_output=True, text=True
        )
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [
            *compiler,
            "-O2",
            "-shared",
            "-fPIC",
            "-o",
            str(target),
            str(SOURCE),
            *flags.stdout.split(),
        ]
        subprocess.run(command, check=True)
    library = ctypes.CDLL(str(target))
    library.floor_version.restype = ctypes.c_char_p
    library.floor_open.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_int]
    library.floor_first.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.floor_at.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.c_int]
    for name in ("floor_index", "floor_exact", "floor_close"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    return library


def version() -> str:
    return _library().floor_version().decode()


def _checked(ret: int) -> int:
    if ret < 0:
        raise RuntimeError(f"FFmpeg error {ret}")
    return ret


class Reader:
    """An open file; methods return the number of decoded frames."""

    def __init__(self, path: str, threads: int) -> None:
        self.frames = 0
        self.handle = ctypes.c_void_p()
        _checked(_library().floor_open(ctypes.byref(self.handle), os.fsencode(path), threads))

    def index(self) -> None:
        if not self.frames:
            self.frames = _checked(_library().floor_index(self.handle))

    @property
    def exact(self) -> bool:
        return bool(_library().floor_exact(self.handle))

    def first(self, n: int) -> int:
        return _checked(_library().floor_first(self.handle, n))

    def at(self, indices: list[int]) -> int:
        # The numbers are this reader's own packets in order of pts.
        if max(indices) >= self.frames:
            raise IndexError(f"frame {max(indices)} was requested, but the file has {self.frames} frames")
        ascending = (ctypes.c_int * len(indices))(*sorted(indices))
        return _checked(_library().floor_at(self.handle, ascending, len(indices)))

    def close(self) -> None:
        _library().floor_close(self.handle)
        self.handle = ctypes.c_void_p()

    def __del__(self) -> None:
        if self.handle:
            self.close()
