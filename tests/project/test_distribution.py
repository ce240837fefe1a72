"""The source archive: what it holds, its metadata, and what package indexes show of it."""

import email
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not (ROOT / "MANIFEST.in").exists(), reason="this is no checkout")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The source archive."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", folder, "sdist", "-d", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("cycodec-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def names(archive):
    """The names in the archive, without its folder."""
    with tarfile.open(archive) as tar:
        return {name.partition("/")[2] for name in tar.getnames()}


@pytest.fixture(scope="module")
def metadata(archive):
    """The metadata as an index reads it."""
    with tarfile.open(archive) as tar:
        (member,) = [item for item in tar if re.fullmatch(r"[^/]+/PKG-INFO", item.name)]
        return email.message_from_string(tar.extractfile(member).read().decode())


def test_everything_that_git_knows_is_in_it(names):
    if not (ROOT / ".git").exists():
        pytest.skip("this is an unpacked archive")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    left_out = re.findall(r"^prune (.+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE)
    assert set(left_out) <= {"docs/gallery"}  # pictures that the documentation shows
    wanted = [name for name in listed.splitlines() if not name.startswith(tuple(left_out))]
    missing = [name for name in wanted if name not in names and (ROOT / name).exists()]
    assert missing == []


def test_nothing_built_is_in_it(names):
    built = [name for name in names if re.search(r"\.(so|pyd|pyc|o)$|__pycache__|^build/", name)]
    assert built == []


def test_metadata(metadata):
    classifiers = metadata.get_all("Classifier")
    for minor in range(10, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    links = dict(entry.split(", ") for entry in metadata.get_all("Project-URL"))
    assert {"Repository", "Documentation", "Changelog", "Issues"} <= set(links)
    assert metadata["Author"]
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "BSD-3-Clause AND MIT"
    assert "csrc/third_party/nvcodec/LICENSE" in metadata.get_all("License-File")


def test_links_of_the_readme_are_absolute(metadata):
    text = metadata.get_payload()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 15
    assert [target for target in targets if not target.startswith("https://")] == []
    (picture,) = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert "/raw/v" in picture
    for target in targets:
        path = re.search(r"/(?:raw|blob)/v[^/]+/([^#]+)", target)[1]
        assert (ROOT / path).exists(), path


def test_the_index_would_take_it(archive):
    pytest.importorskip("twine")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", archive], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
