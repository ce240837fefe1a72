"""Checks how cycodec refuses bad input."""

import re

import pytest

import cycodec
from cycodec.decoders import VideoDecoder

# Besides the source, every message must name a remedy.
REMEDY = r"\(|check|give|pass|use|make|open|leave|say|allowed|must"


def refused(source, name, kind=cycodec.FFmpegError, **options):
    """Asserts that opening raises an FFmpegError of `kind` that names `name` and a remedy."""
    with pytest.raises(kind) as caught:
        VideoDecoder(source, **options)
    assert isinstance(caught.value, cycodec.FFmpegError)
    message = str(caught.value)
    assert name in message
    assert re.search(REMEDY, message), message
    return caught.value
