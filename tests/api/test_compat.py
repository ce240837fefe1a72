"""cycodec.compat: ``import torchcodec`` gives cycodec, on request, and only until it is undone."""

import importlib
import importlib.metadata
import importlib.util
import pickle
import subprocess
import sys
from types import ModuleType

import media
import pytest

import cycodec
from cycodec import compat, decoders, encoders, samplers, transforms


@pytest.fixture(autouse=True)
def clean():
    yield
    compat.uninstall()
    assert not any(name.split(".")[0] == "torchcodec" for name in sys.modules)


def test_modules_and_classes_are_those_of_cycodec():
    with compat.install():
        import torchcodec
        import torchcodec.decoders
        from torchcodec.encoders import AudioEncoder

        assert torchcodec.decoders.VideoDecoder is decoders.VideoDecoder
        assert AudioEncoder is encoders.AudioEncoder
        assert torchcodec.samplers.clips_at_random_indices is samplers.clips_at_random_indices
        assert torchcodec.transforms.Resize is transforms.Resize
        assert torchcodec.FrameBatch is cycodec.FrameBatch
        assert torchcodec.ffmpeg_major_version == cycodec.ffmpeg_major_version
        assert "VideoDecoder" in dir(torchcodec.decoders)
        names = {}
        exec("from torchcodec.decoders import *", names)
        assert names["AudioDecoder"] is decoders.AudioDecoder


def test_libraries_find_a_package_with_a_version():
    with compat.install():
        assert importlib.util.find_spec("torchcodec") is not None
        assert importlib.util.find_spec("torchcodec.decoders") is not None
        assert importlib.metadata.version("torchcodec") == compat.API_VERSION
        assert importlib.import_module("torchcodec").__version__ == compat.API_VERSION
        assert "torchcodec" in {found.metadata["Name"] for found in importlib.metadata.distributions()}
    with compat.install(version="0.9.1"):
        assert importlib.metadata.version("torchcodec") == "0.9.1"
        assert importlib.import_module("torchcodec").__version__ == "0.9.1"


def test_what_torchcodec_has_and_cycodec_lacks_is_named():
    with compat.install():
        with pytest.raises(ImportError, match="PyAV"):
            exec("from torchcodec.decoders import Demuxer", {})
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("torchcodec._core")
        assert not hasattr(importlib.import_module("torchcodec.decoders"), "nonsense")


def test_uninstall_undoes_everything():
    finders = list(sys.meta_path)
    with compat.install() as installed:
        assert compat.is_installed()
        compat.install()  # a second time changes nothing
        assert len(sys.meta_path) == len(finders) + 1
    assert installed is not None
    assert not compat.is_installed()
    assert sys.meta_path == finders
    compat.uninstall()  # a second time changes nothing
    if importlib.util.find_spec("torchcodec") is None:
        with pytest.raises(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version("torchcodec")


def test_a_torchcodec_that_was_imported_comes_back():
    real = {name: ModuleType(name) for name in ("torchcodec", "torchcodec.decoders", "torchcodec._core")}
    sys.modules.update(real)
    try:
        with pytest.warns(UserWarning, match="imported before"):
            compat.install()
        assert "torchcodec._core" not in sys.modules
        assert importlib.import_module("torchcodec.decoders").VideoDecoder is decoders.VideoDecoder
        compat.uninstall()
        assert {name: sys.modules[name] for name in real} == real
    finally:
        for name in real:
            del sys.modules[name]


def test_nothing_is_installed_unless_asked_for():
    program = """
import sys
import cycodec.compat, cycodec.decoders, cycodec.encoders
assert not any(name.split(".")[0] == "torchcodec" for name in sys.modules)
assert not cycodec.compat.is_installed()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_pickled_decoder_does_not_need_it():
    with compat.install():
        from torchcodec.decoders import VideoDecoder

        data = pickle.dumps(VideoDecoder(media.locate("h264_plain.mp4")))
    assert b"torchcodec" not in data
    assert len(pickle.loads(data)) > 0
