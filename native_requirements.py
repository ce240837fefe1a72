"""What a build needs from the system, where it is looked for, and how to get it.

setup.py uses this module, and the scripts in tools run it:

    python native_requirements.py --exists LIBRARY...    pkg-config, with our places searched first
    python native_requirements.py --advice               how to install what a build needs
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
# FFmpeg 4.3 is the floor: the versions its libraries carry there.
FFMPEG_LIBRARIES = {
    "libavformat": "58.45",
    "libavcodec": "58.91",
    "libavutil": "56.51",
    "libswscale": "5.7",
    "libswresample": "3.7",
}
# Libraries of image formats, with the macro that tells C code of them. Each may be missing: the
# formats that need it then raise an error that names it. libdeflate only makes PNG
# faster, and libwebp WebP.
IMAGE_LIBRARIES = {
    "libjpeg": "CYCODEC_WITH_JPEG",
    "zlib": "CYCODEC_WITH_ZLIB",
    "libdeflate": "CYCODEC_WITH_LIBDEFLATE",
    "libwebp": "CYCODEC_WITH_WEBP",
}
# Where a prefix keeps the files of pkg-config. Debian's folders have the name of the processor.
PKG_CONFIG_FOLDERS = ("lib/pkgconfig", "lib64/pkgconfig", "lib/*-linux-gnu*/pkgconfig", "libdata/pkgconfig")


class MissingRequirement(SystemExit):
    """Something that the build needs is not here. The text says what, and how to get it."""

    def __init__(self, what: str, *details: str) -> None:
        lines = [f"\ncycodec cannot be built: {what}.", *(f"  {detail}" for detail in details)]
        super().__init__("\n".join([*lines, advice()]))


def advice() -> str:
    """Return how to install what a build needs, for each package manager."""
    return (HERE / "tools/system_packages.txt").read_text().rstrip()


def _folders_of(prefix: Path) -> list[Path]:
    """Return the folders of a prefix that hold FFmpeg's pkg-config files."""
    candidates = [prefix, *(path for pattern in PKG_CONFIG_FOLDERS for path in sorted(prefix.glob(pattern)))]
    return [path for path in candidates if (path / "libavformat.pc").is_file()]


def own_prefix() -> list[Path]:
    """Return the pkg-config folders of CYCODEC_FFMPEG_DIR; none if it is not set.

    Raises
    ------
    MissingRequirement
        The variable names no folder, or one without FFmpeg's development files.
    """
    named = os.environ.get("CYCODEC_FFMPEG_DIR")
    if not named:
        return []
    prefix = Path(named).expanduser()
    if not prefix.is_dir():
        relative = "" if prefix.is_absolute() else f" (a relative path, sought in {Path.cwd()})"
        raise MissingRequirement(f"CYCODEC_FFMPEG_DIR names {named}, which is no folder{relative}")
    folders = _folders_of(prefix.resolve())
    if not folders:
        raise MissingRequirement(
            f"CYCODEC_FFMPEG_DIR names {named}, where libavformat.pc is not found",
            f"sought in: {named}, {', '.join(PKG_CONFIG_FOLDERS)}",
            "It must be the prefix of an FFmpeg with shared libraries and headers.",
        )
    return folders


def search_path() -> list[str]:
    """Return the folders that pkg-config must search before its own.

    These are CYCODEC_FFMPEG_DIR's, then PKG_CONFIG_PATH, then those of the conda environment that
    the Python belongs to. Other environments of the same conda are never searched.
    """
    folders = [str(path) for path in own_prefix()]
    folders += [path for path in os.environ.get("PKG_CONFIG_PATH", "").split(os.pathsep) if path]
    environment = Path(sys.base_prefix)
    if (environment / "conda-meta").is_dir():
        folders += [str(path) for path in _folders_of(environment)]
    return list(dict.fromkeys(folders))


def pkg_config(*arguments: str) -> tuple[int, str, str]:
    """Run pkg-config; return its status, its output and its complaint.

    The status is 127 if there is no pkg-config.
    """
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *arguments]
    environment = {**os.environ, "PKG_CONFIG_PATH": os.pathsep.join(search_path())}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        return 127, "", f"{command[0]}: {error.strerror}"
    return done.returncode, done.stdout.strip(), done.stderr.strip()


class FFmpeg:
    """FFmpeg's development files.

    Parameters
    ----------
    versions : dict of str
        The version of each library.
    compile_flags, link_flags : list of str
        What the compiler and the linker must be told.
    library_folder : str
        Where the libraries are.
    """

    def __init__(
        self, versions: dict[str, str], compile_flags: list[str], link_flags: list[str], library_folder: str
    ) -> None:
        self.versions = versions
        self.compile_flags = compile_flags
        self.link_flags = link_flags
        self.library_folder = library_folder


def find_ffmpeg() -> FFmpeg:
    """Return FFmpeg's development files.

    Raises
    ------
    MissingRequirement
        They are not found, or too old.
    """
    import shlex

    versions, complaints = {}, []
    for library, minimum in FFMPEG_LIBRARIES.items():
        status, version, _ = pkg_config("--modversion", library)
        if status == 0:
            versions[library] = version
        status, _, complaint = pkg_config("--print-errors", "--exists", f"{library} >= {minimum}")
        if status != 0:
            complaints += complaint.splitlines()
    if complaints or len(versions) < len(FFMPEG_LIBRARIES):
        sought = ", ".join(f"{library} >= {minimum}" for library, minimum in FFMPEG_LIBRARIES.items())
        found = ", ".join(f"{library} {version}" for library, version in versions.items()) or "none of them"
        raise MissingRequirement(
            "FFmpeg's development files (4.3 or newer) were not found",
            f"sought by pkg-config: {sought}",
            f"found: {found}",
            "pkg-config says:",
            *(f"  {line}" for line in dict.fromkeys(complaints)),
        )
    _, compile_flags, _ = pkg_config("--cflags", *FFMPEG_LIBRARIES)
    _, link_flags, _ = pkg_config("--libs", *FFMPEG_LIBRARIES)
    _, folder, _ = pkg_config("--variable=libdir", "libavformat")
    return FFmpeg(versions, shlex.split(compile_flags), shlex.split(link_flags), folder)


class ImageLibraries:
    """The libraries of image formats that pkg-config finds.

    Parameters
    ----------
    versions : dict of str
        The version of each library, or None for one that is missing.
    compile_flags, link_flags : list of str
        What the compiler and the linker must be told.
    """

    def __init__(
        self, versions: dict[str, str | None], compile_flags: list[str], link_flags: list[str]
    ) -> None:
        self.versions = versions
        self.compile_flags = compile_flags
        self.link_flags = link_flags


def find_image_libraries() -> ImageLibraries:
    """Return the libraries of image formats that are here."""
    import shlex

    found = ImageLibraries({}, [], [])
    for library, macro in IMAGE_LIBRARIES.items():
        status, version, _ = pkg_config("--modversion", library)
        found.versions[library] = version if status == 0 else None
        if status == 0:
            found.compile_flags += [f"-D{macro}", *shlex.split(pkg_config("--cflags", library)[1])]
            found.link_flags += shlex.split(pkg_config("--libs", library)[1])
    return found


def check_compiler(command: list[str]) -> None:
    """Raise MissingRequirement unless the C compiler runs and Python's headers are here.

    Parameters
    ----------
    command : list of str
        The command that compiles C files, with its options.
    """
    # launchers such as ccache come before the compiler
    compiler = next((word for word in command if not word.endswith("ccache")), command[0])
    if not shutil.which(compiler):
        raise MissingRequirement(
            f"there is no C compiler ({compiler})", "CC names another one, such as CC=clang."
        )
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if not header.is_file():
        raise MissingRequirement(f"Python's headers are missing ({header} does not exist)")


def main(arguments: list[str]) -> int:
    """Run pkg-config with the arguments, or print the advice."""
    if arguments == ["--advice"]:
        print(advice())
        return 0
    status, output, complaint = pkg_config(*arguments)
    if output:
        print(output)
    if complaint:
        print(complaint, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
