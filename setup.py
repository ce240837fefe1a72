"""Build cycodec's compiled modules. FFmpeg is found by pkg-config, inside build_ext only.

Neither sdist nor metadata need FFmpeg, nothing is loaded at build time, and torch is not needed at
all. native_requirements.py says where FFmpeg is looked for.
"""

import os
import re
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# PEP 517 does not put the folder of setup.py on the path
sys.path.insert(0, str(Path(__file__).resolve().parent))
import native_requirements

# Compiled modules with C sources of their own. Every other .pyx file under cycodec/core needs none.
C_SOURCES = {
    "video.cpu": [
        "csrc/convert/alpha.c",
        "csrc/convert/chosen_kernels.c",
        "csrc/convert/convert.c",
        "csrc/convert/frame_rows.c",
        "csrc/convert/kernel_choice.c",
        "csrc/convert/luma_table.c",
        "csrc/convert/pixel_table.c",
        "csrc/convert/planes.c",
        "csrc/convert/region.c",
        "csrc/convert/scaler.c",
        "csrc/convert/stages.c",
        "csrc/convert/to_pixels.c",
        "csrc/convert/turn.c",
        "csrc/convert/wide.c",
        "csrc/convert/yuv.c",
        "csrc/kernels/axis.c",
        "csrc/kernels/cpu_functions.c",
        "csrc/kernels/float_rows.c",
        "csrc/kernels/float_yuv.c",
        "csrc/kernels/half_row.c",
        "csrc/kernels/kernel_level.c",
        "csrc/kernels/pack_rows.c",
        "csrc/kernels/rgb2yuv.c",
        "csrc/kernels/sws_filter.c",
        "csrc/kernels/unpack_rows.c",
        "csrc/kernels/wide_rows.c",
        "csrc/kernels/yuv2rgb.c",
        "csrc/kernels/yuv2rgb_deep.c",
        "csrc/kernels/yuv2rgb_matrix.c",
        "csrc/picture/black.c",
        "csrc/picture/colour.c",
        "csrc/picture/orientation.c",
        "csrc/resample/picture.c",
        "csrc/resample/resample.c",
        "csrc/resample/resample_rows.c",
    ],
    "bitstream.start_codes": [
        "csrc/bitstream/start_codes.c",
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
        "csrc/image/webp_decode.c",
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

# The modules that are linked to the libraries of image formats.
IMAGE_MODULES = ("cycodec.core.image.decode", "cycodec.core.image.encode")


class BuildModules(build_ext):
    """build_ext that looks for FFmpeg only when something is really compiled."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        from Cython.Build import cythonize

        if self.compiler.compiler_type == "unix":
            native_requirements.check_compiler(self.compiler.compiler_so)
        ffmpeg = native_requirements.find_ffmpeg()
        print("cycodec: building against FFmpeg")
        for library, version in ffmpeg.versions.items():
            print(f"  {library:14} {version}")
        print(f"  {'libdir':14} {ffmpeg.library_folder}\n  {'python':14} {sys.version.split()[0]}")
        images = native_requirements.find_image_libraries()
        for library, version in images.versions.items():
            print(f"  {library:14} {version or 'not found'}")
        for extension in self.extensions:
            extension.extra_compile_args += [*ffmpeg.compile_flags, *optimisation()]
            extension.extra_link_args += ffmpeg.link_flags
            if extension.name in IMAGE_MODULES:
                extension.extra_compile_args += images.compile_flags
                extension.extra_link_args += images.link_flags
            if os.environ.get("CYCODEC_FFMPEG_DIR"):
                extension.extra_link_args.append(f"-Wl,-rpath,{ffmpeg.library_folder}")
        self.extensions[:] = cythonize(
            self.extensions,
            build_dir="build/cython",
            show_all_warnings=False,
            compiler_directives={
                "language_level": 3,
                "binding": True,
                "embedsignature": True,
                # tests/api/test_threads.py runs on a free-threaded Python (docs/release.md)
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


def readme():
    """README.md for package indexes, which have none of the files that its links point to."""
    project = Path("pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"', project, re.MULTILINE)[1]
    repository = re.search(r'^Repository = "(.+)"', project, re.MULTILINE)[1]
    text = Path("README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^\]]*\]\()(?!\w+:|#)", rf"\g<1>{repository}/raw/v{version}/", text)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!\w+:|#)", rf"\g<1>{repository}/blob/v{version}/", text)


setup(
    ext_modules=list(modules()),
    cmdclass={"build_ext": BuildModules},
    long_description=readme(),
    long_description_content_type="text/markdown",
)
