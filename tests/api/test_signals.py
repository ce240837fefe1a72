"""Ctrl-C during a long request raises the signal handler's exception soon, and the decoder stays
usable.
"""

import signal
import threading
import time

import media
import pytest
import torch

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import scan_packets
from cycodec.decoders import VideoDecoder


class Stop(Exception):
    pass


def decode_for_ever(decoder):
    while True:
        decoder.get_frames_at(list(range(len(decoder))) * 3)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)
def test_a_signal_handler_may_raise():
    def stop(number, frame):
        raise Stop

    decoder = VideoDecoder(media.path("h264_long_gop.mp4"), num_threads=1)
    expected = decoder[7]
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stop):
            decode_for_ever(decoder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert torch.equal(decoder[7], expected)
    assert len(decoder[:]) == len(decoder)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)
def test_a_signal_handler_may_end_a_scan(tmp_path):
    """A transport stream is read to its end before it has an index."""

    def stop(number, frame):
        raise Stop

    path = tmp_path / "long.ts"
    data = media.path("h264.ts").read_bytes()
    path.write_bytes(data * (150_000_000 // len(data)))
    demuxer = Demuxer(open_source(path))
    stream_index = demuxer.select_video()
    before = signal.signal(signal.SIGALRM, stop)
    begin = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stop):
            scan_packets(demuxer, stream_index, closely=True)
        waited = time.perf_counter() - begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    begin = time.perf_counter()
    scan_packets(demuxer, stream_index, closely=True)
    assert waited < 0.05 + (time.perf_counter() - begin) / 4
