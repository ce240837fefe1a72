"""A check of packets that Ctrl-C or an exception ends: it is made again, and casts no doubt."""

import io
import signal

import oracle
import pytest
from damaged_media import made, packets

from cycodec.core.io import readahead
from cycodec.decoders import VideoDecoder

OPTIONS = "-c:v libx264 -g 5 -bf 0 -x264-params scenecut=0 -b:v 1M -nal-hrd cbr -maxrate 1M -bufsize 500k"


class BreakingFile(io.BytesIO):
    """A file that does something before one of its next reads."""

    before_read = None
    reads_left = 0

    def read(self, size=-1):
        if self.before_read is not None:
            self.reads_left -= 1
        if self.before_read is not None and self.reads_left < 0:
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


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """Shells start commands in the background with SIGINT ignored, and Python inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def small_pieces():
    """So small that the check reads the file."""
    readahead.set_limits(1 << 12, 1)
    yield
    readahead.set_limits()


@pytest.fixture
def intact(tmp_path):
    return made(tmp_path, "clip.mkv", OPTIONS, 8)


@pytest.fixture
def damaged(intact):
    """The same clip, of which an early packet gives no frame."""
    data = bytearray(intact.read_bytes())
    pos, size = packets(intact)[7]
    data[pos + 4 : pos + 4 + size] = bytes(size)
    path = intact.with_name("damaged.mkv")
    path.write_bytes(data)
    return path


def broken_off(path, action, reads):
    """A decoder whose request was ended after some reads of the file; None if it reads less."""
    action, error = ACTIONS[action]
    file = BreakingFile(path.read_bytes())
    decoder = VideoDecoder(file, dimension_order="NHWC", num_threads=1)
    decoder[2]  # later reads go back to check the packets before a key frame
    file.before_read, file.reads_left = action, reads
    try:
        decoder[72]
    except error:
        return decoder
    assert file.before_read is not None
    return None


@pytest.mark.parametrize("action", ACTIONS)
def test_the_check_is_made_again_and_leaves_no_doubt(intact, action):
    ended = 0
    for reads in range(0, 16, 2):
        decoder = broken_off(intact, action, reads)
        if decoder is not None:
            ended += 1
            begun = decoder.counters
            assert oracle.digest(decoder[72]) == oracle.reference(intact).digests[72]
            assert decoder.counters.frames_decoded - begun.frames_decoded <= 5
            assert decoder.counters.packets_read - begun.packets_read > 70
    assert ended > 4


@pytest.mark.parametrize("action", ACTIONS)
def test_frames_are_right_afterwards(damaged, action):
    truth = oracle.reference(damaged)
    assert truth.count == 79
    for reads in range(0, 16, 2):
        decoder = broken_off(damaged, action, reads)
        if decoder is not None:
            assert oracle.digest(decoder[72]) == truth.digests[72]
