"""Build cycodec's compiled rooms. FFmpeg is found by pkg-config, inside build_ext only.

Neither sdist nor metadata need FFmpeg, nothing is loaded at build time, and torch is not needed at all.
``CYCODEC_FFMPEG_DIR`` names a prefix whose ``lib/pkgconfig`` is searched first.
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

# room -> further C sources
ROOMS = {
    "error": [],
    "pool": [],
    "readahead": [],
    "source": [],
    "demux": [],
    "packets": [],
    "nal": [],
    "sps": [],
    "pictures": [],
    "index": [],
    "predict": [],
    "sampletable": [],
    "fragments": [],
    "matroska": [],
    "backend": [
        "csrc/axis.c",
        "csrc/colour.c",
        "csrc/convert.c",
        "csrc/convert_float.c",
        "csrc/convert_kernel.c",
        "csrc/convert_stages.c",
        "csrc/float_rows.c",
        "csrc/half_row.c",
        "csrc/kernel_level.c",
        "csrc/resample.c",
        "csrc/resample_rows.c",
        "csrc/sws_filter.c",
        "csrc/turn.c",
        "csrc/yuv2rgb.c",
        "csrc/yuv2rgb_deep.c",
    ],
    "device": [
        "csrc/axis.c",
        "csrc/colour.c",
        "csrc/kernel_level.c",
        "csrc/nvaxis.c",
        "csrc/nvconvert.c",
        "csrc/nvdevice.c",
        "csrc/nvshim.c",
        "csrc/nvstages.c",
        "csrc/sws_filter.c",
        "csrc/yuv2rgb.c",
    ],
    "hwaccel": ["csrc/nvhwaccel.c"],
    "nvdec": ["csrc/nvcache.c", "csrc/nvdec.c", "csrc/nvlayout.c", "csrc/nvshim.c"],
    "stream": [],
    "confirm": [],
    "reader": [],
    "samples": [],
    "flac": [],
    "audioindex": [],
    "audiowalk": [],
    "audio": [],
    "wav": ["csrc/pcm.c"],
    "sink": [],
    "encode": [],
    "capi": [],
}


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


class BuildRooms(build_ext):
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
        for extension in self.extensions:
            extension.extra_compile_args += [*cflags, *optimisation()]
            extension.extra_link_args += libs
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


def room(name, sources):
    return Extension(
        f"cycodec.core.{name}",
        [f"cycodec/core/{name}.pyx", *sources],
        include_dirs=["csrc", "cycodec/cuda/kernels"],
        depends=[str(p) for p in [*Path("csrc").glob("**/*.h"), *Path("cycodec/cuda").glob("**/*.h")]],
    )


setup(
    ext_modules=[room(name, sources) for name, sources in ROOMS.items()], cmdclass={"build_ext": BuildRooms}
)
