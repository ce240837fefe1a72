"""``cycodec-config``: what a compiler must be told to build an extension that cimports cycodec.

It needs none of the packages of the command line, because builds run it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys

__all__ = ["main"]

LIBRARIES = ("libavformat", "libavcodec", "libswscale", "libswresample", "libavutil")


def main(arguments: list[str] | None = None) -> int:
    """Print what the options ask for, on one line each."""
    parser = argparse.ArgumentParser(
        prog="cycodec-config",
        description="Print the flags for extensions that cimport cycodec. They find the FFmpeg that cycodec uses.",
    )
    parser.add_argument("--version", action="store_true", help="the version of cycodec")
    parser.add_argument("--cflags", action="store_true", help="flags for the compiler")
    parser.add_argument("--libs", action="store_true", help="flags for the linker")
    chosen = parser.parse_args(arguments)
    if not any(vars(chosen).values()):
        parser.error("choose at least one of --version, --cflags and --libs")
    try:
        if chosen.version:
            import cycodec

            print(cycodec.__version__)
        if chosen.cflags:
            print(shlex.join(compile_flags()))
        if chosen.libs:
            print(shlex.join(link_flags()))
    except (ImportError, OSError, ValueError) as error:
        print(f"cycodec-config: {error}", file=sys.stderr)
        return 1
    return 0


def compile_flags() -> list[str]:
    """Return the flags that let a compiler find the headers of cycodec and FFmpeg."""
    import cycodec
    from cycodec.core import libraries

    headers = libraries.bundled_headers()
    ours = [f"-I{cycodec.get_include()}"]
    return [*ours, f"-I{headers}"] if headers else ours + pkg_config("--cflags")


def link_flags() -> list[str]:
    """Return the flags that link an extension to the FFmpeg that cycodec is linked to."""
    from cycodec.core import libraries

    files = libraries.bundled_files()
    if not files:
        return pkg_config("--libs")
    folder = files[0].parent
    return [f"-L{folder}", *(f"-l:{path.name}" for path in files), f"-Wl,-rpath,{folder}"]


def pkg_config(option: str) -> list[str]:
    """Return what pkg-config says of FFmpeg; raise ValueError if it does not know it."""
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), option, *LIBRARIES]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"FFmpeg's development files are needed: {done.stderr.strip()}")
    return shlex.split(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
