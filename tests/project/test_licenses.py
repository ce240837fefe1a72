"""docs/licenses.md agrees with vendored files, the recipe of the wheel, and the dependencies."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tables

tomllib = pytest.importorskip("tomllib", reason="Python 3.11")

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/licenses.md"
THIRD_PARTY = ROOT / "csrc" / "third_party"
sys.path.insert(0, str(ROOT / "tools"))

from wheels import recipe  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_vendored_folders():
    listed = {tables.code(row[0]): row for row in tables.rows(PAGE, "vendored")}
    folders = {path.relative_to(ROOT).as_posix() for path in THIRD_PARTY.iterdir() if path.is_dir()}
    assert set(listed) == folders
    for folder, (_, _, version, license, source) in listed.items():
        assert (ROOT / folder / "LICENSE").read_text().strip()
        assert version in (ROOT / folder / "README.md").read_text()
        assert license in PROJECT["license"].split(" AND ")
        assert re.fullmatch(r"<https://\S+>", source)


def test_libraries_of_the_wheel():
    listed = {row[0]: row[2] for row in tables.rows(PAGE, "wheel")}
    assert listed == {item.package: item.license for item in recipe.ALL}
    for package, version, _, source in tables.rows(PAGE, "wheel"):
        assert re.fullmatch(r"\d+(\.\d+)+", version), package
        assert re.fullmatch(r"<https://\S+>", source), package


def test_versions_suit_the_recipe():
    versions = {row[0]: row[1] for row in tables.rows(PAGE, "wheel")}
    for item in recipe.ALL:
        assert versions[item.package].startswith(item.version)


def test_python_packages():
    extras = PROJECT["optional-dependencies"].values()
    needed = [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in needed}
    assert {row[0] for row in tables.rows(PAGE, "packages")} == names


def test_the_version_was_reviewed():
    assert PROJECT["version"] in [row[0] for row in tables.rows(PAGE, "review")]


def test_no_file_of_others_is_elsewhere():
    """A notice of copyright outside the listed places means a file that came from somebody else."""
    command = ["git", "grep", "-lIi", "-E", r"^\W*(copyright \(c\)|spdx-license-identifier)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode > 1:
        pytest.skip("this is not a checkout of git")
    found = [path for path in done.stdout.splitlines() if not path.startswith("csrc/third_party/")]
    assert found == ["LICENSE"]
