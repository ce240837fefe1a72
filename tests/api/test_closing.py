"""Threads that read while another one closes the decoder."""

import threading
import time

import media
import pytest

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder


def frames(decoder):
    decoder[3]
    decoder.get_frames_in_range(0, 30)
    decoder.t[0.1]
    len(decoder)
    repr(decoder.counters)


def samples(decoder):
    decoder[0:1000]
    decoder[70_000:70_100]
    decoder.t[0.1:0.2]
    len(decoder)


KINDS = {
    "video": (lambda: VideoDecoder(media.path("h264_plain.mp4"), num_threads=1), frames),
    "several readers": (lambda: VideoDecoder(media.path("h264_plain.mp4"), num_threads=3), frames),
    "approximate": (lambda: VideoDecoder(media.path("h264_plain.mp4"), seek_mode="approximate"), frames),
    "audio": (lambda: AudioDecoder(media.path("h264_sound.mp4")), samples),
}


@pytest.mark.parametrize("kind", KINDS)
def test_closing_while_others_read(kind):
    """A read ends as usual or with ClosedError, and nothing else happens."""
    make, read = KINDS[kind]
    unusual = []

    def reads(decoder):
        try:
            while True:
                read(decoder)
        except cycodec.ClosedError:
            pass
        except BaseException as error:
            unusual.append(error)

    for turn in range(12):
        decoder = make()
        threads = [threading.Thread(target=reads, args=(decoder,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.004 * turn)
        decoder.close()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert unusual == []
