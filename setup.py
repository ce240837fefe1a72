"""Build cycodec's compiled modules. FFmpeg is found by pkg-config, inside build_ext only.

Neither sdist nor metadata need FFmpeg, nothing is loaded at build time, and torch is not needed at
all. ``CYCODEC_FFMPEG_DIR`` names a prefix whose ``lib/pkgconfig`` is searched first.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# FFmpeg 4.3 is the floor: the versions its libraries carry there.
FFMPEG_LIBRARIES = {
    "libavformat": "58.45",
    "libavcodec": "58.91",
    "libavutil": "56.51",
    "libswscale": "5.7",
    "libswresample": "3.7",
}

# Compiled modules with C sources of their own. Every other .pyx file under cycodec/core needs none.
C_SOURCES = {
    "video.cpu": [
        "csrc/convert/convert.c",
        "csrc/convert/kernel_choice.c",
        "csrc/convert/planes.c",
        "csrc/convert/region.c",
        "csrc/convert/scaler.c",
        "csrc/convert/stages.c",
        "csrc/convert/to_rgb.c",
        "csrc/convert/turn.c",
        "csrc/kernels/axis.c",
        "csrc/kernels/cpu_functions.c",
        "csrc/kernels/float_rows.c",
        "csrc/kernels/half_row.c",
        "csrc/kernels/kernel_level.c",
        "csrc/kernels/sws_filter.c",
        "csrc/kernels/yuv2rgb.c",
        "csrc/kernels/yuv2rgb_deep.c",
        "csrc/kernels/yuv2rgb_matrix.c",
        "csrc/picture/colour.c",
        "csrc/picture/orientation.c",
        "csrc/resample/picture.c",
        "csrc/resample/resample.c",
        "csrc/resample/resample_rows.c",
    ],
    "video.picture_spec": [
        "csrc/picture/target.c",
    ],
    "gpu.device": [
        "csrc/nvidia/nvaxis.c",
        "csrc/nvidia/nvconvert.c",
        "csrc/nvidia/nvdevice.c",
        "csrc/nvidia/nvshim.c",
        "csrc/nvidia/nvstages.c",
    ],
    "gpu.hwaccel": [
        "csrc/nvidia/nvhwaccel.c",
    ],
    "gpu.nvdec": [
        "csrc/nvidia/nvcache.c",
        "csrc/nvidia/nvdec.c",
        "csrc/nvidia/nvlayout.c",
    ],
    "encode.log_capture": [
        "csrc/encode/log_capture.c",
    ],
    "encode.video": [
        "csrc/encode/fill_frame.c",
    ],
    "audio.wav": [
        "csrc/sound/pcm.c",
    ],
    "image.decode": [
        "csrc/image/canvas.c",
        "csrc/image/gif_decode.c",
        "csrc/image/inflate.c",
        "csrc/image/jpeg_decode.c",
        "csrc/image/pixels.c",
        "csrc/image/png_decode.c",
        "csrc/image/png_rows.c",
    ],
    "image.encode": [
        "csrc/image/deflate.c",
        "csrc/image/jpeg_encode.c",
        "csrc/image/png_encode.c",
    ],
    "image.coded": [
        "csrc/image/chroma.c",
        "csrc/image/webp_rgb.c",
    ],
}

# Libraries of image formats, by the macro that tells C code of them. Each may be missing: the
# formats that need it then raise an error that names it. libdeflate only makes PNG faster.
IMAGE_LIBRARIES = {
    "CYCODEC_WITH_JPEG": "libjpeg",
    "CYCODEC_WITH_ZLIB": "zlib",
    "CYCODEC_WITH_LIBDEFLATE": "libdeflate",
}
IMAGE_MODULES = ("cycodec.core.image.decode", "cycodec.core.image.encode")


def pkg_config(*arguments):
    """Run pkg-config; the output, or None with what it complained about."""
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *arguments]
    environment = dict(os.environ)
    if prefix := environment.get("CYCODEC_FFMPEG_DIR"):
        paths = sorted(str(p) for p in Path(prefix).glob("**/pkgconfig"))
        paths = paths or [str(Path(prefix, "lib", "pkgconfig"))]
        environment["PKG_CONFIG_PATH"] = os.pathsep.join([*paths, environment.get("PKG_CONFIG_PATH", "")])
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        return None, f"{command[0]}: command not found"
    return (done.stdout.strip(), "") if done.returncode == 0 else (None, done.stderr.strip())


def find_ffmpeg():
    """Versions, compile flags and link flags of FFmpeg, or a SystemExit that says what to do."""
    found, problems = {}, []
    for library, minimum in FFMPEG_LIBRARIES.items():
        version, _ = pkg_config("--modversion", library)
        found[library] = version
        _, complaint = pkg_config("--print-errors", "--exists", f"{library} >= {minimum}")
        if complaint:
            problems.append(complaint)
    if problems or None in found.values():
        sought = ", ".join(f"{library} >= {minimum}" for library, minimum in FFMPEG_LIBRARIES.items())
        seen = (
            ", ".join(f"{library} {version}" for library, version in found.items() if version)
            or "none of them"
        )
        complaints = "\n    ".join(dict.fromkeys("\n".join(problems).splitlines()))
        raise SystemExit(
            "\ncycodec cannot be built: FFmpeg's development files (4.3 or newer) were not found.\n"
            f"  sought by pkg-config: {sought}\n"
            f"  found: {seen}\n"
            f"  pkg-config says:\n    {complaints}\n"
            "  Do one of these and build again:\n"
            "    conda:          conda install -c conda-forge ffmpeg pkg-config\n"
            "    Debian, Ubuntu: apt-get install pkg-config libavformat-dev libavcodec-dev libavutil-dev"
            " libswscale-dev libswresample-dev   (Homebrew: brew install ffmpeg pkg-config)\n"
            "    your own build: set CYCODEC_FFMPEG_DIR=/prefix (the folder that holds lib/pkgconfig)\n"
        )
    cflags, _ = pkg_config("--cflags", *FFMPEG_LIBRARIES)
    libs, _ = pkg_config("--libs", *FFMPEG_LIBRARIES)
    libdir, _ = pkg_config("--variable=libdir", "libavformat")
    return found, shlex.split(cflags), shlex.split(libs), libdir


def find_image_libraries():
    """Macros, compile flags and link flags of the image libraries that pkg-config finds."""
    macros, cflags, libs = [], [], []
    for macro, library in IMAGE_LIBRARIES.items():
        version, _ = pkg_config("--modversion", library)
        print(f"  {library:14} {version or 'not found'}")
        if version:
            macros.append((macro, "1"))
            cflags += shlex.split(pkg_config("--cflags", library)[0])
            libs += shlex.split(pkg_config("--libs", library)[0])
    return macros, cflags, libs


class BuildModules(build_ext):
    """build_ext that looks for FFmpeg only when something is really compiled."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        from Cython.Build import cythonize

        versions, cflags, libs, libdir = find_ffmpeg()
        print("cycodec: building against FFmpeg")
        for library, version in versions.items():
            print(f"  {library:14} {version}")
        print(f"  {'libdir':14} {libdir}\n  {'python':14} {sys.version.split()[0]}")
        macros, image_cflags, image_libs = find_image_libraries()
        for extension in self.extensions:
            extension.extra_compile_args += [*cflags, *optimisation()]
            extension.extra_link_args += libs
            if extension.name in IMAGE_MODULES:
                extension.define_macros += macros
                extension.extra_compile_args += image_cflags
                extension.extra_link_args += image_libs
            if os.environ.get("CYCODEC_FFMPEG_DIR"):
                extension.extra_link_args.append(f"-Wl,-rpath,{libdir}")
        self.extensions[:] = cythonize(
            self.extensions,
            build_dir="build/cython",
            show_all_warnings=False,
            compiler_directives={
                "language_level": 3,
                "binding": True,
                "embedsignature": True,
                "freethreading_compatible": True,
            },
        )
        for extension in self.extensions:
            # build_ext set this before cythonize made new objects of the extensions
            extension._needs_stub = False
        super().build_extensions()


def optimisation():
    """Flags of our own, unless the user set CFLAGS."""
    flags = ["-fvisibility=hidden", "-Wno-unused-function"]
    return flags if "CFLAGS" in os.environ else ["-O2", "-g0", *flags]


def modules():
    """An Extension for each .pyx file under cycodec/core."""
    headers = [str(p) for p in [*Path("csrc").glob("**/*.h"), *Path("cycodec/cuda").glob("**/*.h")]]
    for path in sorted(Path("cycodec/core").rglob("*.pyx")):
        name = ".".join(path.relative_to("cycodec/core").with_suffix("").parts)
        yield Extension(
            f"cycodec.core.{name}",
            [path.as_posix(), *C_SOURCES.get(name, [])],
            include_dirs=["csrc", "cycodec/cuda/kernels"],
            depends=headers,
        )


setup(ext_modules=list(modules()), cmdclass={"build_ext": BuildModules})
