"""Marks in the reference where each name differs from TorchCodec's.

torchcodec.toml holds what TorchCodec offers. What only cycodec has is found by comparison with the
code, so that it cannot become outdated.
"""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import tomllib
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

WHOLE = tomllib.loads(Path(__file__).with_name("torchcodec.toml").read_text())
NAMES = WHOLE["names"]
# Modules of which an object's name is looked for, in this order.
MODULES = ("", "decoders", "encoders", "samplers", "transforms")
# Methods through which cycodec uses its own classes.
INTERNAL = {"update", "resolve", "steps"}


def resolve(name):
    """Return the object of cycodec that has a name such as "decoders.VideoDecoder.get_frame_at"."""
    parts = name.split(".")
    depth = 1 if parts[0] in MODULES[1:] else 0
    thing = importlib.import_module(".".join(["cycodec", *parts[:depth]]))
    for part in parts[depth:]:
        thing = getattr(thing, part)
    return thing


def arguments_of(thing):
    """Return the names of the arguments that a caller passes; None if they cannot be told."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.kind not in variadic and each.name != "self"]


def members_of(cls):
    """Return the public methods and properties that the classes of cycodec define."""
    if dataclasses.is_dataclass(cls) or issubclass(cls, (tuple, int)):
        return []
    names = []
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("cycodec"):
            names += [name for name in vars(base) if not name.startswith("_") and name not in INTERNAL]
    return list(dict.fromkeys(names))


def in_words(names):
    """Return a list of names as code: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def only_here(kind, names, where=""):
    """Return a list with the sentence about names that only cycodec has, if there are any."""
    plural = "s" * (len(names) != 1)
    return [f"Only cycodec has the {kind}{plural} {in_words(names)}{where}."] if names else []


def additions(name):
    """Return sentences about what only cycodec has under a name of TorchCodec."""
    theirs, ours = NAMES[name], resolve(name)
    found = []
    if "parameters" in theirs:
        extra = [each for each in arguments_of(ours) or [] if each not in theirs["parameters"]]
        found += only_here("argument", extra)
    if "methods" in theirs:
        extra = [each for each in members_of(ours) if each not in theirs["methods"]]
        found += only_here("member", extra)
        for method, parameters in theirs["methods"].items():
            function = getattr(ours, method)
            if inspect.isroutine(function):
                extra = [each for each in arguments_of(function) or [] if each not in parameters]
                found += only_here("argument", extra, f" of `{method}`")
    return found


def sentences(name):
    """Return all differences of a name of TorchCodec, as sentences."""
    entry = NAMES[name]
    if "absent" in entry:
        return [f"cycodec has no such name. {entry['absent']}"]
    return entry.get("differs", []) + additions(name)


def name_in_torchcodec(path):
    """Return TorchCodec's name of an object of cycodec, or None."""
    short = path.removeprefix("cycodec.")
    return short if short in NAMES and "absent" not in NAMES[short] else None


def as_rst(text):
    """Return a sentence with code between two backquotes, as reStructuredText writes it."""
    return re.sub(r"`([^`]+)`", r"``\1``", text)


def add_note(app, what, path, thing, options, lines):
    """Add the differences to a docstring; members have a note only where they differ."""
    name = name_in_torchcodec(path)
    is_member = what in ("method", "property", "attribute")
    if what == "exception" or (name is None and is_member):
        return
    theirs = path.replace("cycodec", "torchcodec", 1)
    found = [f"TorchCodec has no `{theirs}`."] if name is None else sentences(name)
    if not found:
        found = ["It accepts and returns the same."]
    lines += ["", ".. admonition:: Differences from TorchCodec", "   :class: torchcodec", ""]
    lines += [f"   - {as_rst(text)}" for text in found]
    lines.append("")


class Differences(Directive):
    """The differences of all names of one module: ``.. torchcodec-differences:: decoders``."""

    optional_arguments = 1

    def run(self):
        module = self.arguments[0] if self.arguments else ""
        lines = []
        for name in NAMES:
            parts = name.split(".")
            if (parts[0] if parts[0] in MODULES[1:] else "") == module:
                shown = ".".join(parts[1:]) if module else name
                texts = sentences(name) or ["There is no difference."]
                lines += [f"``{shown}``", *(f"   - {as_rst(text)}" for text in texts), ""]
        node = nodes.Element()
        self.state.nested_parse(StringList(lines, "torchcodec.toml"), 0, node)
        return node.children


def setup(app):
    # numpydoc rewrites docstrings first
    app.connect("autodoc-process-docstring", add_note, priority=900)
    app.add_directive("torchcodec-differences", Differences)
    return {"parallel_read_safe": True}
