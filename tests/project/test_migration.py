"""Every row of docs/migration.md runs: the new call with cycodec, the old one through a parser."""

import ast
import re
from pathlib import Path

import pytest
import tables

PAGE = "docs/migration.md"
TABLES = ("torchcodec", "decord", "pyav", "torchvision", "opencv", "torchaudio")
ROWS = [(table, *row) for table in TABLES for row in tables.rows(PAGE, table)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the rows begin with, in a folder with the files that they name."""
    folder = tmp_path_factory.mktemp("migration")
    tables.make_media(folder)
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        begin = BLOCK.search((tables.ROOT / PAGE).read_text())
        exec(begin[1], names)
        yield names


def pieces(cell):
    """The pieces of code of a cell."""
    return re.findall(r"`([^`]*)`", cell)


@pytest.mark.parametrize(("table", "old", "new"), ROWS, ids=[f"{row[0]}: {row[1]}"[:60] for row in ROWS])
def test_row(table, old, new, names):
    assert pieces(new), "no call"
    for code in pieces(old):
        ast.parse(code)
    for code in pieces(new):
        run(code, dict(names))


def run(code, names):
    """Run code. If its last statement is an expression, it must have a value, unless it is a call
    of a method that returns none.
    """
    *statements, last = ast.parse(code).body
    exec(compile(ast.Module(statements, []), code, "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), code, "eval"), names)
        function = getattr(last.value, "func", None)
        assert (value is None) == (getattr(function, "attr", "") in ("to_file", "close"))
        assert getattr(value, "shape", (1,)) != (0,)
    else:
        exec(compile(ast.Module([last], []), code, "exec"), names)


def test_every_library_has_rows():
    assert {row[0] for row in ROWS} == set(TABLES)
    assert len(ROWS) >= 60
    assert Path(tables.ROOT / PAGE).exists()
