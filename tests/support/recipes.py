"""Makes test media: each file when a test first needs it. Files are kept for the next run.

A recipe is a call of the ffmpeg command, or a function that turns other files into a new one (bytes
joined, cut off or patched). The name of a file's folder depends on the recipe and the version of
ffmpeg, so a changed recipe or another ffmpeg never finds an old file. media.py holds the recipes.

Environment
-----------
CYCODEC_TEST_FFMPEG
    The ffmpeg command (default ``ffmpeg``). It has to be of the version whose libraries cycodec was
    built with.
CYCODEC_TEST_CACHE
    Where generated files and reference digests are kept (default ``build/test-media`` in the
    checkout).
CYCODEC_FULL_MEDIA
    ``1`` turns "this ffmpeg has no such encoder" from a skip into a failure.
CYCODEC_TEST_MEDIA
    The folder of shared media, default ``../shared/media`` beside the checkout.
"""

import fcntl
import functools
import hashlib
import inspect
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("CYCODEC_TEST_CACHE", ROOT / "build" / "test-media"))
SHARED = Path(os.environ.get("CYCODEC_TEST_MEDIA", ROOT.parent / "shared" / "media"))
CARRIED = os.environ.get("CYCODEC_TEST_CARRIED")
FFMPEG = os.environ.get("CYCODEC_TEST_FFMPEG", "ffmpeg")


@dataclass(frozen=True)
class Recipe:
    """The way to make one file.

    `arguments` are those of the ffmpeg command, where ``{name}`` stands for the path of another
    file. Instead, `build` may be a function of the paths of `sources` that returns the bytes.
    `piped` is True if the muxer cannot seek back, so that it writes no cues, no duration and
    unknown sizes.
    """

    name: str
    arguments: tuple[str, ...] = ()
    build: Callable[..., bytes] | None = None
    sources: tuple[str, ...] = ()
    piped: bool = False
    two_pass: bool = False

    @property
    def encoders(self):
        """Returns the encoders that the command names."""
        options = zip(self.arguments, self.arguments[1:], strict=False)
        return [value for option, value in options if option.startswith(("-c:v", "-c:a")) and value != "copy"]

    def fingerprint(self):
        """Return a word that changes whenever the file could differ."""
        code = (
            [Path(file).read_bytes() for file in (inspect.getsourcefile(self.build), BITSTREAMS)]
            if self.build
            else []
        )
        below = [RECIPES[source].fingerprint() for source in self.sources]
        text = repr((self.name, self.arguments, self.piped, self.two_pass, code, below, ffmpeg_version()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


RECIPES: dict[str, Recipe] = {}
BITSTREAMS = Path(__file__).with_name("bitstreams.py")  # the functions that build files depend on this module


def add(recipe):
    if recipe.name in RECIPES:
        raise ValueError(f"two recipes make {recipe.name}")
    RECIPES[recipe.name] = recipe


@functools.cache
def ffmpeg_version():
    """Returns the version of the ffmpeg command; fails if there is none."""
    if shutil.which(FFMPEG) is None:
        pytest.fail(
            f"the tests need the ffmpeg command as their oracle: {FFMPEG!r} was not found", pytrace=False
        )
    return run("-version", quiet=False).stdout.decode().split()[2]


def command_version():
    """Returns (major, minor) of the ffmpeg command."""
    major, minor = (ffmpeg_version().lstrip("n") + ".0").split(".")[:2]
    return int(major), int(minor)


@functools.cache
def encoders():
    lines = run("-hide_banner", "-encoders", quiet=False).stdout.decode().splitlines()
    return {line.split()[1] for line in lines if line[:2] in (" V", " A")}


def run(*arguments, quiet=True, check=True, stdin=None, timeout=300):
    """Runs the ffmpeg command; returns the finished process with stdout and stderr as bytes.

    Options have the names of today's command. Before 5.1, one had another name.
    """
    if "-fps_mode" in arguments and command_version() < (5, 1):
        arguments = ["-vsync" if argument == "-fps_mode" else argument for argument in arguments]
    command = [FFMPEG, *(["-nostdin", "-y", "-v", "error"] if quiet else []), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=stdin, timeout=timeout)
    if check and done.returncode:
        message = done.stderr.decode(errors="replace")
        raise RuntimeError(f"ffmpeg failed with {done.returncode}:\n{' '.join(command)}\n{message}")
    return done


@contextmanager
def locked(path):
    """Holds the lock of `path`, so that workers of pytest-xdist never make a file twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def path(name):
    """Returns the path of a generated file, which is made now if it does not exist."""
    recipe = RECIPES[name]
    lacking = [encoder for encoder in recipe.encoders if encoder not in encoders()]
    if lacking:
        reason = f"{name}: the ffmpeg in use ({ffmpeg_version()}) lacks the encoder {', '.join(lacking)}"
        if os.environ.get("CYCODEC_FULL_MEDIA") == "1":
            pytest.fail(f"{reason}, and CYCODEC_FULL_MEDIA=1 asks for all of them", pytrace=False)
        pytest.skip(reason)
    sources = [path(source) for source in recipe.sources]
    target = CACHE / recipe.fingerprint() / name
    if target.exists():
        return target
    with locked(target):
        if not target.exists():
            draft = target.with_name(f"draft{os.getpid()}_{name}")
            try:
                make(recipe, sources, draft)
                draft.rename(target)
            except RuntimeError as error:
                # its filters lack functions that recipes use
                if command_version() >= (5, 0):
                    raise
                pytest.skip(f"{name}: the ffmpeg in use ({ffmpeg_version()}) cannot make it: {error}")
            finally:
                draft.unlink(missing_ok=True)
    return target


def make(recipe, sources, draft):
    if recipe.build:
        draft.write_bytes(recipe.build(*sources))
        return
    places = {f"{{{name}}}": str(source) for name, source in zip(recipe.sources, sources, strict=True)}
    arguments = [places.get(argument, argument) for argument in recipe.arguments]
    arguments += ["-fflags", "+bitexact", "-flags:v", "+bitexact"]
    if recipe.piped:
        draft.write_bytes(run(*arguments, "pipe:1").stdout)
    elif recipe.two_pass:
        with tempfile.TemporaryDirectory() as folder:
            log = ["-passlogfile", f"{folder}/log"]
            run(*arguments, *log, "-pass", "1", "-f", "null", "-")
            run(*arguments, *log, "-pass", "2", draft)
    else:
        run(*arguments, draft)


def shared(name):
    """Returns the path of a shared file; skips if the folder does not exist."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared media at {SHARED} (CYCODEC_TEST_MEDIA names the folder)")
    return SHARED / name


def names(text):
    """Splits a text into names, for lists that would otherwise need many quotes."""
    return tuple(text.split())


def locate(name):
    """Returns the path of a generated or shared file, or of one from tools/gpu_carry."""
    if CARRIED and (Path(CARRIED) / name).exists():
        return Path(CARRIED) / name
    return path(name) if name in RECIPES else shared(name)


# The functions that the table in media.py calls


def pattern(size="128x96", rate=25, seconds=2, more=""):
    """Returns input arguments for a moving test picture with noise, whose frames all differ."""
    # testsrc2 by itself would round odd sizes down
    width, height = map(int, size.split("x"))
    if width % 2 or height % 2:
        size, more = f"{width + width % 2}x{height + height % 2}", f",scale={width}:{height}{more}"
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=14:allf=t{more}"]


def encode(
    name, options="", *, size="128x96", rate=25, seconds=2, more="", sound=False, piped=False, two_pass=False
):
    """Adds a file that is encoded from the test picture; `more` is the end of the filter chain."""
    arguments = pattern(size, rate, seconds, more and f",{more}")
    if sound:
        arguments += ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}"]
    add(Recipe(name, (*arguments, *options.split()), piped=piped, two_pass=two_pass))


def remux(name, source, options="", *, before="", piped=False):
    """Adds a file that holds the packets of another one; `before` holds options of the input."""
    add(
        Recipe(
            name,
            (*before.split(), "-i", f"{{{source}}}", "-c", "copy", *options.split()),
            sources=(source,),
            piped=piped,
        )
    )


def derive(name, build, *sources):
    """Adds a file whose bytes `build` makes from other files."""
    add(Recipe(name, build=build, sources=sources))
