"""Builds FFmpeg and the libraries of the wheel into a prefix, once for each recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from wheels import recipe, toolchain
from wheels.debian import Apt, Archive


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _cross(machine: str, tools: Path) -> dict[str, str]:
    """Return what builds for another processor need to be told, as shell variables."""
    if machine == "x86_64":
        return {
            "MESON_CROSS": "",
            "CMAKE_CROSS": "",
            "FFMPEG_CROSS": "",
            "VPX_TARGET": "x86_64-linux-gcc",
            "VPX_OPTIONS": "--as=nasm",
            "TUNING": "-mtune=haswell",
        }
    cross = tools / "meson-cross.ini"
    cross.write_text(
        f"[binaries]\nc = '{tools}/cc'\ncpp = '{tools}/c++'\nar = '{tools}/ar'\nstrip = 'true'\n"
        "[host_machine]\nsystem = 'linux'\ncpu_family = 'aarch64'\ncpu = 'aarch64'\nendian = 'little'\n"
    )
    return {
        "MESON_CROSS": f"--cross-file={cross}",
        "CMAKE_CROSS": "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64",
        "FFMPEG_CROSS": "--enable-cross-compile --arch=aarch64 --target-os=linux",
        "VPX_TARGET": "arm64-linux-gcc",
        "VPX_OPTIONS": "",
        "TUNING": "",
    }


class Prefix:
    """A folder with FFmpeg and the libraries in it, for one processor.

    Parameters
    ----------
    work : Path
        Where sources, logs and prefixes are kept.
    machine : {"x86_64", "aarch64"}
        The processor to build for.
    """

    def __init__(self, work: Path, machine: str = "x86_64") -> None:
        self.work = work
        self.machine = machine
        self.sources = work / "sources"
        self.tools = work / f"toolchain-{machine}"
        # the name never changes, because libraries write it into their pkg-config files
        self.folder = work / f"prefix-{machine}"

    def build(self, apt: Apt, say) -> tuple[Path, list[Archive]]:
        """Return the prefix and the archives that it was made of; build what is missing.

        Each library has a stamp of its own recipe, version and compilers, so that a change of one
        builds no other again, but FFmpeg, which is made of all of them.
        """
        libraries = recipe.ALL
        archives = [apt.upstream(item.package, self.sources, item.version) for item in libraries]
        environment = toolchain.make(self.tools, self.machine) | _cross(self.machine, self.tools)
        enables = " ".join(option for item in recipe.LIBRARIES for option in item.enables)
        environment["ENABLES"] = enables
        environment["PROTOCOLS"] = recipe.PROTOCOLS
        environment["JOBS"] = str(os.cpu_count() or 1)
        shared = _digest(toolchain.identity(self.machine))
        stamps = [
            _digest(shared, item.build, archive.sha256)
            for item, archive in zip(libraries, archives, strict=True)
        ]
        ffmpeg = len(recipe.LIBRARIES)
        stamps[ffmpeg] = _digest(*stamps[: ffmpeg + 1], enables, recipe.PROTOCOLS)
        whole = _digest(*stamps)
        prefix = self.folder
        built = prefix / "built.json"
        if built.exists() and json.loads(built.read_text())["stamp"] == whole:
            return prefix, archives
        shutil.rmtree(prefix, ignore_errors=True)
        environment["PREFIX"] = str(prefix)
        environment["PKG_CONFIG_LIBDIR"] = str(prefix / "lib/pkgconfig")
        minutes = {}
        for item, archive, stamp in zip(libraries, archives, stamps, strict=True):
            started = time.monotonic()
            say(f"building {item.package} {archive.version}")
            self._build_one(item, archive, stamp, environment)
            minutes[item.package] = round((time.monotonic() - started) / 60, 1)
        built.write_text(json.dumps({"stamp": whole, "minutes": minutes}, indent=2) + "\n")
        return prefix, archives

    def _build_one(
        self, item: recipe.Library, archive: Archive, stamp: str, environment: dict[str, str]
    ) -> None:
        """Build one library in a copy of its source, or take the files of an earlier build."""
        kept = self.work / "kept" / f"{item.package}-{self.machine}-{stamp}"
        prefix = Path(environment["PREFIX"])
        log = self.work / "logs" / f"{item.package}-{self.machine}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            folder = self.work / "objects" / f"{item.package}-{self.machine}"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(archive.folder, folder, symlinks=True)
            before = _files(prefix)
            with log.open("w") as out:
                done = subprocess.run(
                    ["bash", "-ec", item.build],
                    cwd=folder,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            if done.returncode != 0:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise SystemExit(f"{item.package} {archive.version} could not be built; {log} ends:\n{tail}")
            _keep(prefix, _files(prefix) - before, kept)
            shutil.rmtree(folder)
        else:
            shutil.copytree(kept, prefix, dirs_exist_ok=True, symlinks=True)


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


def _keep(prefix: Path, names: set[Path], kept: Path) -> None:
    """Copy what a library installed, so that a change of another does not build it again."""
    partial = kept.with_name(f".{kept.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    for name in names:
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(prefix / name, target, follow_symlinks=False)
    partial.rename(kept)
