"""Vector kernels equal plain loops, on this processor and on Arm; plain loops equal swscale's C
code.
"""

import platform
import re
import shutil
import subprocess

import programs
import pytest
from programs import ROOT

HERE, KERNELS = ROOT / "tests" / "native", ROOT / "csrc" / "kernels"
LEVEL = KERNELS / "kernel_level.c"
MATRIX = KERNELS / "yuv2rgb_matrix.c"
ROWS = [HERE / "kernel_rows.c", KERNELS / "yuv2rgb.c", MATRIX, LEVEL]
PLANES = [HERE / "turned_planes.c", ROOT / "csrc" / "convert" / "turn.c"]
DEEP = [
    HERE / "deep_rows.c",
    KERNELS / "yuv2rgb_deep.c",
    MATRIX,
    LEVEL,
]
FLOATS = [HERE / "float_rows.c", KERNELS / "float_rows.c", MATRIX, LEVEL]
PACKED = [
    HERE / "pack_rows.c",
    KERNELS / "pack_rows.c",
    KERNELS / "float_yuv.c",
    KERNELS / "unpack_rows.c",
    KERNELS / "rgb2yuv.c",
    LEVEL,
]
ARM = platform.machine() in ("aarch64", "arm64")
COMPILER, EMULATOR = ("cc", []) if ARM else ("aarch64-linux-gnu-gcc", ["qemu-aarch64"])


@pytest.mark.skipif(
    not all(map(shutil.which, [COMPILER, *EMULATOR])),
    reason="no compiler and emulator for Arm: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
)
@pytest.mark.parametrize(
    "sources", [ROWS, PLANES, DEEP, FLOATS, PACKED], ids=["rows", "planes", "deep", "floats", "packed"]
)
def test_neon_equals_plain_loops(tmp_path, sources):
    # a static program needs no Arm libraries in the emulator
    static = [] if ARM else ["-static"]
    programs.run(tmp_path / "both", sources, *static, compiler=COMPILER, emulator=EMULATOR)


@pytest.mark.parametrize("sources", [PLANES, DEEP, PACKED], ids=["planes", "deep", "packed"])
def test_vectors_of_this_processor_equal_the_definition(tmp_path, sources):
    options = programs.sanitizers(tmp_path)
    programs.run(tmp_path / "both", sources, *options, "-fno-sanitize=shift")


def test_table_arithmetic_equals_swscale_without_vector_code(tmp_path):
    libraries = ["pkg-config", "--cflags", "--libs", "libswscale", "libavutil"]
    flags = subprocess.run(libraries, capture_output=True, text=True, check=True).stdout.split()
    programs.run(tmp_path / "rows", ROWS, "-DSWSCALE", *flags)


def test_no_literal_is_an_argument_of_an_intrinsic():
    """clang's loads and stores are macros, which take the commas of a literal for their own."""
    sources = [path for path in (ROOT / "csrc").rglob("*.[ch]") if "third_party" not in path.parts]
    assert any("vst3q_f32(" in path.read_text() for path in sources)
    found = [path.name for path in sources if re.search(r"\bv(ld|st)\d\w*\([^;]*\)\{", path.read_text())]
    assert found == []
