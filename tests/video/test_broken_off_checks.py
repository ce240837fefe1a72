"""A check of packets that Ctrl-C or an exception ends: it is made again, and casts no doubt."""

import io
import signal

import oracle
import pytest
from damaged_media import made, packets

from cycodec.decoders import VideoDecoder

OPTIONS = "-c:v libx264 -g 5 -bf 0 -x264-params scenecut=0 -b:v 8M -nal-hrd cbr -maxrate 8M -bufsize 1M"


class BreakingFile(io.BytesIO):
    """A file whose next read does something first."""

    before_read = None

    def read(self, size=-1):
        if self.before_read is not None:
            action, self.before_read = self.before_read, None
            action()
        return super().read(size)

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def fail():
    raise OSError("the network is gone")


def interrupt():
    signal.raise_signal(signal.SIGINT)


ACTIONS = {"exception": (fail, OSError), "ctrl_c": (interrupt, KeyboardInterrupt)}


@pytest.fixture
def intact(tmp_path):
    return made(tmp_path, "clip.mkv", OPTIONS, 4)


@pytest.fixture
def damaged(intact):
    """The same clip, of which an early packet gives no frame."""
    data = bytearray(intact.read_bytes())
    pos, size = packets(intact)[7]
    data[pos + 4 : pos + 4 + size] = bytes(size)
    path = intact.with_name("damaged.mkv")
    path.write_bytes(data)
    return path


def broken_off(path, action):
    """A decoder whose first read was ended while packets before the key frame were checked."""
    action, error = ACTIONS[action]
    file = BreakingFile(path.read_bytes())
    decoder = VideoDecoder(file, dimension_order="NHWC", num_threads=1)
    file.before_read = action
    with pytest.raises(error):
        decoder[22]
    assert file.before_read is None
    return decoder


@pytest.mark.parametrize("action", ACTIONS)
def test_no_doubt_remains(intact, action):
    decoder = broken_off(intact, action)
    begun = decoder.counters.frames_decoded
    assert oracle.digest(decoder[22]) == oracle.reference(intact).digests[22]
    assert decoder.counters.frames_decoded - begun <= 5


@pytest.mark.parametrize("action", ACTIONS)
def test_the_check_is_made_by_the_next_read(damaged, action):
    truth = oracle.reference(damaged)
    assert truth.count == 39
    decoder = broken_off(damaged, action)
    assert oracle.digest(decoder[22]) == truth.digests[22]
