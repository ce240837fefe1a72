"""The setup.py of a project that cimports cycodec. cycodec-config gives all flags."""

import shlex
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup


def flags(option):
    # the same as the command cycodec-config, for the Python that runs
    command = [sys.executable, "-m", "cycodec._cli.build_config", option]
    return shlex.split(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


setup(
    name="writer",
    ext_modules=cythonize(
        [
            Extension(
                name,
                [f"{name}.pyx"],
                extra_compile_args=["-O1", "-g0", *flags("--cflags")],
                extra_link_args=flags("--libs"),
            )
            for name in sorted(path.stem for path in Path().glob("*.pyx"))
        ],
        language_level=3,
    ),
)
