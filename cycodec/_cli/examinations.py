"""The examinations of ``cycodec doctor``: what decoding needs, and a remedy for each problem.

The imports at the head of this file must not fail in a broken installation. Compiled modules, torch
and CUDA are imported or opened inside the examinations only.
"""

from __future__ import annotations

import ctypes
import importlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

__all__ = ["Finding", "can_decode", "examine"]

# FFmpeg's names. One of several names is enough.
DECODERS = {
    "H.264": ["h264"],
    "HEVC": ["hevc"],
    "AV1": ["libdav1d", "libaom-av1"],  # FFmpeg's own "av1" needs a GPU
    "VP9": ["vp9"],
    "VP8": ["vp8"],
    "MPEG-2": ["mpeg2video"],
    "MPEG-4": ["mpeg4"],
    "ProRes": ["prores"],
    "MJPEG": ["mjpeg"],
    "AAC": ["aac"],
    "MP3": ["mp3float", "mp3"],
    "Opus": ["opus", "libopus"],
    "Vorbis": ["vorbis"],
    "FLAC": ["flac"],
}
ENCODERS = {
    "H.264": ["libx264", "libopenh264", "h264_videotoolbox"],
    "HEVC": ["libx265", "hevc_videotoolbox"],
    "AV1": ["libsvtav1", "libaom-av1", "librav1e"],
    "VP9": ["libvpx-vp9"],
    "MPEG-4": ["mpeg4"],
    "AAC": ["aac"],
    "MP3": ["libmp3lame"],
    "Opus": ["libopus"],
    "FLAC": ["flac"],
}
# Without these, images of a format cannot be decoded; without libwebp, FFmpeg decodes WebP.
IMAGE_LIBRARIES = {"JPEG": "libjpeg-turbo", "PNG": "zlib"}
ORIGINS = {
    "bundled": "the copies that the wheel carries; CYCODEC_FFMPEG=system or a folder chooses others",
    "system": "the libraries that cycodec was built against, or their successors",
}
EXTRAS = ("click", "rich", "pillow")


@dataclass(frozen=True)
class Finding:
    """The result of one examination.

    A problem prevents decoding on the CPU. A note is about something that is missing but not needed
    for that.
    """

    topic: str
    name: str
    status: Literal["ok", "note", "problem"]
    detail: str
    remedy: str = ""


def can_decode(findings: list[Finding]) -> bool:
    """Return True if decoding on the CPU works: no finding is a problem."""
    return all(finding.status != "problem" for finding in findings)


def as_dict(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings for JSON."""
    return {"can_decode": can_decode(findings), "findings": [asdict(finding) for finding in findings]}


def version_of(distribution: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def examine() -> list[Finding]:
    """Examine everything. Each examination needs only what was examined before it."""
    findings = [*examine_python(), *examine_core()]
    if can_decode(findings):
        findings += [*examine_ffmpeg(), *examine_codecs(), *examine_images()]
    findings += [*examine_ffmpeg_command(), *examine_torch()]
    if can_decode(findings):
        findings.append(decode_something())
    return [*findings, *examine_cuda(), *examine_extras()]


def examine_python() -> Iterator[Finding]:
    """Yield findings about the Python that runs."""
    yield Finding("Python", "version", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Finding("Python", "platform", "ok", platform.platform())


def examine_core() -> Iterator[Finding]:
    """Yield findings about the package and its compiled modules."""
    import cycodec

    version = version_of("cycodec")
    where = cycodec.get_include()
    if version is None:
        remedy = "install it: pip install cycodec, or tools/setup in a checkout"
        yield Finding("cycodec", "package", "problem", f"imported from {where}, but not installed", remedy)
    else:
        yield Finding("cycodec", "package", "ok", f"{version} in {where}")
    try:
        importlib.import_module("cycodec.core.video.reader")
    except ImportError as error:
        text = first_line(error)
        if "CYCODEC_FFMPEG" in text:
            remedy = "unset CYCODEC_FFMPEG, or name another FFmpeg with it"
        elif re.search(r"lib(av|sw)\w+", text):
            remedy = "install the FFmpeg that cycodec was built against, or build again (tools/setup)"
        elif isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("cycodec"):
            remedy = "build it (tools/setup), or leave the folder of the sources if it is installed"
        else:
            remedy = "build or install cycodec again (tools/setup in a checkout)"
        yield Finding("cycodec", "compiled part", "problem", text, remedy)
    else:
        yield Finding("cycodec", "compiled part", "ok", "loads")


def library_function(name: str) -> Any:
    """Return a function of the FFmpeg that cycodec runs with; None if it has none of this name."""
    # An extension is linked with the libraries that it calls. These two together call all of
    # FFmpeg's.
    for module in ("container.demux", "video.cpu"):
        extension = ctypes.CDLL(importlib.import_module(f"cycodec.core.{module}").__file__)
        if hasattr(extension, name):
            return getattr(extension, name)
    return None


def examine_ffmpeg() -> Iterator[Finding]:
    """Yield findings about the FFmpeg libraries that cycodec runs with."""
    import cycodec
    from cycodec.core import libraries

    facts = cycodec.ffmpeg_versions()
    yield Finding("FFmpeg", "origin", "ok", ORIGINS.get(facts["origin"], f"CYCODEC_FFMPEG={facts['origin']}"))
    for name in ("ffmpeg", "libavformat", "libavcodec", "libavutil", "libswscale", "libswresample"):
        function = library_function(name.removeprefix("lib") + "_version")
        address = ctypes.cast(function, ctypes.c_void_p).value if function else None
        place = f" in {libraries.file_of(address) or 'an unknown place'}" if address else ""
        yield Finding("FFmpeg", name, "ok", f"{facts[name]}{place}")
    yield Finding("FFmpeg", "license", "ok", facts["license"])


def examine_codecs() -> Iterator[Finding]:
    """Yield findings about the decoders and encoders of this FFmpeg."""
    for topic, kind, wanted in (("Decoders", "decoder", DECODERS), ("Encoders", "encoder", ENCODERS)):
        find = library_function(f"avcodec_find_{kind}_by_name")
        find.restype = ctypes.c_void_p
        for codec, names in wanted.items():
            found = [name for name in names if find(name.encode())]
            if found:
                yield Finding(topic, codec, "ok", found[0])
            else:
                detail = f"this FFmpeg was built without {' or '.join(names)}"
                yield Finding(topic, codec, "note", detail, f"for {codec}: use an FFmpeg built with it")


def examine_images() -> Iterator[Finding]:
    """Yield findings about the libraries of this build that decode images."""
    from cycodec.core.image import decode

    found = decode.available()
    for name, library in IMAGE_LIBRARIES.items():
        remedy = f"for {name} images: install {library}'s development files, and build cycodec again"
        if name in found:
            yield Finding("Images", name, "ok", library)
        else:
            yield Finding("Images", name, "note", f"cycodec was built without {library}", remedy)
    if decode.webp_is_available():
        yield Finding("Images", "WebP", "ok", "libwebp")
    else:
        remedy = "for faster WebP images: install libwebp's development files, and build cycodec again"
        yield Finding("Images", "WebP", "note", "FFmpeg, because cycodec was built without libwebp", remedy)


def examine_ffmpeg_command() -> Iterator[Finding]:
    """Yield findings about the ffmpeg command."""
    path = shutil.which("ffmpeg")
    if path is None:
        remedy = "install it (apt-get install ffmpeg, brew install ffmpeg)"
        yield Finding(
            "FFmpeg", "command", "note", "no ffmpeg on PATH; the tests and tools/demo use it", remedy
        )
        return
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(
            "FFmpeg", "command", "note", f"{path} does not run: {first_line(error)}", "install it again"
        )
        return
    version = (done.stdout.split() + ["?"] * 3)[2]
    yield Finding("FFmpeg", "command", "ok", f"{version} in {path}")


def examine_torch() -> Iterator[Finding]:
    """torch, and whether it has CUDA."""
    remedy = "pip install torch"
    try:
        torch = importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name == "torch":
            yield Finding(
                "torch", "version", "problem", "torch is not installed; frames are torch tensors", remedy
            )
            return
        yield Finding("torch", "version", "problem", f"cannot be imported: {first_line(error)}", remedy)
    except (ImportError, OSError) as error:
        yield Finding("torch", "version", "problem", f"cannot be imported: {first_line(error)}", remedy)
    else:
        yield Finding("torch", "version", "ok", str(torch.__version__))
        if torch.cuda.is_available():
            yield Finding("CUDA", "torch", "ok", f"built for CUDA {torch.version.cuda}, sees a device")
        else:
            detail = "built without CUDA" if torch.version.cuda is None else "sees no CUDA device"
            yield Finding(
                "CUDA", "torch", "note", detail, "for GPU tensors: a torch built for CUDA, and an NVIDIA GPU"
            )


def decode_something() -> Finding:
    """Decode a clip of a black and a white frame, as a test of everything together."""
    size = 16
    header = f"YUV4MPEG2 W{size} H{size} F25:1 Ip A1:1 C420jpeg\n".encode()
    clip = header + b"".join(b"FRAME\n" + bytes([y]) * size**2 + b"\x80" * (size**2 // 2) for y in (16, 235))
    try:
        from cycodec.decoders import VideoDecoder

        with VideoDecoder(clip) as decoder:
            levels = [int(frame.float().mean()) for frame in decoder]
    except Exception as error:
        return Finding(
            "cycodec", "decoding", "problem", f"{type(error).__name__}: {first_line(error)}", "report it"
        )
    if len(levels) != 2 or not levels[0] < 32 < 220 < levels[1]:
        detail = f"a black and a white frame come out with levels {levels}"
        return Finding("cycodec", "decoding", "problem", detail, "report it")
    return Finding("cycodec", "decoding", "ok", "a black and a white frame come out as such")


def examine_cuda() -> Iterator[Finding]:
    """Yield findings about the driver, NVDEC and cuda-python, and each GPU."""
    driver = "for CUDA decoding: install NVIDIA's driver (containers: with the capability 'video')"
    loaded = 0
    for name, library in (("driver", "libcuda.so.1"), ("NVDEC", "libnvcuvid.so.1")):
        try:
            ctypes.CDLL(library)
            loaded += 1
        except OSError:
            yield Finding("CUDA", name, "note", f"{library} cannot be loaded", driver)
        else:
            yield Finding("CUDA", name, "ok", library)
    bindings = version_of("cuda-bindings") or version_of("cuda-python")
    if bindings is None:
        remedy = "for CUDA decoding: pip install 'cycodec[cuda]'"
        yield Finding("CUDA", "cuda-python", "note", "not installed", remedy)
    else:
        yield Finding("CUDA", "cuda-python", "ok", bindings)
        if loaded == 2:
            yield from examine_gpus()


def examine_gpus() -> Iterator[Finding]:
    """Yield findings about the codecs that each GPU decodes, or what prevents it."""
    from cycodec.cuda import support

    for step in support.examine():
        yield Finding("CUDA", step.name, "ok" if step.works else "note", step.detail)


def examine_extras() -> Iterator[Finding]:
    """Yield findings about the packages of the command line."""
    for name in EXTRAS:
        version = version_of(name)
        if version is None:
            remedy = "for the command line: pip install 'cycodec[cli]'"
            yield Finding("Command line", name, "note", "not installed", remedy)
        else:
            yield Finding("Command line", name, "ok", version)
