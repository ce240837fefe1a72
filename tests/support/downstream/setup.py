"""The setup.py of a project that cimports cycodec. FFmpeg's pkg-config gives the include paths, and
the libraries for extensions that call FFmpeg themselves.
"""

import shlex
import subprocess

from Cython.Build import cythonize
from setuptools import Extension, setup


def pkg_config(option):
    command = ["pkg-config", option, "libavcodec", "libavutil"]
    return shlex.split(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


setup(
    name="downstream",
    ext_modules=cythonize(
        [
            Extension(
                name,
                [f"{name}.pyx"],
                extra_compile_args=["-O1", "-g0", *pkg_config("--cflags")],
                extra_link_args=pkg_config("--libs"),
            )
            for name in ("luma", "frames", "writer")
        ],
        language_level=3,
    ),
)
