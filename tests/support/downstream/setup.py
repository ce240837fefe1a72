"""The setup.py of a project that cimports cycodec. FFmpeg's pkg-config gives all include paths."""

import shlex
import subprocess

from Cython.Build import cythonize
from setuptools import Extension, setup

flags = subprocess.run(
    ["pkg-config", "--cflags", "libavcodec"], capture_output=True, text=True, check=True
).stdout
setup(
    name="downstream",
    ext_modules=cythonize(
        [Extension("luma", ["luma.pyx"], extra_compile_args=["-O1", "-g0", *shlex.split(flags)])],
        language_level=3,
    ),
)
