"""Ctrl-C during a long request raises the signal handler's exception soon, and the decoder stays
usable.
"""

import signal
import threading

import media
import pytest
import torch

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
