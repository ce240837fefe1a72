"""Names that a module lacks are answered by words, and names of FFmpeg's version."""

import importlib
import subprocess
import sys

import pytest

import cycodec
import cycodec.decoders

PARTS = ("batch", "datasets", "decoders", "encoders", "images", "samplers", "transforms")
MODULES = ["cycodec", *(f"cycodec.{name}" for name in PARTS)]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("from cycodec import VideoDecoder", "from cycodec.decoders import VideoDecoder"),
        ("from cycodec import AudioEncoder", "from cycodec.encoders import AudioEncoder"),
        ("from cycodec.decoders import AudioEncoder", "it is in cycodec.encoders"),
        ("from cycodec.encoders import Frame", "from cycodec import Frame"),
        ("from cycodec.transforms import VideoClips", "it is in cycodec.datasets"),
        ("from cycodec.samplers import decode_batch", "it is in cycodec.batch"),
        ("from cycodec.batch import Resize", "it is in cycodec.transforms"),
        ("from cycodec.datasets import clips_at_random_indices", "it is in cycodec.samplers"),
        ("from cycodec import decode_image", "from cycodec.decoders import decode_image"),
        ("from cycodec.decoders import PngEncoder", "it is in cycodec.encoders"),
        ("from cycodec.decoders import Demuxer", "PyAV"),
        ("from cycodec import core_library_path", "get_include"),
    ],
)
def test_import_says_where_a_name_is(statement, words):
    with pytest.raises(ImportError, match="has no attribute") as error:
        exec(statement, {})
    assert words in str(error.value)


@pytest.mark.parametrize("name", MODULES)
def test_attribute_says_where_a_name_is(name):
    module = importlib.import_module(name)
    with pytest.raises(AttributeError, match="PyAV"):
        _ = module.RawFrame
    assert not hasattr(module, "RawFrame")
    assert getattr(module, "RawFrame", 5) == 5
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nonsense'$"):
        _ = module.nonsense
    with pytest.raises(ImportError, match="has no attribute 'nonsense'"):
        exec(f"from {name} import nonsense", {})
    with pytest.raises(AttributeError, match="__nonsense__"):
        _ = module.__nonsense__


def test_no_name_is_both_public_and_absent():
    from cycodec._shared.missing_names import ABSENT

    public = {name for module in MODULES for name in importlib.import_module(module).__all__}
    assert public & set(ABSENT) == set()


def test_ffmpeg_major_version():
    from cycodec import ffmpeg_major_version

    assert isinstance(ffmpeg_major_version, int)
    text = cycodec.ffmpeg_versions()["ffmpeg"].removeprefix("n")
    if text[0].isdigit():  # a build from git has no number
        assert ffmpeg_major_version == int(text.split(".")[0])


def test_ffmpeg_major_version_without_ffmpeg():
    program = """
import sys
sys.modules["cycodec.core.ffmpeg"] = None  # how Python marks a module that cannot be imported
import cycodec
print(cycodec.ffmpeg_major_version)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
