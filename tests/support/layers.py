"""Finds who uses whom in a checkout: imports of Python and Cython, includes of C, and private
attributes.

A module is a path without its suffix, relative to the checkout: ``cycodec/core/video/reader``
stands for the ``.pyx`` and the ``.pxd`` file of that name, ``csrc/convert/turn`` for the ``.c`` and
the ``.h`` file. A layer is a folder or a module that a table names; names that do not begin with
``csrc`` are relative to ``cycodec``.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PYTHON, CYTHON, C = (".py",), (".pyx", ".pxd", ".pxi"), (".c", ".h", ".cu")
# Folders in which the compiler looks for what a C or Cython file includes.
INCLUDE_FOLDERS = ("csrc", "cycodec/cuda/kernels")

TRIPLE_QUOTED = re.compile(r'"""(?:\\.|[^\\])*?"""|' + r"'''(?:\\.|[^\\])*?'''", re.DOTALL)
CYTHON_COMMENT = re.compile(r"#.*")
CYTHON_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n]*)", re.MULTILINE)
CYTHON_IMPORT = re.compile(r"^[ \t]*c?import[ \t]+([^\n(]+)", re.MULTILINE)
CYTHON_INCLUDE = re.compile(r'^[ \t]*(?:cdef[ \t]+extern[ \t]+from|include)[ \t]+"([^"]+)"', re.MULTILINE)
CYTHON_PRIVATE = re.compile(r"(\w+|[)\]])\s*\.(_[a-zA-Z]\w*)")
GETATTR_PRIVATE = re.compile(r"""\b[gs]etattr\(\s*(\w+)[^,()]*,\s*["'](_[a-zA-Z]\w*)["']""")
CYTHON_DEFINED = re.compile(
    r"^[ \t]*(?:cdef|cpdef|def|class)\b[^\n]*?\b(_[a-zA-Z]\w*)|\bself\.(_[a-zA-Z]\w*)", re.MULTILINE
)
C_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+["<]([^">]+)[">]', re.MULTILINE)


class Use(NamedTuple):
    """One module names another one.

    Attributes
    ----------
    user, used : str
        The modules; `used` is a dotted name where it belongs to another package.
    deferred : bool
        True if a function does it, so that loading `user` does not load `used`.
    """

    user: str
    used: str
    deferred: bool = False


class Reach(NamedTuple):
    """A module touches a private attribute of an object that is not its own `self`."""

    user: str
    name: str


@dataclass(frozen=True)
class Checkout:
    """The sources below a folder.

    Attributes
    ----------
    root : Path
        Folder that holds ``cycodec`` and ``csrc``.
    """

    root: Path

    def files(self, *suffixes: str) -> list[Path]:
        """Source files with one of these suffixes, without those of third parties."""
        found = [path for folder in ("cycodec", "csrc") for path in (self.root / folder).rglob("*")]
        return sorted(path for path in found if path.suffix in suffixes and "third_party" not in path.parts)

    def module(self, path: Path) -> str:
        """Return the module that a file belongs to."""
        return path.relative_to(self.root).with_suffix("").as_posix()

    def named(self, dotted: str) -> str:
        """Return the module of a dotted name: a file of ours, or the name itself where we have
        none.
        """
        path = self.root.joinpath(*dotted.split("."))
        if path.is_dir() and dotted.split(".")[0] == "cycodec":
            return self.module(path / "__init__.py")
        if any(path.with_name(path.name + suffix).exists() for suffix in (*PYTHON, *CYTHON)):
            return self.module(path.with_name(path.name + ".py"))
        return dotted

    def members(self, start: str, names: list[str]) -> list[str]:
        """Return the modules that ``from start import names`` names: submodules, else `start`
        itself.
        """
        submodules = [self.named(f"{start}.{name}") for name in names]
        return [self.named(start) if "." in module else module for module in submodules]

    def included(self, path: Path, name: str) -> str | None:
        """Return the module of an included file; None where it is not in the checkout."""
        for folder in (path.parent, *(self.root / folder for folder in INCLUDE_FOLDERS)):
            if (folder / name).is_file():
                return self.module((folder / name).resolve())
        return None

    def uses(self) -> list[Use]:
        """Every use of a module by another one, in all languages; what only type checkers see is
        left out.
        """
        found = [use for path in self.files(*PYTHON) for use in self.python_uses(path)]
        found += [use for path in self.files(*CYTHON) for use in self.cython_uses(path)]
        found += [use for path in self.files(*C) for use in self.c_uses(path)]
        return [use for use in dict.fromkeys(found) if use.user != use.used]

    def python_uses(self, path: Path) -> Iterator[Use]:
        """Yield what a Python file imports, deferred or by ``import_module("...")``, too."""
        tree = ast.parse(path.read_text())
        hidden = {
            id(inner) for node in ast.walk(tree) if is_for_type_checkers(node) for inner in ast.walk(node)
        }
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        deferred = {id(inner) for function in functions for inner in ast.walk(function)}
        for node in ast.walk(tree):
            if id(node) in hidden:
                continue
            for name in self.python_names(path, node):
                yield Use(self.module(path), name, id(node) in deferred)

    def python_names(self, path: Path, node: ast.AST) -> list[str]:
        """Return the modules that a statement or a call imports."""
        if isinstance(node, ast.Import):
            return [self.named(alias.name) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            assert node.module
            return self.members(node.module, [alias.name for alias in node.names])
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith("import_module"):
            (name, *_) = node.args
            return [self.named(name.value)] if isinstance(name, ast.Constant) else []
        return []

    def cython_uses(self, path: Path) -> Iterator[Use]:
        """Yield what a Cython file imports, cimports, includes and takes from headers."""
        text = cython_code(path)
        for start, names in CYTHON_FROM.findall(text):
            assert not start.startswith("."), f"{path}: relative imports hide the direction"
            for module in self.members(start, plain_names(names)):
                yield Use(self.module(path), module)
        for names in CYTHON_IMPORT.findall(text):
            for name in plain_names(names):
                yield Use(self.module(path), self.named(name))
        for name in CYTHON_INCLUDE.findall(text):
            if module := self.included(path, name):
                yield Use(self.module(path), module)

    def c_uses(self, path: Path) -> Iterator[Use]:
        """Yield what a C or CUDA file includes of the checkout."""
        for name in C_INCLUDE.findall(path.read_text()):
            if module := self.included(path, name):
                yield Use(self.module(path), module)

    def reaches(self) -> list[Reach]:
        """Every private attribute that a module touches of an object that is not its own `self`."""
        found = []
        for path in self.files(*PYTHON):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_self(node.value):
                    found.append(Reach(self.module(path), node.attr))
            found += self.reaches_by_name(path, path.read_text())
        for path in self.files(*CYTHON):
            text = cython_code(path)
            for owner, name in CYTHON_PRIVATE.findall(text):
                if owner not in ("self", "cls"):
                    found.append(Reach(self.module(path), name))
            found += self.reaches_by_name(path, text)
        return list(dict.fromkeys(found))

    def reaches_by_name(self, path: Path, text: str) -> list[Reach]:
        """Private attributes that ``getattr`` or ``setattr`` names."""
        return [
            Reach(self.module(path), name)
            for owner, name in GETATTR_PRIVATE.findall(text)
            if owner not in ("self", "cls")
        ]

    def private_names(self) -> dict[str, set[str]]:
        """Private name -> the modules that define it, as a function, a class, a variable or an
        attribute of `self`.
        """
        found: dict[str, set[str]] = {}
        for path in self.files(*PYTHON):
            for name in python_definitions(path):
                found.setdefault(name, set()).add(self.module(path))
        for path in self.files(*CYTHON):
            for names in CYTHON_DEFINED.findall(cython_code(path)):
                found.setdefault("".join(names), set()).add(self.module(path))
        return found


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def python_definitions(path: Path) -> Iterator[str]:
    """Private names that a Python file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            names = [node.attr]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        else:
            continue
        yield from filter(is_private, names)


def cython_code(path: Path) -> str:
    """Return the text of a Cython file without docstrings and comments, lines that go on joined."""
    text = TRIPLE_QUOTED.sub('""', path.read_text())
    return CYTHON_COMMENT.sub("", text).replace("\\\n", " ")


def plain_names(text: str) -> list[str]:
    """Return the names of ``a, b as c`` without their new names."""
    names = (part.split(" as ")[0].strip() for part in text.strip("() \t").replace("\n", " ").split(","))
    return [name for name in names if name]


class Table:
    """Which layer may use which: those that its row names, and what these may use.

    Parameters
    ----------
    rows : mapping
        layer -> layers that it may use. ``"name (lazily)"`` allows imports within functions alone.
    """

    LAZILY = " (lazily)"

    def __init__(self, rows: dict[str, tuple[str, ...]]) -> None:
        self.rows = rows

    def direct(self, layer: str, *, lazily: bool) -> set[str]:
        """Return the layers that a row names; those after "lazily" only if `lazily`."""
        names = self.rows[layer]
        return {name.removesuffix(self.LAZILY) for name in names if lazily or not name.endswith(self.LAZILY)}

    def allowed(self, layer: str, *, lazily: bool = True) -> set[str]:
        """All layers that a layer may use, itself or through others."""
        return below({name: self.direct(name, lazily=lazily) for name in self.rows}, layer)

    def layer_of(self, module: str) -> str | None:
        """Return the layer of a module: the longest name that it begins with; None for other
        packages.
        """
        name = module.removeprefix("cycodec/")
        parts = name.split("/")
        prefixes = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((prefix for prefix in prefixes if prefix in self.rows), None)

    def render(self) -> str:
        """Return the table in Markdown."""
        lines = ["| folder or module | may use |", "|---|---|"]
        for layer, names in self.rows.items():
            quoted = [re.sub(r"^(\S+)", r"`\1`", name) for name in names]
            lines.append(f"| `{layer}` | {', '.join(quoted) or 'nothing of ours'} |")
        return "\n".join(lines)


def upward_uses(checkout: Checkout, table: Table) -> list[str]:
    """Return a line for each use that the table does not allow."""
    found = []
    for user, used, deferred in checkout.uses():
        above, under = table.layer_of(user), table.layer_of(used)
        if above is None or under is None or above == under:
            continue
        if under not in table.allowed(above, lazily=deferred):
            found.append(f"{user} uses {used}" + ("" if deferred else " when it is loaded"))
    return found


def upward_reaches(checkout: Checkout, table: Table) -> list[str]:
    """Return a line for each private attribute that no layer of the module or below defines."""
    homes = checkout.private_names()
    found = []
    for user, name in checkout.reaches():
        own = table.layer_of(user)
        if own is None or name not in homes:
            continue
        layers = {table.layer_of(module) for module in homes[name]}
        if not layers & {own, *table.allowed(own)}:
            found.append(f"{user} touches .{name}, which {', '.join(sorted(homes[name]))} defines")
    return found


def strangers(checkout: Checkout, table: Table) -> list[str]:
    """Modules that no row of the table names; the empty ``core/__init__`` needs none."""
    modules = {checkout.module(path) for path in checkout.files(*PYTHON, *CYTHON, *C)}
    modules.discard("cycodec/core/__init__")
    return sorted(module for module in modules if table.layer_of(module) is None)


def below(edges: dict[str, set[str]], start: str) -> set[str]:
    """All nodes that can be reached from a node."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def circles(pairs: set[tuple[str, str]]) -> list[list[str]]:
    """Groups of nodes that can reach one another, each sorted."""
    edges: dict[str, set[str]] = {}
    for user, used in pairs:
        edges.setdefault(user, set()).add(used)
    reachable = {node: below(edges, node) for node in edges}
    groups = {
        tuple(sorted(other for other in nodes if node in reachable.get(other, ())))
        for node, nodes in reachable.items()
        if node in nodes
    }
    return [list(group) for group in sorted(groups)]


def module_circles(checkout: Checkout) -> list[list[str]]:
    """Modules that use one another in a circle, in any language."""
    return circles({(use.user, use.used) for use in checkout.uses()})


def layer_circles(checkout: Checkout, table: Table) -> list[list[str]]:
    """Layers whose modules use one another in a circle."""
    pairs = {(table.layer_of(use.user), table.layer_of(use.used)) for use in checkout.uses()}
    return circles({(user, used) for user, used in pairs if user and used and user != used})
