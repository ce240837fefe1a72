"""The architecture of DESIGN.md: who may import whom, what a plain import loads, what extensions are linked to."""

import ast
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cycodec

PACKAGE = Path(cycodec.__file__).parent
SOURCE = Path(__file__).resolve().parents[2] / "cycodec"

# DESIGN.md: imports go one way. Each of these may use, itself or through others, only those before it; what is not
# named here may stand anywhere, as long as nothing goes round in a circle.
CHAIN = (
    "libav",
    "error",
    "readahead",
    "source",
    "demux",
    ("index", "backend"),
    "stream",
    "reader",
    "_session",
    "decoders",
    "samplers",
    "cli",
)

CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+(?:c?import)\s+(.+)|(?:c?import)\s+([\w., ]+))", re.MULTILINE)


def compiled_sources():
    return sorted([*SOURCE.glob("core/*.pyx"), *SOURCE.glob("core/*.pxd"), *SOURCE.glob("libav/*.pxd")])


def modules_of(text):
    """Dotted names of everything that a Cython file imports or cimports."""
    for start, names, plain in CIMPORT.findall(text):
        if plain:
            yield from (name.split(" as ")[0].strip() for name in plain.split(","))
        elif start in ("cycodec.core", "cycodec.libav", "cycodec"):
            names = names.strip("() \\").split(",")
            yield from (f"{start}.{name.split(' as ')[0].strip()}" for name in names if name.strip())
        else:
            yield start


def room_of(module):
    """The room of a dotted name: libav, the name of a module in core or beside it; None for what is not ours."""
    parts = module.split(".")
    if parts[0] != "cycodec":
        return None
    parts = [part for part in parts[1:] if part != "core"]
    return parts[0] if parts else None


def imports_of(path):
    """(dotted name, whether it is loaded when the module is imported) of each import of a Python file."""
    tree = ast.parse(path.read_text())
    typing = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    hidden = {id(inner) for node in typing for inner in ast.walk(node)}
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    deferred = {id(inner) for node in functions for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        now = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((alias.name, now) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide the direction"
            if node.module in ("cycodec", "cycodec.core"):
                yield from ((f"{node.module}.{alias.name}", now) for alias in node.names)
            else:
                yield node.module, now


def python_sources():
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent.name not in ("core", "libav"))


def graph():
    """room -> the rooms that it imports, leaving out what only type checkers see."""
    edges = {}
    for path in compiled_sources():
        own = "libav" if path.parent.name == "libav" else path.stem
        edges.setdefault(own, set()).update(map(room_of, modules_of(path.read_text())))
    for path in python_sources():
        own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if own != "__init__":
            edges.setdefault(own, set()).update(room_of(name) for name, _ in imports_of(path))
    return {
        room: {other for other in others if other in edges and other != room}
        for room, others in edges.items()
    }


def below(edges, room):
    """All rooms that a room uses, itself or through others."""
    seen, waiting = set(), [room]
    while waiting:
        for other in edges[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


needs_sources = pytest.mark.skipif(
    not (SOURCE / "core" / "reader.pyx").exists(), reason="the sources are not here"
)


@needs_sources
def test_imports_do_not_go_round():
    edges = graph()
    assert len(edges) > 10
    assert [room for room in edges if room in below(edges, room)] == []


@needs_sources
def test_imports_go_one_way():
    edges = graph()
    heights = [step if isinstance(step, tuple) else (step,) for step in CHAIN]
    for height, rooms in enumerate(heights):
        above = {name for step in heights[height:] for name in step}
        for room in rooms:
            if room in edges:
                assert below(edges, room) & above == set(), f"{room} imports what stands above it"


@pytest.mark.parametrize("path", compiled_sources(), ids=lambda path: path.name)
def test_compiled_code_knows_no_python_of_ours_and_no_torch(path):
    python = {path.stem for path in python_sources()}
    for module in modules_of(path.read_text()):
        assert module.split(".")[0] not in ("torch", "torchvision")
        assert room_of(module) not in python, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", python_sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_one_module_imports_torch(path):
    torch = [(name, now) for name, now in imports_of(path) if name.split(".")[0] == "torch"]
    if path.name == "_tensor.py":
        assert torch, "_tensor.py is there to import torch"
        assert not any(now for _, now in torch), "torch is loaded when it is first needed"
    else:
        assert torch == []


@pytest.mark.parametrize(
    "path", [*compiled_sources(), *python_sources()], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_no_file_is_two_rooms(path):
    """DESIGN.md: a file that passes about 600 lines wants to be two."""
    assert len(path.read_text().splitlines()) <= 600


def in_a_fresh_interpreter(code):
    """Run code in a process of its own; its output."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=PACKAGE.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_neither_torch_nor_ffmpeg_nor_cuda():
    loaded = in_a_fresh_interpreter(
        "import sys, cycodec; cycodec.__version__; cycodec.get_include(); dir(cycodec);"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'numpy', 'cuda'}),"
        " *[m for m in sys.modules if m.startswith('cycodec.core')])"
    )
    assert loaded == ""


def test_the_compiled_rooms_load_without_torch():
    names = [path.stem for path in SOURCE.glob("core/*.pyx")]
    loaded = in_a_fresh_interpreter(
        "import sys, importlib; sys.modules['torch'] = None\n"
        f"for name in {names!r}: importlib.import_module('cycodec.core.' + name)\n"
        "import cycodec.decoders\n"
        "from cycodec import FrameIndex, FFmpegError, ffmpeg_versions, get_include\n"
        "print(sys.modules['torch'])"
    )
    assert loaded == "None"


def test_import_takes_little_time():
    """Far below a tenth of a second; measured against an interpreter that imports nothing."""

    def best_of(code):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            in_a_fresh_interpreter(code)
            times.append(time.perf_counter() - start)
        return min(times)

    assert best_of("import cycodec") - best_of("pass") < 0.1


def extensions():
    return sorted(PACKAGE.rglob("*.so"))


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not installed")
@pytest.mark.parametrize("path", extensions(), ids=lambda path: path.name.split(".")[0])
def test_extensions_are_linked_to_neither_torch_nor_cuda(path):
    output = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", output)
    assert needed, "readelf told nothing"
    for library in needed:
        assert re.match(r"(lib(av|sw)\w+|libc|libm|libpthread|libdl|librt|ld-linux[\w-]*)\.", library), (
            library
        )
    assert "RUNPATH" not in output or "torch" not in output


def test_there_are_extensions():
    assert {path.name.split(".")[0] for path in extensions()} >= {
        "error",
        "source",
        "demux",
        "index",
        "backend",
        "reader",
        "device",
        "nvdec",
        "hwaccel",
    }
