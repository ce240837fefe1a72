"""Every example of the gallery runs, and so does every Python block of README and docs."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import tables

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "examples"
HELPERS = ("clip.py", "pictures.py")
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in HELPERS)
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "api").glob("*.md")]
)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTIONAL = ("pyarrow",)  # packages of recipes, which cycodec does not need
# What the documentation of TorchCodec shows; its readers look for these names.
COUNTERPARTS = {
    "approximate_mode.py",
    "audio_decoding.py",
    "audio_encoding.py",
    "basic_cuda_example.py",
    "basic_example.py",
    "custom_frame_mappings.py",
    "file_like.py",
    "parallel_decoding.py",
    "performance_tips.py",
    "sampling.py",
    "transforms.py",
}

sys.path.insert(0, str(ROOT / "docs" / "_ext"))
import gallery_pages  # noqa: E402


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A folder with the files that the pages name."""
    folder = tmp_path_factory.mktemp("pages")
    tables.make_media(folder)
    tables.make_clip(folder / "other.mp4", rate=30)
    return folder


def environment():
    path = os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")])
    times = str(ROOT / "docs" / "benchmarks" / "gallery.json")  # a page fails if its times are missing
    return {**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg", "CYCODEC_RECORDED_TIMES": times}


# test_ray.py runs the page that needs Ray
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "ray_data.py"])
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
    names, lacking = {}, set()
    for number, block in enumerate(blocks, 1):
        missing = {name for name in OPTIONAL if f"import {name}\n" in block and find_spec(name) is None}
        lacking |= missing
        if not missing:
            exec(compile(block, f"{page}, block {number}", "exec"), names)
    if lacking:
        pytest.skip(f"all blocks passed but those that need {', '.join(lacking)}, which is not installed")


def test_pages_have_blocks():
    """The test above must find its blocks: a change of their notation must not empty it."""
    count = sum(len(BLOCK.findall((ROOT / page).read_text())) for page in PAGES)
    assert count >= 10


def test_the_gallery_has_every_example():
    assert sorted(f"{name}.py" for name in gallery_pages.PAGES) == EXAMPLES
    assert set(EXAMPLES) >= COUNTERPARTS


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_have_a_title_and_text(name):
    title, line, empty, *text = (FOLDER / name).read_text().removeprefix('"""\n').splitlines()
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert not empty
    assert text[0].endswith((".", ",")) or text[1]


def test_examples_leave_nothing_in_their_folder():
    done = subprocess.run(
        ["git", "status", "--porcelain", "--ignored", "docs/examples"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("this is not a checkout of git")
    left = [line for line in done.stdout.splitlines() if not line.endswith(("__pycache__/", ".py"))]
    assert not left


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md"), Path("CHANGELOG.md")], ids=str)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" in target:
            parts = urlsplit(target)
            assert parts.scheme == "https", target
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), target
            assert " " not in target
        else:
            assert ((ROOT / page).parent / target).exists(), target
    for role in re.findall(r"\{doc\}`/?([^`]+)`", text):
        folder, _, name = role.rpartition("/")
        if folder == "gallery":
            assert name in gallery_pages.PAGES
        else:
            assert (ROOT / "docs" / f"{role}.md").exists(), role


@pytest.mark.parametrize("name", EXAMPLES)
def test_links_of_examples_lead_somewhere(name):
    for target in re.findall(r":doc:`(?:[^`<]*<)?(/[^`>]+)>?`", (FOLDER / name).read_text()):
        folder, _, page = target.lstrip("/").rpartition("/")
        if folder == "gallery":
            assert page in gallery_pages.PAGES
        else:
            assert (ROOT / "docs" / f"{page}.md").exists(), target
