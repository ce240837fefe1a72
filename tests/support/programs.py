"""Compiles and runs the C programs of the tests."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDES = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'cycodec' / 'cuda' / 'kernels'}"]


def build(program, sources, *options, compiler="cc"):
    """Compiles and links; every warning is an error."""
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", *INCLUDES, *sources, "-o", program]
    subprocess.run([*command, *options], check=True)


def run(program, sources, *options, compiler="cc", emulator=(), says=" are equal\n"):
    """Builds a comparison and runs it; its output must end with `says`."""
    build(program, sources, *options, compiler=compiler)
    done = subprocess.run([*emulator, program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(says)


def sanitizers(folder):
    """Returns options that make a program fail if it accesses foreign memory; skips if the compiler
    has none.
    """
    options = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-static-libasan"]
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    trial = ["cc", *options, folder / "empty.c", "-o", folder / "empty"]
    if subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("the compiler has no sanitizers")
    return options
