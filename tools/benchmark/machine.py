"""Describes the machine, so that a reader can judge the figures."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.paths import ROOT

QUIET_LOAD = 0.5  # mean of the last minute, below which nothing else slows a measurement
SIMD = ("sse4_2", "avx2", "avx512f", "avx512bw", "avx512vbmi", "asimd", "sve")


def facts() -> dict[str, Any]:
    """Returns CPU, memory, kernel, FFmpeg command and git commit of this checkout."""
    cpu = _fields("/proc/cpuinfo")
    flags = (cpu.get("flags") or cpu.get("Features") or "").split()
    memory = _fields("/proc/meminfo").get("MemTotal", "0 kB")
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cpu_ids": {key: cpu[key] for key in ("vendor_id", "cpu family", "model", "stepping") if key in cpu},
        "cores": os.cpu_count(),
        "simd": [flag for flag in SIMD if flag in flags],
        "virtual": "hypervisor" in flags,
        "memory_gib": round(int(memory.split()[0]) / 2**20, 1),
        "huge_pages": _text("/sys/kernel/mm/transparent_hugepage/enabled"),
        "system": _system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ffmpeg": _command("ffmpeg", "-version").partition(" Copyright")[0],
        "commit": commit_of(ROOT) or "none",
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def wait_until_quiet(minutes: float = 10) -> None:
    """Wait until the load is below ``QUIET_LOAD``, or exit after a time with the reason."""
    end = time.monotonic() + 60 * minutes
    while (load := os.getloadavg()[0]) >= QUIET_LOAD:
        if time.monotonic() > end:
            sys.exit(
                f"the machine is busy (load {load:.2f}), and times would mislead; "
                f"stop what runs until the load is below {QUIET_LOAD}"
            )
        print(f"waiting: the load is {load:.2f}", file=sys.stderr)
        time.sleep(10)


def commit_of(checkout: Path) -> str:
    """Returns the git commit of a checkout, with ``-dirty`` if files differ from it; empty if there
    is none.
    """
    return _command("git", "-C", str(checkout), "describe", "--always", "--dirty")


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()


def _fields(path: str) -> dict[str, str]:
    """Returns the first block of a `name : value` file of the kernel; empty if there is none."""
    fields: dict[str, str] = {}
    for line in _text(path).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields


def _text(path: str) -> str:
    return Path(path).read_text().strip() if Path(path).is_file() else ""


def _command(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
