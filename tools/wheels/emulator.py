"""Lets this machine run programs of another processor, by QEMU's user mode. Needs root."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

# Where the kernel keeps which program runs which kind of file.
KERNEL = Path("/proc/sys/fs/binfmt_misc")
# What Debian's qemu-user-static says of each processor, as the kernel wants to be told.
RULES = Path("/usr/lib/binfmt.d")
# The name of each processor in Debian.
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def enable(machine: str) -> None:
    """Let the kernel start programs of a processor, also inside a chroot.

    The kernel forgets the rule when the machine stops. Nothing is done for the machine's own
    processor, or if there is a rule already.

    Parameters
    ----------
    machine : str
        The processor, as uname names it, such as "aarch64".
    """
    if machine == platform.machine():
        return
    if not (KERNEL / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", KERNEL], check=True)
    if (KERNEL / f"qemu-{machine}").exists():
        return
    rules = RULES / f"qemu-{machine}.conf"
    if not rules.exists():
        raise SystemExit(f"no emulator of {machine} is here: apt-get install qemu-user-static")
    rule = rules.read_text().strip()
    # F opens the emulator now, so that it is found when the root folder is another one
    if "F" not in rule.rpartition(":")[2]:
        rule += "F"
    (KERNEL / "register").write_text(rule)
