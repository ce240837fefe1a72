"""The finders behind test_layers.py detect violations in small invented trees."""

import pytest
from layers import (
    Checkout,
    Reach,
    Table,
    Use,
    layer_circles,
    module_circles,
    strangers,
    upward_reaches,
    upward_uses,
)

TABLE = Table(
    {
        "decoders": ("_video",),
        "_video": ("core/video", "cuda (lazily)"),
        "cuda": ("core/video",),
        "core/video": ("core/error", "csrc/convert"),
        "core/error": (),
        "csrc/convert": ("csrc/kernels",),
        "csrc/kernels": (),
    }
)


@pytest.fixture
def tree(tmp_path):
    """``tree({path: text})`` writes a checkout of these files."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            for folder in path.relative_to(tmp_path).parents:
                if folder.parts[:1] == ("cycodec",):
                    (tmp_path / folder / "__init__.py").touch()
        return Checkout(tmp_path)

    return write


def uses(checkout):
    return {(use.user, use.used) for use in checkout.uses() if "/" in use.used}


def test_python_imports_of_every_form(tree):
    checkout = tree(
        {
            "cycodec/_video/session.py": """
import os
import cycodec.core.video.reader as r
from cycodec.core import error
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder
def work():
    from cycodec.cuda import support
    importlib.import_module("cycodec.core.video.index")
""",
            "cycodec/core/video/reader.pyx": "",
            "cycodec/core/video/index.pyx": "",
            "cycodec/core/error.pyx": "",
            "cycodec/cuda/support.py": "",
            "cycodec/decoders/video.py": "",
        }
    )
    found = [use for use in checkout.uses() if use.used.startswith("cycodec/")]
    assert found == [
        Use("cycodec/_video/session", "cycodec/core/video/reader"),
        Use("cycodec/_video/session", "cycodec/core/error"),
        Use("cycodec/_video/session", "cycodec/cuda/support", deferred=True),
        Use("cycodec/_video/session", "cycodec/core/video/index", deferred=True),
    ]


def test_cython_imports_of_every_form(tree):
    checkout = tree(
        {
            "cycodec/core/video/reader.pyx": '''
"""A docstring is no code:
from cycodec.core.video cimport nothing
"""
from cycodec.core cimport error
from cycodec.core.video.index cimport (  # the rest of the line is a comment
    FrameIndex,
    Anchor,
)
cdef extern from "convert/convert.h" nogil:
    int convert()
cdef int work() except -1:
    from cycodec.core.video import confirm
    import cycodec.core.video.stream
''',
            "cycodec/core/video/reader.pxd": "from cycodec.core.video.backend cimport VideoBackend",
            **{
                f"cycodec/core/video/{name}.pyx": ""
                for name in ("index", "confirm", "stream", "backend", "nothing")
            },
            "cycodec/core/error.pxd": "",
            "csrc/convert/convert.h": "",
        }
    )
    reader = "cycodec/core/video/reader"
    assert uses(checkout) == {
        (reader, "cycodec/core/error"),
        (reader, "csrc/convert/convert"),
        *((reader, f"cycodec/core/video/{name}") for name in ("index", "confirm", "stream", "backend")),
    }


def test_includes_of_c(tree):
    checkout = tree(
        {
            "csrc/convert/convert.c": '#include "convert/convert.h"\n#include <stdint.h>\n#  include "rows.h"\n',
            "csrc/convert/convert.h": "#include <kernels/axis.h>",
            "csrc/kernels/axis.h": '#include "half.h"',
            "csrc/convert/rows.h": "",
            "cycodec/cuda/kernels/half.h": "",
        }
    )
    assert uses(checkout) == {
        ("csrc/convert/convert", "csrc/convert/rows"),
        ("csrc/convert/convert", "csrc/kernels/axis"),
        ("csrc/kernels/axis", "cycodec/cuda/kernels/half"),
    }


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"cycodec/_video/session.py": "import cycodec.decoders", "cycodec/decoders/video.py": ""},
            "cycodec/_video/session uses cycodec/decoders/__init__ when it is loaded",
        ),
        (
            {
                "cycodec/_video/session.py": "def f():\n    from cycodec.decoders import video",
                "cycodec/decoders/video.py": "",
            },
            "cycodec/_video/session uses cycodec/decoders/video",
        ),
        (
            {"cycodec/_video/session.py": "from cycodec.cuda import npp", "cycodec/cuda/npp.py": ""},
            "cycodec/_video/session uses cycodec/cuda/npp when it is loaded",
        ),
        (
            {
                "cycodec/core/error.pyx": "from cycodec.core.video cimport reader",
                "cycodec/core/video/reader.pxd": "",
            },
            "cycodec/core/error uses cycodec/core/video/reader when it is loaded",
        ),
        (
            {"cycodec/core/error.pyx": 'cdef extern from "kernels/a.h":\n    pass', "csrc/kernels/a.h": ""},
            "cycodec/core/error uses csrc/kernels/a when it is loaded",
        ),
        (
            {"csrc/kernels/a.c": '#include "convert/b.h"', "csrc/convert/b.h": ""},
            "csrc/kernels/a uses csrc/convert/b when it is loaded",
        ),
    ],
    ids=["python", "deferred", "not lazily", "cimport", "extern", "include"],
)
def test_uses_that_go_up(tree, files, line):
    assert upward_uses(tree(files), TABLE) == [line]


def test_uses_that_go_down(tree):
    checkout = tree(
        {
            "cycodec/decoders/video.py": "from cycodec.core.error import FFmpegError",
            "cycodec/_video/session.py": "def f():\n    from cycodec.cuda import npp",
            "cycodec/cuda/npp.py": "",
            "cycodec/core/error.pyx": "",
            "cycodec/core/video/backend.pyx": 'cdef extern from "kernels/a.h":\n    pass',
            "csrc/kernels/a.h": "",
        }
    )
    assert upward_uses(checkout, TABLE) == []
    assert len(uses(checkout)) == 3


@pytest.mark.parametrize("text", ["from .reader import x", "from . import reader"])
@pytest.mark.parametrize("suffix", ["py", "pyx"])
def test_relative_imports_are_refused(tree, suffix, text):
    with pytest.raises(AssertionError, match="relative imports hide the direction"):
        tree({f"cycodec/core/video/a.{suffix}": text}).uses()


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        (
            {
                "cycodec/_video/a.py": "def f():\n    from cycodec._video import b",
                "cycodec/_video/b.py": "import cycodec._video.c",
                "cycodec/_video/c.py": "from cycodec._video.a import f",
            },
            ["cycodec/_video/a", "cycodec/_video/b", "cycodec/_video/c"],
        ),
        (
            {
                "cycodec/core/video/a.pyx": "from cycodec.core.video.b import f",
                "cycodec/core/video/b.pxd": "from cycodec.core.video cimport a",
            },
            ["cycodec/core/video/a", "cycodec/core/video/b"],
        ),
        (
            {
                "csrc/convert/a.c": '#include "convert/b.h"',
                "csrc/convert/b.c": '#include "a.h"',
                "csrc/convert/a.h": "",
                "csrc/convert/b.h": "",
            },
            ["csrc/convert/a", "csrc/convert/b"],
        ),
    ],
    ids=["python", "cython", "c"],
)
def test_circles_of_modules(tree, files, circle):
    checkout = tree(files)
    assert module_circles(checkout) == [circle]
    assert layer_circles(checkout, TABLE) == []


def test_circles_of_layers(tree):
    """No two modules use one another, but their layers do."""
    checkout = tree(
        {
            "csrc/convert/a.c": '#include "kernels/b.h"',
            "csrc/kernels/b.h": "",
            "csrc/kernels/c.c": '#include "convert/d.h"',
            "csrc/convert/d.h": "",
            "cycodec/core/error.pyx": "from cycodec.core.video.index import FrameIndex",
            "cycodec/core/video/index.pyx": "",
            "cycodec/core/video/reader.pyx": "from cycodec.core.error cimport check",
        }
    )
    assert module_circles(checkout) == []
    assert layer_circles(checkout, TABLE) == [
        ["core/error", "core/video"],
        ["csrc/convert", "csrc/kernels"],
    ]


DECODER = """
class VideoDecoder:
    def __init__(self):
        self._session = 1
    def _select(self):
        return self._session
"""


@pytest.mark.parametrize(
    "text",
    ["decoder._session.reader", "getattr(decoder, '_session')", "work(decoder)._session", "a.b()._select()"],
)
@pytest.mark.parametrize("path", ["cycodec/core/video/capi.pyx", "cycodec/_video/readers.py"])
def test_private_attributes_of_layers_above(tree, path, text):
    checkout = tree({"cycodec/decoders/video.py": DECODER, path: f"def f(decoder, a):\n    return {text}\n"})
    (line,) = upward_reaches(checkout, TABLE)
    name = "_select" if "_select" in text else "_session"
    assert line == f"{path.rpartition('.')[0]} touches .{name}, which cycodec/decoders/video defines"


def test_private_attributes_that_may_be_touched(tree):
    """A module may touch those of lower layers, its own, those of `self`, Python's, and dunder
    names.
    """
    checkout = tree(
        {
            "cycodec/decoders/video.py": DECODER + "    def f(self, other): return other._session\n",
            "cycodec/decoders/batch.py": "def f(decoder): return decoder._session",
            "cycodec/core/video/reader.pyx": (
                "cdef class FrameReader:\n    cdef int _low\n    def f(self): return self._session\n"
                "def g(other): return other.__reader__\n"
            ),
            "cycodec/_video/session.py": "import os\ndef f(reader):\n    os._exit(reader._low)\n",
        }
    )
    assert upward_reaches(checkout, TABLE) == []
    assert Reach("cycodec/_video/session", "_low") in checkout.reaches()


def test_modules_that_no_row_names(tree):
    checkout = tree({"cycodec/core/video/a.pyx": "", "cycodec/core/new.pyx": "", "csrc/new/b.c": ""})
    assert strangers(checkout, TABLE) == ["csrc/new/b", "cycodec/__init__", "cycodec/core/new"]


def test_a_table_is_printed_and_followed():
    assert TABLE.render().splitlines()[:4] == [
        "| folder or module | may use |",
        "|---|---|",
        "| `decoders` | `_video` |",
        "| `_video` | `core/video`, `cuda` (lazily) |",
    ]
    assert TABLE.render().splitlines()[-1] == "| `csrc/kernels` | nothing of ours |"
    assert "cuda" in TABLE.allowed("decoders")
    assert "cuda" not in TABLE.allowed("decoders", lazily=False)
    assert TABLE.layer_of("cycodec/core/video/reader") == "core/video"
    assert TABLE.layer_of("numpy") is None
