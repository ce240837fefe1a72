"""Every row of the table of errors in docs/errors.md runs."""

import builtins

import pytest
import tables
import torch

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder, set_nvdec_cache_capacity
from cycodec.encoders import AudioEncoder

ROWS = [tuple(tables.code(cell) for cell in row) for row in tables.rows("docs/errors.md", "errors")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors")
    tables.make_media(folder)
    return folder


def error_class(name):
    return getattr(builtins, name, None) or getattr(cycodec, name)


@pytest.mark.parametrize(("call", "ours", "theirs"), ROWS, ids=[row[0] for row in ROWS])
def test_error(call, ours, theirs, folder, monkeypatch):
    monkeypatch.chdir(folder)
    d = VideoDecoder("video.mp4")
    names = {
        "AudioDecoder": AudioDecoder,
        "AudioEncoder": AudioEncoder,
        "VideoDecoder": VideoDecoder,
        "d": d,
        "n": len(d),
        "set_nvdec_cache_capacity": set_nvdec_cache_capacity,
        "torch": torch,
    }
    with pytest.raises(error_class(ours)) as error:
        eval(call, names)
    assert isinstance(error.value, error_class(theirs))
    assert len(str(error.value)) > 15  # it says something


def test_the_table_is_long():
    assert len(ROWS) >= 25
