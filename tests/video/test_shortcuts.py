"""With and without each shortcut, frames equal those of the ffmpeg command."""

import random

import media
import oracle
import pytest
from costs import decoder_with_costs

import cycodec
from cycodec._shared import threads as _threads
from cycodec._video import indexing, opening, readers, session
from cycodec._video.costs import Costs
from cycodec.core.video import cpu
from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

NAMES = [
    "h264_plain.mp4",
    "h264_open_gop.mp4",
    "h264_bpyramid.mp4",
    "h264_one_gop.mp4",
    "h264_fragmented.mp4",
    "h264_no_cues.mkv",
    "edit_inside_gop.mp4",
    "hevc_open_gop.ts",
    "hevc_one_gop.mp4",
    "hevc_sublayers.mp4",
    "vp9_hidden.webm",
    "mpeg4_bframes.avi",
    "mpeg2.ts",
    "rot90.mp4",
]


def no_headers(monkeypatch):
    """The index comes from a scan of the file."""
    monkeypatch.setattr(indexing, "read_header_table", lambda *arguments: None)


def no_pool(monkeypatch):
    """Each batch has fresh memory."""
    capacity = cycodec.get_cache_capacity()
    cycodec.set_cache_capacity(0)
    return lambda: cycodec.set_cache_capacity(capacity)


def no_kernels(monkeypatch):
    """swscale converts."""
    cpu.use_kernels("none")
    return lambda: cpu.use_kernels("avx512")


def one_by_one(monkeypatch):
    """The frames of a request share nothing."""
    read = readers.Readers.read

    def read_apart(self, request):
        for slot, position in enumerate(request.positions):
            read(self, request.part([position], [slot]))

    monkeypatch.setattr(readers.Readers, "read", read_apart)


def everything_decoded(monkeypatch):
    """The decoder skips no frame on the way."""
    another = opening.FrameReader

    def reader(*arguments):
        made = another(*arguments)
        made.skipping = False
        return made

    for module in (opening, session):
        monkeypatch.setattr(module, "FrameReader", reader)


def nothing(monkeypatch):
    """All shortcuts are on."""


# Requests are divided, and loops have frame threads, however small the frames are.
MANY_THREADS = Costs(worth_a_thread=0, reader=0, hand_over=0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "without",
    [nothing, no_headers, no_pool, no_kernels, one_by_one, everything_decoded],
    ids=lambda without: without.__name__,
)
@pytest.mark.parametrize("name", NAMES)
def test_frames_are_ffmpegs(name, without, threads, monkeypatch):
    path = media.path(name)
    budget = _threads.budget()
    _threads.set_budget(4)
    undo = without(monkeypatch)
    try:
        decoder = decoder_with_costs(MANY_THREADS, path, dimension_order="NHWC", num_threads=threads)
        expected = oracle.reference(path, decoder.stream_index).digests
        dice = random.Random(name)
        count = len(decoder)
        assert count == len(expected)
        requests = [
            list(range(count)),
            dice.sample(range(count), min(count, 15)),
            list(range(count - 1, 0, -7)),
            *([n] for n in dice.sample(range(count), 5)),
            *([n] for n in range(min(count, 30))),
        ]
        for request in requests:
            assert [oracle.digest(frame) for frame in decoder[request]] == [expected[n] for n in request]
    finally:
        _threads.set_budget(budget)
        if undo:
            undo()


def test_they_are_shortcuts(monkeypatch):
    """The shortcuts that the test above switches off are on by default; otherwise it would compare
    nothing.
    """
    path = media.path("h264_plain.mp4")
    plain = VideoDecoder(path, num_threads=1)
    assert plain.index.origin == "headers"
    plain.get_frames_at(range(0, len(plain), 4))
    with monkeypatch.context() as patch:
        everything_decoded(patch)
        whole = VideoDecoder(path, num_threads=1)
        whole.get_frames_at(range(0, len(whole), 4))
    assert plain.counters.frames_decoded < 0.8 * whole.counters.frames_decoded
    # the decoder can skip HEVC's highest sub-layer if the request needs none of its frames
    layered = VideoDecoder(media.path("hevc_sublayers.mp4"), num_threads=1)
    layered[24]
    assert layered.counters.frames_decoded == 1 + 2 * 6
    with monkeypatch.context() as patch:
        no_headers(patch)
        assert VideoDecoder(path).index.origin == "scan"


@pytest.mark.parametrize("name", ["h264.flv", "h264.avi", "mpeg4_bframes.avi", "mpeg2.ts", "h264.ts"])
def test_plain_packets_need_no_decoder(name):
    """Opening decodes nothing if the headers of all pictures show that each packet is a frame."""
    decoder = VideoDecoder(media.path(name), num_threads=1)
    assert decoder.index.origin == "scan"
    assert decoder.counters.frames_decoded == 0
    expected = oracle.reference(media.path(name), decoder.stream_index).digests
    assert len(decoder) == len(expected)
    assert oracle.digest(decoder[17].permute(1, 2, 0)) == expected[17]
