"""Which files of FFmpeg's libraries the compiled modules are bound to.

The modules name the libraries that they need by their sonames. A wheel that carries FFmpeg names
its own copies, such as libavcodec-1a2b3c4d.so.63, which nobody else has. The environment variable
``CYCODEC_FFMPEG`` binds the modules to other files instead, before the first of them loads.

Note [Substitutes]
    The dynamic loader takes a loaded library of the same soname before it searches for a file. The
    wheel therefore also has empty libraries with the names of its copies. Each needs the library of
    the ordinary name, libavcodec.so.63. If they are loaded first, the modules find those.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

__all__ = ["bundled_files", "bundled_headers", "certificates", "choose", "file_of", "origin"]

# In the order in which each needs only those before it.
NAMES = ("libavutil", "libswresample", "libswscale", "libavcodec", "libavformat")
# Folders of a prefix that may hold libraries.
FOLDERS = (".", "lib", "lib64", "lib/*-linux-gnu*")
PACKAGE = Path(__file__).resolve().parents[1]
# Where the wheel has its substitutes. No other build has this folder.
SUBSTITUTES = Path(__file__).with_name("substitutes")
# The value of CYCODEC_FFMPEG for the copies of the wheel. They are also used if it is not set.
BUNDLED = "bundled"
# Where systems keep the certificates of authorities. The wheel's OpenSSL knows Debian's place only.
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class _DlInfo(ctypes.Structure):
    """What dladdr(3) returns."""

    _fields_ = (
        ("fname", ctypes.c_char_p),
        ("fbase", ctypes.c_void_p),
        ("sname", ctypes.c_char_p),
        ("saddr", ctypes.c_void_p),
    )


def file_of(function: int) -> str | None:
    """Return the file of the library that holds a C function; None if it cannot be known.

    Parameters
    ----------
    function : int
        The address of the function.
    """
    if sys.platform == "win32":
        return None
    info = _DlInfo()
    if not ctypes.CDLL(None).dladdr(ctypes.c_void_p(function), ctypes.byref(info)) or info.fname is None:
        return None
    return os.path.realpath(os.fsdecode(info.fname))


def origin() -> str:
    """Return where FFmpeg comes from: "bundled", "system", or the folder that the user named.

    "system" is also what a build without copies of its own is linked to.
    """
    wanted = os.environ.get("CYCODEC_FFMPEG") or BUNDLED
    return "system" if wanted == BUNDLED and not SUBSTITUTES.is_dir() else wanted


def bundled_files() -> list[Path]:
    """Return the wheel's copies of FFmpeg's libraries; none in another build."""
    folder = PACKAGE.with_name("cycodec.libs")
    files = [folder / path.name for path, _ in _substitutes().values()]
    return [path for path in files if path.is_file()]


def bundled_headers() -> Path | None:
    """Return the folder of the wheel's copy of FFmpeg's headers; None in another build."""
    folder = PACKAGE / "include"
    return folder if folder.is_dir() else None


def certificates() -> str | None:
    """Return the file of authorities against which the wheel's FFmpeg must verify servers.

    None means that FFmpeg finds them itself: it is not the wheel's, or the user names the file by
    ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``.
    """
    if origin() != BUNDLED or os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return None
    return next((path for path in CERTIFICATES if os.path.isfile(path)), None)


def choose() -> None:
    """Load the libraries that ``CYCODEC_FFMPEG`` names; do nothing if it is not set.

    Raises
    ------
    ImportError
        The libraries are not there, are of another major version, or cannot be used.
    """
    wanted = os.environ.get("CYCODEC_FFMPEG")
    if not wanted or wanted == BUNDLED:
        if wanted and not SUBSTITUTES.is_dir():
            raise ImportError(
                "CYCODEC_FFMPEG=bundled, but this build of cycodec has no FFmpeg of its own; "
                "unset the variable, or install the wheel"
            )
        return
    substitutes = _substitutes()
    if wanted == "system":
        for substitute, library in substitutes.values():
            _load(str(substitute), f"CYCODEC_FFMPEG=system: {library} of the system cannot be used", library)
        return
    folder = Path(wanted).expanduser()
    if not folder.is_dir():
        raise ImportError(f'CYCODEC_FFMPEG={wanted}: must be "bundled", "system", or a folder that exists')
    paths = [_find(folder, name, substitutes[name][1] if name in substitutes else None) for name in NAMES]
    for path in paths:
        _load(str(path), f"CYCODEC_FFMPEG={wanted}: {path} cannot be loaded", path.name)
    for substitute, library in substitutes.values():
        _load(str(substitute), f"CYCODEC_FFMPEG={wanted}: its {library} cannot be used", library)
    _check(wanted, paths)


def _substitutes() -> dict[str, tuple[Path, str]]:
    """Return the substitute of each library, and the ordinary soname that it needs."""
    found = {}
    for path in SUBSTITUTES.glob("lib*.so.*") if SUBSTITUTES.is_dir() else ():
        match = re.fullmatch(r"(lib\w+)-\w+\.so\.(\d+)[\d.]*", path.name)
        if match:
            found[match[1]] = (path, f"{match[1]}.so.{match[2]}")
    return {name: found[name] for name in NAMES if name in found}


def _load(path: str, problem: str, library: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{problem}: {error}. This build of cycodec needs {library} of the same major version; to use "
            "another FFmpeg, build cycodec from its source, or unset CYCODEC_FFMPEG"
        ) from None


def _find(folder: Path, name: str, soname: str | None) -> Path:
    """Return the file of a library in a prefix or a folder of libraries."""
    pattern = f"{name}.*.dylib" if sys.platform == "darwin" else f"{name}.so.[0-9]*"
    there = []
    for place in FOLDERS:
        for inside in sorted(folder.glob(place)) if "*" in place else [folder / place]:
            there += sorted(inside.glob(pattern), key=lambda path: len(path.name))
    for path in there:
        if soname is None or path.name == soname or path.name.startswith(f"{soname}."):
            return path
    wanted = soname or pattern
    seen = ", ".join(path.name for path in there) or "none"
    raise ImportError(
        f"CYCODEC_FFMPEG={folder}: {wanted} is not in it (found: {seen}; sought in {', '.join(FOLDERS)}). "
        "It must hold the shared libraries of an FFmpeg of the same major version"
    )


def _check(wanted: str, paths: list[Path]) -> None:
    """Raise ImportError if the compiled modules would use other files than these."""
    here = Path(__file__).parent
    probe = next((path for end in EXTENSION_SUFFIXES if (path := here / f"ffmpeg{end}").exists()), None)
    if probe is None:
        return
    module = _load(str(probe), f"CYCODEC_FFMPEG={wanted}: {probe.name} cannot be loaded", "FFmpeg")
    for name, path in zip(NAMES, paths, strict=True):
        function = getattr(module, f"{name.removeprefix('lib')}_version", None)
        address = ctypes.cast(function, ctypes.c_void_p).value if function else None
        used = file_of(address) if address else None
        if used is not None and used != os.path.realpath(path):
            raise ImportError(
                f"CYCODEC_FFMPEG={wanted}: cycodec would use {used}, not {path}. Either this build needs another "
                "major version of FFmpeg, or another package has loaded that library; in this case, import "
                "cycodec.decoders first"
            )
