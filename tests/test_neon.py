"""Vector kernels against plain loops, on this processor and on Arm; and plain loops against swscale's C code."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [ROOT / "tests" / "kernel_rows.c", ROOT / "csrc" / "yuv2rgb.c"]
PLANES = [ROOT / "tests" / "turned_planes.c", ROOT / "csrc" / "turn.c"]
DEEP = [ROOT / "tests" / "deep_rows.c", ROOT / "csrc" / "yuv2rgb_deep.c", ROOT / "csrc" / "yuv2rgb.c"]
FLOATS = [ROOT / "tests" / "float_rows.c", ROOT / "csrc" / "float_rows.c"]
INCLUDES = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'cycodec' / 'cuda' / 'kernels'}"]
ARM = platform.machine() in ("aarch64", "arm64")
COMPILER, EMULATOR = ("cc", []) if ARM else ("aarch64-linux-gnu-gcc", ["qemu-aarch64"])


def compare(program, sources, compiler, *options, emulator=()):
    """Compile a comparison, and run it."""
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", *INCLUDES, *sources, "-o", program]
    subprocess.run([*command, *options], check=True)
    done = subprocess.run([*emulator, program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" are equal\n")


@pytest.mark.skipif(
    not all(map(shutil.which, [COMPILER, *EMULATOR])),
    reason="no compiler and emulator for Arm: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
)
@pytest.mark.parametrize("sources", [ROWS, PLANES, DEEP, FLOATS], ids=["rows", "planes", "deep", "floats"])
def test_neon_equals_plain_loops(tmp_path, sources):
    # static: the emulator needs no libraries of Arm then
    compare(tmp_path / "both", sources, COMPILER, *([] if ARM else ["-static"]), emulator=EMULATOR)


@pytest.mark.parametrize("sources", [PLANES, DEEP], ids=["planes", "deep"])
def test_vectors_of_this_processor_equal_the_definition(tmp_path, sources):
    compare(tmp_path / "both", sources, "cc", "-fsanitize=address,undefined", "-fno-sanitize=shift")


def test_table_arithmetic_equals_swscale_without_vector_code(tmp_path):
    libraries = ["pkg-config", "--cflags", "--libs", "libswscale", "libavutil"]
    flags = subprocess.run(libraries, capture_output=True, text=True, check=True).stdout.split()
    compare(tmp_path / "rows", ROWS, "cc", "-DSWSCALE", *flags)
