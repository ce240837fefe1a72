"""Compilers that build for an old glibc on a new machine: Zig's clang, from PyPI."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

GLIBC = "2.28"
# Zig adds checks for undefined behaviour to unoptimised code, which would end the process.
FLAGS = "-O2 -g0 -fPIC -fno-sanitize=undefined"

# Zig's linker names no option that it could ignore; it refuses these, which change nothing here.
_COMPILER = """#!/bin/bash
# {what} for {target}, written by tools/wheels/toolchain.py
arguments=()
for argument in "$@"; do
    case $argument in
    -Wl,--exclude-libs,* | -Wl,--warn-common | -Wl,-Bsymbolic-functions) ;;
    # Zig knows 512-bit vectors as a feature of their own
    -mavx512f) arguments+=("$argument" -mevex512) ;;
    -Wl,-rpath-link=* | -Wl,--dynamic-list,*) ;;
    *) arguments+=("$argument") ;;
    esac
done
exec {zig} {command} -target {target} "${{arguments[@]}}"
"""
_TOOL = """#!/bin/bash
exec {zig} {command} "$@"
"""


def zig() -> Path:
    """Return Zig's program; end the process if it is not installed."""
    package = find_spec("ziglang")
    if package is None or package.origin is None:
        raise SystemExit("the compiler is missing: pip install ziglang")
    return Path(package.origin).with_name("zig")


def identity(machine: str) -> str:
    """Return what results of the compilers depend on: their version, target and flags."""
    version = subprocess.run([zig(), "version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"zig {version} {machine} {GLIBC} {FLAGS}"


def make(folder: Path, machine: str = "x86_64") -> dict[str, str]:
    """Write the compilers' scripts into a folder; return the environment that names them.

    Parameters
    ----------
    folder : Path
        Where the scripts are written.
    machine : {"x86_64", "aarch64"}
        The processor to build for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = f"{machine}-linux-gnu.{GLIBC}"
    scripts = {
        "cc": _COMPILER.format(what="C", target=target, zig=zig(), command="cc"),
        "c++": _COMPILER.format(what="C++", target=target, zig=zig(), command="c++"),
        "ar": _TOOL.format(zig=zig(), command="ar"),
        "ranlib": _TOOL.format(zig=zig(), command="ranlib"),
    }
    for name, text in scripts.items():
        path = folder / name
        if path.exists() and path.read_text() == text:
            continue  # ccache takes a new file for a new compiler
        partial = path.with_suffix(".part")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.rename(path)
    return {
        "CC": str(folder / "cc"),
        "CXX": str(folder / "c++"),
        "AR": str(folder / "ar"),
        "RANLIB": str(folder / "ranlib"),
        "CFLAGS": FLAGS,
        "CXXFLAGS": FLAGS,
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MACHINE": machine,
    }
