"""How test media are made: each file when a test first asks for it, kept for the next run.

A file is a recipe: a call of the ffmpeg command, or a function that turns other files into a new one (bytes joined,
cut off or patched). Files are kept in a folder named after the recipe and the version of ffmpeg, so that a changed
recipe or another ffmpeg never meets an old file. The recipes themselves stand in media.py.

Environment
-----------
CYCODEC_FFMPEG
    The ffmpeg command (default ``ffmpeg``). It has to be of the version whose libraries cycodec was built with.
CYCODEC_TEST_CACHE
    Where generated files and reference digests are kept (default ``build/test-media`` in the checkout).
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
FFMPEG = os.environ.get("CYCODEC_FFMPEG", "ffmpeg")


@dataclass(frozen=True)
class Recipe:
    """How one file is made.

    `arguments` are those of the ffmpeg command, where ``{name}`` stands for the path of another file; or `build` is a
    function of the paths of `sources` that returns the bytes. `piped`: the muxer cannot seek back, so it writes no
    cues, no duration and unknown sizes.
    """

    name: str
    arguments: tuple[str, ...] = ()
    build: Callable[..., bytes] | None = None
    sources: tuple[str, ...] = ()
    piped: bool = False
    two_pass: bool = False

    @property
    def encoders(self):
        """The encoders that the command names."""
        options = zip(self.arguments, self.arguments[1:], strict=False)
        return [value for option, value in options if option.startswith(("-c:v", "-c:a")) and value != "copy"]

    def fingerprint(self):
        """Changes whenever the file could come out differently."""
        code = (
            [Path(file).read_bytes() for file in (inspect.getsourcefile(self.build), BITSTREAMS)]
            if self.build
            else []
        )
        below = [RECIPES[source].fingerprint() for source in self.sources]
        text = repr((self.name, self.arguments, self.piped, self.two_pass, code, below, ffmpeg_version()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


RECIPES: dict[str, Recipe] = {}
BITSTREAMS = Path(__file__).with_name("bitstreams.py")  # the functions that build files use it


def add(recipe):
    if recipe.name in RECIPES:
        raise ValueError(f"two recipes make {recipe.name}")
    RECIPES[recipe.name] = recipe


@functools.cache
def ffmpeg_version():
    """Version string of the ffmpeg command; the tests fail without one."""
    if shutil.which(FFMPEG) is None:
        pytest.fail(
            f"the tests need the ffmpeg command as their oracle: {FFMPEG!r} was not found", pytrace=False
        )
    return run("-version", quiet=False).stdout.decode().split()[2]


@functools.cache
def encoders():
    lines = run("-hide_banner", "-encoders", quiet=False).stdout.decode().splitlines()
    return {line.split()[1] for line in lines if line[:2] in (" V", " A")}


def run(*arguments, quiet=True, check=True, stdin=None, timeout=300):
    """Run the ffmpeg command; the finished process with stdout and stderr as bytes."""
    command = [FFMPEG, *(["-nostdin", "-y", "-v", "error"] if quiet else []), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=stdin, timeout=timeout)
    if check and done.returncode:
        message = done.stderr.decode(errors="replace")
        raise RuntimeError(f"ffmpeg failed with {done.returncode}:\n{' '.join(command)}\n{message}")
    return done


@contextmanager
def locked(path):
    """Hold the lock that belongs to `path`: workers of pytest-xdist never make a file twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def path(name):
    """Path of a generated file, made now if it is not there yet."""
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
    """Path of a shared file; skips where the folder is not there."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared media at {SHARED} (CYCODEC_TEST_MEDIA names the folder)")
    return SHARED / name


def names(text):
    """The names in a text, for lists that would fill a page with quotes."""
    return tuple(text.split())


def locate(name):
    """Path of a file by name, generated or shared; or brought along from another machine (tools/gpu_carry)."""
    if CARRIED and (Path(CARRIED) / name).exists():
        return Path(CARRIED) / name
    return path(name) if name in RECIPES else shared(name)


# The words of the table in media.py


def pattern(size="128x96", rate=25, seconds=2, more=""):
    """Input arguments: a moving test picture with noise, no two frames alike."""
    # testsrc2 alone would round odd sizes down
    width, height = map(int, size.split("x"))
    if width % 2 or height % 2:
        size, more = f"{width + width % 2}x{height + height % 2}", f",scale={width}:{height}{more}"
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=14:allf=t{more}"]


def encode(
    name, options="", *, size="128x96", rate=25, seconds=2, more="", sound=False, piped=False, two_pass=False
):
    """A file that is encoded from the test picture; `more` is a tail of the filter chain."""
    arguments = pattern(size, rate, seconds, more and f",{more}")
    if sound:
        arguments += ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}"]
    add(Recipe(name, (*arguments, *options.split()), piped=piped, two_pass=two_pass))


def remux(name, source, options="", *, before="", piped=False):
    """A file that holds the packets of another one; `before` are options of the input."""
    add(
        Recipe(
            name,
            (*before.split(), "-i", f"{{{source}}}", "-c", "copy", *options.split()),
            sources=(source,),
            piped=piped,
        )
    )


def derive(name, build, *sources):
    """A file whose bytes `build` makes of other files."""
    add(Recipe(name, build=build, sources=sources))
