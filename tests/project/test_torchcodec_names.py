"""docs/_ext/torchcodec.toml: TorchCodec's names exist here with their arguments, or are absent."""

import inspect
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="Python 3.11")
pytest.importorskip("docutils", reason="a part of the documentation's tools", exc_type=ImportError)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
import torchcodec_differences as differences  # noqa: E402

NAMES = differences.NAMES
HERE = [name for name in NAMES if "absent" not in NAMES[name]]
ABSENT = [name for name in NAMES if "absent" in NAMES[name]]


def takes(function, names):
    """Assert that a function has arguments of these names."""
    parameters = inspect.signature(function).parameters
    open_ended = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    missing = [name for name in names if name not in parameters]
    assert not missing or open_ended, missing


@pytest.mark.parametrize("name", HERE)
def test_names_have_the_arguments_of_torchcodec(name):
    thing = differences.resolve(name)
    if NAMES[name].get("parameters"):
        takes(thing, NAMES[name]["parameters"])
    for method, parameters in NAMES[name].get("methods", {}).items():
        member = getattr(thing, method)
        if inspect.isroutine(member):
            takes(member, parameters)


@pytest.mark.parametrize("name", ABSENT)
def test_absent_names_are_absent(name):
    with pytest.raises(AttributeError):
        differences.resolve(name)


@pytest.mark.parametrize("name", NAMES)
def test_differences_are_short_sentences(name):
    for text in differences.sentences(name):
        assert text.endswith(".")
        assert len(re.sub(r"`[^`]+`(, | and )?", "x", text).split()) < 30


def test_what_only_cycodec_has_is_found():
    arguments, members, *_ = differences.additions("decoders.VideoDecoder")
    assert "`index`" in arguments
    assert "`num_threads`" in arguments
    assert "`source`" not in arguments
    assert "`plan`" in members
    assert "`metadata`" not in members
    of_frames = differences.additions("encoders.VideoStream")
    assert "Only cycodec has the argument `pts_seconds` of `add_frames`." in of_frames


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("cycodec.decoders.VideoDecoder", "Only cycodec has"),
        ("cycodec.decoders.get_nvdec_cache_capacity", "It accepts and returns the same."),
        ("cycodec.remux", "TorchCodec has no ``torchcodec.remux``."),
    ],
)
def test_notes(path, words):
    lines = ["The summary."]
    differences.add_note(None, "class", path, None, None, lines)
    assert ".. admonition:: Differences from TorchCodec" in lines
    assert any(words in line for line in lines)


def test_exceptions_have_no_note():
    lines = []
    differences.add_note(None, "exception", "cycodec.FFmpegError", None, None, lines)
    assert not lines


def test_the_page_has_every_module():
    page = (ROOT / "docs" / "api" / "torchcodec.md").read_text()
    modules = set(re.findall(r"^\.\. torchcodec-differences:: ?(\w*)$", page, re.MULTILINE))
    assert modules == {
        name.split(".")[0] if name.split(".")[0] in differences.MODULES else "" for name in NAMES
    }


def test_every_name_of_an_installed_torchcodec_is_listed():
    pytest.importorskip("torchcodec", reason="TorchCodec is not installed", exc_type=ImportError)
    import importlib

    for module in differences.MODULES:
        theirs = importlib.import_module(".".join(filter(None, ["torchcodec", module])))
        for name in getattr(theirs, "__all__", []):
            thing = getattr(theirs, name)
            if inspect.ismodule(thing) or thing.__module__.partition(".")[0] != "torchcodec":
                continue
            assert ".".join(filter(None, [module, name])) in NAMES
