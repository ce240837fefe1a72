"""An FFmpeg that no release has as packages, built from Debian's source in a system's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wheels.chroot import Chroot
from wheels.debian import Apt

# Where the system has it.
PREFIX = "/opt/ffmpeg"
# Libraries whose encoders, decoders or formats the tests need, and what enables them.
LIBRARIES = {
    "libaom-dev": "libaom",
    "libdav1d-dev": "libdav1d",
    "libmp3lame-dev": "libmp3lame",
    "libopenjp2-7-dev": "libopenjpeg",
    "libgnutls28-dev": "gnutls",
    "libgsm1-dev": "libgsm",
    "libopus-dev": "libopus",
    "libshine-dev": "libshine",
    "libspeex-dev": "libspeex",
    "libsvtav1enc-dev": "libsvtav1",
    "libtheora-dev": "libtheora",
    "libtwolame-dev": "libtwolame",
    "libvorbis-dev": "libvorbis",
    "libvpx-dev": "libvpx",
    "libwebp-dev": "libwebp",
    "libx264-dev": "libx264",
    "libx265-dev": "libx265",
    "libxml2-dev": "libxml2",
    "libxvidcore-dev": "libxvid",
}
TOOLS = ("gcc", "libc6-dev", "make", "nasm", "pkg-config", "zlib1g-dev", "libbz2-dev", "liblzma-dev")
OPTIONS = "--enable-gpl --enable-shared --disable-static --disable-doc --disable-ffplay --disable-debug"


def build(system: Chroot, version: str, work: Path) -> None:
    """Build FFmpeg in a system, unless this version with these libraries was built there before.

    Parameters
    ----------
    system : Chroot
        The system, which must exist.
    version : str
        How the version must begin, such as "8.1.".
    work : Path
        Where the source archives are kept.
    """
    prefix = system.folder / PREFIX.lstrip("/")
    enabled = " ".join(f"--enable-{name}" for name in LIBRARIES.values())
    wanted = f"{version} {OPTIONS} {enabled}\n"
    stamp = prefix / "stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(prefix, ignore_errors=True)
    apt = Apt(work / "apt")
    apt.update()
    archive = apt.upstream("ffmpeg", work / "sources", version)
    system.make((*TOOLS, *LIBRARIES))
    source = system.folder / "ffmpeg"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(archive.folder, source, symlinks=True)
    with system.entered():
        system.run(
            "cd /ffmpeg;"
            f"./configure --prefix={PREFIX} --extra-ldexeflags=-Wl,-rpath,{PREFIX}/lib"
            f" --extra-ldsoflags=-Wl,-rpath,{PREFIX}/lib {OPTIONS} {enabled} >/dev/null;"
            f"make -j{os.cpu_count() or 1} >/dev/null 2>&1; make install >/dev/null 2>&1"
        )
    shutil.rmtree(source)
    stamp.write_text(wanted)
