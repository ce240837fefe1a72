"""Every example page runs, and so does every Python block of README and docs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tables

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "examples"
# the other pages use clip.py, and test_ray.py runs the page that needs Ray
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in ("clip.py", "ray_data.py"))
PAGES = sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    tables.make_media(folder)
    tables.make_clip(folder / "other.mp4", rate=30)
    return folder


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")])}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path):
    command = [sys.executable, FOLDER / name]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_page(page, media, monkeypatch):
    blocks = BLOCK.findall((ROOT / page).read_text())
    monkeypatch.chdir(media)
    names = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


def test_pages_have_blocks():
    """The test above must find its blocks: a change of their notation must not empty it."""
    count = sum(len(BLOCK.findall((ROOT / page).read_text())) for page in PAGES)
    assert count >= 10


def test_every_example_is_shown():
    text = (ROOT / "docs/examples.md").read_text()
    for path in FOLDER.glob("*.py"):
        assert f"examples/{path.name}" in text


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md"), Path("CHANGELOG.md")], ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
