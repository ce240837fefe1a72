"""References in comments and documents lead somewhere: ``Note [Title]`` to its text, and no
reference to lost files.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".toml", ".py", ".pyx", ".pxd", ".c", ".h", ".cu", ".cpp", ".md"}

# A note begins a line of a comment or a docstring; its text follows on the next line or after a
# colon.
NOTE = re.compile(r'^[ \t#/*"]*Note \[([^\]\n]+)\](?::|[ \t]*$)', re.MULTILINE)
REFERENCE = re.compile(r"Note \[([^\]]+)\](?: in `?([\w/.]+\.(?:py|pyx|pxd|c|h|cu|cpp))\b)?")
NEXT_LINE = re.compile(r"\n[ \t]*(?:[#*]+[ \t]*)?")
LOST = re.compile(r"DESIGN, decision|\(reference: [\w-]+, section")


def written_files(root):
    """Returns the sources and documents of a checkout, except third_party and tests/project."""
    folders = [root / name for name in ("cycodec", "csrc", "tests", "tools", "docs")]
    files = [path for folder in folders for path in folder.rglob("*")] + list(root.glob("*.*"))
    skipped = ("third_party", "project", "examples")
    return sorted(
        path for path in files if path.suffix in SUFFIXES and not any(name in path.parts for name in skipped)
    )


def notes_of(files):
    """Title -> the files that define the note."""
    found = {}
    for path in files:
        for title in NOTE.findall(path.read_text()):
            found.setdefault(title, []).append(path)
    return found


def broken_references(files):
    """(file, title, named file) of each reference to a note that is not there, or is in another
    file.
    """
    notes = notes_of(files)
    found = []
    for path in files:
        text = NEXT_LINE.sub(" ", path.read_text())
        for title, name in REFERENCE.findall(text):
            homes = [str(home) for home in notes.get(title, [])]
            if title != "Title" and not any(home.endswith(f"/{name}") or not name for home in homes):
                found.append((path.name, title, name))
    return found


def test_every_reference_to_a_note_leads_to_it():
    files = written_files(ROOT)
    assert len(notes_of(files)) > 20
    assert broken_references(files) == []


def test_a_note_has_one_place():
    notes = notes_of(written_files(ROOT))
    assert {title: paths for title, paths in notes.items() if len(paths) > 1} == {}


def test_no_comment_refers_to_lost_documents():
    assert [path.name for path in written_files(ROOT) if LOST.search(path.read_text())] == []


@pytest.mark.parametrize(
    ("reference", "broken"),
    [
        ("see Note [Good]", False),
        ("see Note [Good] in core/good.pyx", False),
        ("see Note\n    # [Good] in core/good.pyx", False),
        ("see Note [Good] in `good.pyx`.", False),
        ("see Note [Bad]", True),
        ("see Note [Good] in core/other.pyx", True),
    ],
)
def test_the_finder_finds_what_is_broken(tmp_path, reference, broken):
    (tmp_path / "core").mkdir()
    good, user = tmp_path / "core" / "good.pyx", tmp_path / "user.py"
    good.write_text('"""\nNote [Good]\n===========\nIt is good.\n"""\n')
    user.write_text(f"# {reference}\n")
    assert bool(broken_references([good, user])) == broken
