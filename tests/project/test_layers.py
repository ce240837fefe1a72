"""The layers: who may use whom, what an import loads, and what the extensions are linked to."""

import ast
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from layers import (
    CYTHON,
    PYTHON,
    C,
    Checkout,
    Table,
    layer_circles,
    module_circles,
    strangers,
    upward_reaches,
    upward_uses,
)

import cycodec

PACKAGE = Path(cycodec.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = Checkout(ROOT)

# A layer may use the layers that its row names, and what these may use. CONTRIBUTING.md and
# docs/design.md print this table. Names are relative to cycodec, those of C to the checkout.
TABLE = Table(
    {
        # the command line and the public names
        "__main__": ("_cli",),
        "_cli": ("__init__", "decoders", "encoders", "samplers", "batch", "datasets"),
        "datasets": ("decoders",),
        "batch": ("decoders",),
        "samplers": ("decoders",),
        "compat": ("_shared",),
        "decoders": ("_video", "_audio", "cuda", "images"),
        "encoders": ("_encode", "images"),
        "images": ("_image", "cuda"),
        # Python that users do not see
        "_video": ("transforms", "core/video", "cuda (lazily)"),
        "_audio": ("_shared", "core/audio"),
        "_image": ("transforms", "_encode", "core/image"),
        "_copy": ("_encode",),
        "_encode": ("_shared", "core/encode"),
        "cuda": ("_shared", "core/gpu"),
        "transforms": ("_shared",),
        "_shared": ("core/container",),
        # compiled modules; the package's own .pxd offers capi to other people's Cython
        "__init__": ("core/capi",),
        "core/capi": ("core/video", "core/audio", "core/encode"),
        "core/gpu": ("core/video", "csrc/nvidia"),
        "core/video": ("core/container", "csrc/convert"),
        "core/image": ("core/video", "core/container", "csrc/image"),
        "core/audio": ("core/container", "core/bitstream", "csrc/sound"),
        "core/container": ("core/io", "core/bitstream", "core/heap", "core/handles"),
        "core/encode": ("core/container", "csrc/encode"),
        "core/io": ("core/error", "core/pool", "core/search", "core/ffmpeg", "core/compat"),
        "core/bitstream": (
            "core/error",
            "core/pool",
            "core/search",
            "core/ffmpeg",
            "core/compat",
            "csrc/bitstream",
        ),
        "core/error": ("libav",),
        "core/pool": ("core/error",),
        "core/search": (),
        "core/heap": ("libav",),
        "core/handles": (),
        "core/ffmpeg": ("core/error", "core/compat", "core/libraries"),
        "core/libraries": (),
        "core/compat": ("libav", "csrc/compat"),
        "libav": (),
        # C
        "csrc/nvidia": ("csrc/picture", "csrc/kernels", "csrc/third_party"),
        "csrc/convert": ("csrc/resample", "csrc/picture", "csrc/kernels", "csrc/compat"),
        "csrc/encode": ("csrc/picture", "csrc/kernels"),
        "csrc/image": ("csrc/picture",),
        "csrc/resample": ("csrc/picture", "csrc/kernels"),
        "csrc/kernels": ("csrc/picture", "cuda/kernels"),
        "csrc/picture": (),
        "csrc/bitstream": (),
        "csrc/sound": (),
        "csrc/compat": (),
        "csrc/third_party": (),
        "cuda/kernels": (),
    }
)

needs_sources = pytest.mark.skipif(
    not (ROOT / "cycodec/core/video/reader.pyx").exists(), reason="the sources are not here"
)


def relative(path):
    return str(path.relative_to(ROOT))


@needs_sources
def test_every_module_is_in_the_table():
    assert strangers(CHECKOUT, TABLE) == []
    missing = [
        name for names in TABLE.rows.values() for name in names if name.split(" ")[0] not in TABLE.rows
    ]
    assert missing == []


def test_the_table_itself_has_no_circle():
    assert [layer for layer in TABLE.rows if layer in TABLE.allowed(layer)] == []


@needs_sources
def test_imports_do_not_go_round():
    assert len(CHECKOUT.uses()) > 100
    assert module_circles(CHECKOUT) == []
    assert layer_circles(CHECKOUT, TABLE) == []


@needs_sources
def test_imports_go_one_way():
    assert upward_uses(CHECKOUT, TABLE) == []


@needs_sources
def test_nobody_reaches_up_by_a_private_attribute():
    assert upward_reaches(CHECKOUT, TABLE) == []


@pytest.mark.parametrize("layer", ["_audio", "core/audio"])
def test_audio_never_sees_video_or_cuda(layer):
    assert {"_video", "core/video", "core/gpu", "cuda"} & TABLE.allowed(layer) == set()


@pytest.mark.parametrize("layer", ["_video", "core/video", "core/gpu"])
def test_video_never_sees_audio(layer):
    assert {"_audio", "core/audio", "core/encode"} & TABLE.allowed(layer) == set()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/design.md"])
def test_documents_print_the_table(name):
    found = re.search(r"<!-- layers -->\n+(.*?)\n+<!-- /layers -->", (ROOT / name).read_text(), re.DOTALL)
    assert found, f"{name} has no block between <!-- layers --> and <!-- /layers -->"
    assert found[1] == TABLE.render()


@pytest.mark.parametrize("path", CHECKOUT.files(*CYTHON), ids=relative)
def test_compiled_code_knows_no_python_of_ours_and_no_torch(path):
    for _, module, _ in CHECKOUT.cython_uses(path):
        assert re.split("[./]", module)[0] not in ("torch", "torchvision")
        if module.startswith("cycodec/"):
            assert module.startswith(("cycodec/core/", "cycodec/libav/", "cycodec/cuda/kernels/")), module


@pytest.mark.parametrize("path", CHECKOUT.files(*PYTHON), ids=relative)
def test_only_one_module_imports_torch(path):
    torch = [use for use in CHECKOUT.python_uses(path) if use.used.split(".")[0] == "torch"]
    # `cycodec doctor` reports whether torch can be imported
    if relative(path) in ("cycodec/_shared/torch_adapter.py", "cycodec/_cli/examinations.py"):
        assert torch, f"{path.name} is there to import torch"
        assert all(use.deferred for use in torch), "torch is loaded when it is first needed"
    else:
        assert torch == []


@needs_sources
def test_each_c_file_is_linked_into_one_module():
    """A static table or level exists once in the process only if one module links its file."""
    (modules,) = [
        ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "setup.py").read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "C_SOURCES"
    ]
    linked = sorted(path for sources in modules.values() for path in sources)
    assert linked == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "csrc").rglob("*.c"))


def long_candidates():
    """Files that have to stay short: all of ours."""
    ours = [path for folder in ("tests", "tools") for path in (ROOT / folder).rglob("*")]
    return CHECKOUT.files(*PYTHON, *CYTHON, *C) + sorted(
        path for path in ours if path.suffix in (*PYTHON, *CYTHON, *C, ".cpp")
    )


@pytest.mark.parametrize("path", long_candidates(), ids=relative)
def test_no_file_is_two_modules(path):
    """A file of more than 600 lines should be two."""
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


def test_the_compiled_modules_load_without_torch():
    names = [relative(path.with_suffix("")).replace("/", ".") for path in CHECKOUT.files(".pyx")]
    loaded = in_a_fresh_interpreter(
        "import sys, importlib; sys.modules['torch'] = None\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "import cycodec.decoders\n"
        "from cycodec import FrameIndex, FFmpegError, ffmpeg_versions, get_include\n"
        "print(sys.modules['torch'])"
    )
    assert loaded == "None"


def test_import_takes_little_time():
    """An import takes far less than 0.1 s longer than an interpreter that imports nothing."""

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
    assert needed, "readelf printed nothing"
    # the libraries of image formats that setup.py looks for
    images = "|libjpeg|libz|libdeflate|libwebp" if path.parent.name == "image" else ""
    for library in needed:
        assert re.match(
            rf"(lib(av|sw)\w+|libc|libm|libpthread|libdl|librt|ld-linux[\w-]*{images})\.", library
        ), library
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
