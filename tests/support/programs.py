"""The C programs beside the tests: compiled, and run."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDES = [f"-I{ROOT / 'csrc'}", f"-I{ROOT / 'cycodec' / 'cuda' / 'kernels'}"]


def build(program, sources, *options, compiler="cc"):
    """Compile and link, with every warning an error."""
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", *INCLUDES, *sources, "-o", program]
    subprocess.run([*command, *options], check=True)


def run(program, sources, *options, compiler="cc", emulator=(), says=" are equal\n"):
    """Build a comparison, and run it; `says`: how its output has to end."""
    build(program, sources, *options, compiler=compiler)
    done = subprocess.run([*emulator, program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(says)


def sanitizers(folder):
    """Options by which a program fails that reads or writes what is not its own; skips where there are none."""
    options = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-static-libasan"]
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    trial = ["cc", *options, folder / "empty.c", "-o", folder / "empty"]
    if subprocess.run(trial, capture_output=True).returncode:
        pytest.skip("the compiler has no sanitizers")
    return options
