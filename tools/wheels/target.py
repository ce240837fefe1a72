"""Tells setuptools and the compiler which processor cycodec is built for.

A Python describes only the processor that it runs on. A build for another processor needs other
names and other headers. Zig's compilers need the headers, too, because they do not look into this
system's folders.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from wheels import emulator
from wheels.debian import Apt

# Run by the Python to build for.
_FACTS = """
import json, sysconfig
names = ("EXT_SUFFIX", "VERSION")
print(json.dumps({name: sysconfig.get_config_var(name) for name in names} | {"include": sysconfig.get_path("include")}))
"""
# pyconfig.h was written for one processor: what it says of sizes must hold for the other, too.
_SIZES = {
    "SHORT": "short",
    "INT": "int",
    "LONG": "long",
    "LONG_LONG": "long long",
    "VOID_P": "void *",
    "SIZE_T": "size_t",
    "WCHAR_T": "wchar_t",
    "FLOAT": "float",
    "DOUBLE": "double",
    "TIME_T": "time_t",
    "PTHREAD_T": "pthread_t",
    "PTHREAD_KEY_T": "pthread_key_t",
    "PID_T": "pid_t",
    "FPOS_T": "fpos_t",
    "UINTPTR_T": "uintptr_t",
    "_BOOL": "_Bool",
}


def facts(python: str) -> dict[str, str]:
    """Return the suffix of extension modules, the version and the folder of headers of a Python."""
    done = subprocess.run([python, "-c", _FACTS], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def names(suffix: str, machine: str) -> dict[str, str]:
    """Return the variables by which setuptools names a wheel and its modules for a processor.

    Parameters
    ----------
    suffix : str
        The suffix of modules for this machine, such as ".cpython-311-x86_64-linux-gnu.so".
    machine : str
        The processor.
    """
    if machine == platform.machine():
        return {}
    replaced = suffix.replace(f"-{platform.machine()}-", f"-{machine}-")
    if replaced == suffix:
        raise SystemExit(f"the suffix {suffix} of this Python's modules names no processor")
    return {"_PYTHON_HOST_PLATFORM": f"linux-{machine}", "SETUPTOOLS_EXT_SUFFIX": replaced}


def header_flags(known: dict[str, str], machine: str, work: Path) -> str:
    """Return the compiler's options for the headers of a Python that has them by processor.

    Debian's pyconfig.h includes a file in a folder that is named for the processor. Zig does not
    look into this system's folders, and must not, because their glibc is newer.

    Parameters
    ----------
    known : dict of str
        The facts of the Python.
    machine : str
        The processor.
    work : Path
        Where the headers are copied to.
    """
    triplet = f"{machine}-linux-gnu"
    if f"<{triplet}/" not in Path(known["include"], "pyconfig.h").read_text():
        return ""
    name = f"python{known['VERSION']}"
    found = Path("/usr/include", triplet, name)
    if not found.exists():
        release = platform.freedesktop_os_release()["VERSION_CODENAME"]
        apt = Apt(work / f"apt-{machine}", emulator.DEBIAN[machine])
        apt.update()
        folder = work / "headers/packages" / f"{release}-{machine}"
        shutil.rmtree(folder, ignore_errors=True)
        apt.unpack(f"lib{name}-dev", release, folder)
        found = folder / f"usr/include/{triplet}/{name}"
    ours = work / "headers" / platform.freedesktop_os_release()["VERSION_CODENAME"]
    shutil.copytree(found, ours / triplet / name, dirs_exist_ok=True)
    return f" -I{ours}"


def check_sizes(compiler: str, known: dict[str, str], flags: str) -> None:
    """End the program unless the sizes in a Python's headers are those of the compiler's target."""
    lines = ["#include <Python.h>", "#include <pthread.h>", "#include <sys/types.h>"]
    lines += [f'_Static_assert(SIZEOF_{name} == sizeof({kind}), "{kind}");' for name, kind in _SIZES.items()]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "sizes.c")
        source.write_text("\n".join(lines) + "\n")
        command = [compiler, "-c", "-o", f"{folder}/sizes.o", f"-I{known['include']}", *flags.split(), source]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(
            f"the headers in {known['include']} are not for the processor to build for:\n{done.stderr[-2000:]}"
        )
