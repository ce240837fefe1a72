"""Reading one frame passes few Python functions and few files."""

import sys
from pathlib import Path

import media
import pytest

from cycodec.decoders import VideoDecoder

MOST_FRAMES = 7
MOST_FILES = 5


def calls(function):
    """Return the depth of the deepest Python call in a function, and the files of all calls."""
    depth = deepest = 0
    files = set()

    def profile(frame, event, _):
        nonlocal depth, deepest
        if event == "call":
            depth += 1
            deepest = max(deepest, depth)
            files.add(Path(frame.f_code.co_filename))
        elif event == "return" and depth:
            depth -= 1

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return deepest, files


@pytest.mark.parametrize("before", [[5], [4], [20], [20, 4]])
@pytest.mark.parametrize("options", [{}, {"num_threads": 1}, {"dimension_order": "NHWC"}])
def test_one_frame(options, before):
    """A frame that was read before, the next one of a loop, and one elsewhere."""
    decoder = VideoDecoder(media.path("h264_plain.mp4"), **options)
    decoder[5]
    for number in before:
        decoder[number]
    deepest, files = calls(lambda: decoder.__getitem__(5))
    files = {path.name for path in files if path != Path(__file__)}
    assert deepest - 1 <= MOST_FRAMES  # without the lambda
    assert 1 < len(files) <= MOST_FILES, files


def test_calls_are_counted():
    """The test above would not notice if nothing was counted."""

    def outer():
        def inner():
            return Path("x").name

        return inner()

    deepest, files = calls(outer)
    assert deepest >= 3
    assert Path(__file__) in files
