"""The reference is complete: public names, their parameters, commands and environment variables."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "",
    ".decoders",
    ".encoders",
    ".samplers",
    ".transforms",
    ".batch",
    ".datasets",
    ".compat",
    ".images",
)
REFERENCE = "\n".join(path.read_text() for path in sorted((ROOT / "docs" / "api").glob("*.md")))
DOCUMENTED = re.findall(r"^\.\. (?:auto\w+|py:data):: ([^\s()]+)(?:\(\))?$", REFERENCE, re.MULTILINE)
# Classes whose objects users only receive; the reference shows no arguments for them.
RECEIVED = re.findall(r"^\.\. autoclass:: (\S+)\(\)$", REFERENCE, re.MULTILINE)
PUBLIC = [
    f"cycodec{module}.{name}"
    for module in MODULES
    for name in importlib.import_module(f"cycodec{module}").__all__
]

# The methods that the reference names.
MEMBERS = dict(
    re.findall(r"^\.\. autoclass:: ([^\s()]+)(?:\(\))?\n +:members: (.+)$", REFERENCE, re.MULTILINE)
)


def resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_name_is_in_the_reference(path):
    """An object may have two public names; the reference has one of them."""
    assert path in DOCUMENTED or any(resolve(path) is resolve(other) for other in DOCUMENTED)


def test_the_reference_has_public_names_only():
    assert sorted(set(DOCUMENTED)) == sorted(DOCUMENTED)
    assert set(DOCUMENTED) <= set(PUBLIC)
    pages = [*(ROOT / "docs" / "api").glob("*.md"), ROOT / "docs" / "api.md"]
    for page in pages:
        private = re.findall(r"cycodec\.(?:_(?!_version__)\w+|core\.\w+)[\w.]*", page.read_text())
        assert not private, page


def test_every_public_module_is_read():
    """A new public module must come into MODULES."""
    import cycodec

    found = {
        path.stem
        for path in [
            *Path(cycodec.__file__).parent.glob("*.py"),
            *Path(cycodec.__file__).parent.glob("*/__init__.py"),
        ]
    } - {"__init__", "__main__"}
    folders = {path.parent.name for path in Path(cycodec.__file__).parent.glob("*/__init__.py")}
    public = {name for name in found | folders if not name.startswith("_")} - {"core", "cuda", "libav"}
    assert public == {module.lstrip(".") for module in MODULES if module}


def parameters_of(thing):
    """The parameters that a caller passes."""
    signature = inspect.signature(thing)
    return [name for name in signature.parameters if name not in ("self", "args", "kwargs", "options")]


def section(text, title):
    """The lines of one section of a docstring in NumPy's style, without the common indentation."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def callables():
    """Public functions, classes and methods by name."""
    for path in PUBLIC:
        thing = resolve(path)
        if not callable(thing):
            continue
        if not inspect.isclass(thing):
            yield path, thing
            continue
        received = any(thing is resolve(other) for other in RECEIVED)
        if not issubclass(thing, (Exception, tuple)) and not received:
            yield path, thing
        for name in MEMBERS.get(path, "").split(", "):
            if inspect.isroutine(method := getattr(thing, name, None)):
                yield f"{path}.{name}", method


CALLABLES = dict(callables())


@pytest.mark.parametrize("path", CALLABLES)
def test_every_parameter_has_a_type_and_a_text(path):
    text = inspect.getdoc(CALLABLES[path])
    assert text
    try:
        names = parameters_of(CALLABLES[path])
    except ValueError:  # a compiled class without a signature
        return
    lines = section(text, "Parameters") + section(text, "Attributes")
    described = {
        name.strip()
        for names in re.findall(r"^(\S[^:\n]*?) : \S.*$|^(\w+(?:, \w+)*)$", lines, re.MULTILINE)
        for name in "".join(names).split(",")
    }
    missing = [name for name in names if name not in described]
    elsewhere = re.search(r"those of `|[Aa]s for |[Ss]ee `|see StreamMetadata", text) or (
        len(names) == 1 and f"`{names[0]}`" in text
    )
    assert not missing or elsewhere, missing


def test_every_command_has_its_section():
    text = (ROOT / "docs" / "command-line.md").read_text()
    done = subprocess.run(
        [sys.executable, "-m", "cycodec", "--help"], capture_output=True, text=True, check=True
    )
    commands = re.findall(r"^  ([a-z]+) {2,}", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert len(commands) >= 10
    for command in commands:
        assert f"```{{command-output}} cycodec {command} --help\n" in text, command


def test_every_environment_variable_is_listed():
    table = set(re.findall(r"`(CYCODEC_[A-Z_]+)`", (ROOT / "docs" / "environment.md").read_text()))
    read = set()
    for folder, pattern in (("cycodec", "*.py"), ("cycodec", "*.pyx"), ("tests", "*.py"), ("tools", "*")):
        for path in (ROOT / folder).rglob(pattern):
            if path.is_file() and path.suffix in ("", ".py", ".pyx", ".sh"):
                read |= set(re.findall(r"\bCYCODEC_[A-Z_]+[A-Z]\b", path.read_text(errors="replace")))
    read |= set(re.findall(r"\bCYCODEC_[A-Z_]+[A-Z]\b", (ROOT / "setup.py").read_text()))
    read = {name for name in read if not name.endswith("_H") and name != "CYCODEC_ABI"}
    assert read <= table, sorted(read - table)
    assert table <= read, sorted(table - read)
