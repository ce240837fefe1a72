"""docs/_ext/machine_paths.py: printed output does not name folders of the building machine."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("docutils", reason="a part of the documentation's tools", exc_type=ImportError)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
import machine_paths  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.utils import new_document  # noqa: E402


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"python ({ROOT}/.venv/bin/python)", "python (.venv/bin/python)"),
        (f"in {ROOT}", "in ."),
        ("frames/video_000037.png", "frames/video_000037.png"),
    ],
)
def test_paths_are_relative_to_the_checkout(text, expected):
    document = new_document("page")
    document += nodes.literal_block(text, text, language="text")
    machine_paths.shorten(None, document)
    (block,) = document.findall(nodes.literal_block)
    assert block.astext() == block.rawsource == expected
    assert block["language"] == "text"
