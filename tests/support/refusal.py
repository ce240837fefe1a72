"""What every refusal of bad input has to look like."""

import re

import pytest

import cycodec
from cycodec.decoders import VideoDecoder

# What every message has to hold besides the source: something to do about it.
REMEDY = r"\(|check|give|pass|use|make|open|leave|say|allowed|must"


def refused(source, name, kind=cycodec.FFmpegError, **options):
    """Opening ends in an FFmpegError of `kind` whose message holds `name` and a remedy."""
    with pytest.raises(kind) as caught:
        VideoDecoder(source, **options)
    assert isinstance(caught.value, cycodec.FFmpegError)
    message = str(caught.value)
    assert name in message
    assert re.search(REMEDY, message), message
    return caught.value
