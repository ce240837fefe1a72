"""The files around the code: versions agree, and what forms and workflows name exists."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from cycodec._cli.commands import COMMANDS

tomllib = pytest.importorskip("tomllib", reason="Python 3.11")

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    *(ROOT / ".github").rglob("*.yml"),
    ROOT / ".pre-commit-config.yaml",
    ROOT / ".github/PULL_REQUEST_TEMPLATE.md",
    ROOT / "changes/README.md",
]


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == version


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_named_commands_exist(path):
    text = path.read_text()
    for name in re.findall(r"(?<![\w/])((?:tools|\.ci)/[\w-]+)", text):
        assert (ROOT / name).exists(), name
    commands = {command.name for command in COMMANDS}
    for name in re.findall(r"`cycodec ([a-z]+)", text):
        assert name in commands


def test_forms_ask_for_reports():
    folder = ROOT / ".github/ISSUE_TEMPLATE"
    asked = {path.stem: path.read_text() for path in folder.glob("*.yml")}
    assert "cycodec verify FILE" in asked["wrong_frames"]
    assert "cycodec doctor" in asked["error"]
    assert "cycodec explain FILE" in asked["slow"]


def test_fragments_have_a_kind():
    kinds = "|".join(
        kind["directory"]
        for kind in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
    )
    for path in (ROOT / "changes").iterdir():
        assert path.name == "README.md" or re.fullmatch(rf"[\w+-]+\.({kinds})(\.\d+)?\.md", path.name), (
            path.name
        )


def test_hooks_are_the_checks_of_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for repo in hooks for hook in repo["hooks"]] == ["tools/lint"]
    assert "run: .ci/run\n" in (ROOT / ".github/workflows/tests.yml").read_text()
    assert "tools/lint " in (ROOT / ".ci/run").read_text()


def test_tools_of_lint_have_a_version():
    """Everybody's checks are the same ones: each command comes from a pinned package."""
    checks = re.findall(r'^check "[^"]+" (\S+)', (ROOT / "tools/lint").read_text(), re.MULTILINE)
    pinned = re.findall(r"^([\w-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert len(checks) > 5
    for command in set(checks) - {"python"}:
        assert command in pinned or f"{command}-py" in pinned


def test_read_the_docs_has_the_packages_of_a_build():
    system = (ROOT / "tools/system.sh").read_text()
    advice = (ROOT / "tools/system_packages.txt").read_text()
    needed = set(re.findall(r"lib[\w-]+-dev|zlib1g-dev|pkg-config|ffmpeg(?= pkg)", system + advice))
    there = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())["build"]["apt_packages"]
    # the image has a compiler with its C library
    assert needed - {"libc6-dev"} <= set(there)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dry"], "unknown option --dry"),
        (["--quick"], "--quick is for --dry-run"),
        (["--dry-run", "--wheel"], "--wheel needs a file"),
        (["--dry-run", "--wheel", "absent.whl"], "--wheel needs a file"),
    ],
)
def test_a_release_checks_its_arguments_first(arguments, words, tmp_path):
    done = subprocess.run([ROOT / "tools/release", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert words in done.stderr
