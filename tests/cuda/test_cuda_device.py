"""``device="cuda"`` on a real GPU: the test double cannot show this, because it has host memory and
no real streams.
"""

import threading

import media
import pytest
import torch
from on_gpu import both

from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

pytestmark = pytest.mark.needs_cuda


def test_frames_are_on_the_device(gpu):
    cpu, cuda = both(media.locate("h264_bt601.mp4"), transforms=[Resize(100)])
    here = torch.device("cuda", torch.cuda.current_device())
    for frames in (cuda[0], cuda[2:5], cuda.get_frames_at([3, 1]).data):
        assert frames.device == here
    assert cuda[2:5].permute(0, 2, 3, 1).is_contiguous()
    assert cuda.get_frames_at([3, 1]).pts_seconds.device.type == "cpu"
    assert torch.equal(cuda[2:5].cpu(), cpu[2:5])


def test_work_is_queued_on_the_current_stream(gpu):
    """The batch is complete when its busy stream is, and another stream sees it after waiting.

    The driver itself waits where more pictures are mapped than its two output surfaces.
    """
    cpu, cuda = both(media.locate("h264_bt601.mp4"), transforms=[Resize((77, 90))])
    expected = cpu[4:6]
    cuda[:4]
    side, other = torch.cuda.Stream(), torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(2_000_000_000)  # about a second
        batch = cuda[4:6]
        assert not side.query(), "the decoder has waited for the stream"
        copy = batch.clone()
    other.wait_stream(side)
    with torch.cuda.stream(other):
        twice = batch.int() * 2
    side.synchronize()
    other.synchronize()
    assert torch.equal(copy.cpu(), expected)
    assert torch.equal(twice.cpu(), expected.int() * 2)


def test_two_decoders_on_two_streams_do_not_race(gpu):
    """Two threads make many decoders in turn, which passes hardware decoders between streams."""
    paths = [media.locate(name) for name in ("h264_bt601.mp4", "h264_startpts_10s.mp4")]
    expected = [VideoDecoder(path)[:20] for path in paths]
    wrong = []

    def work(number):
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for turn in range(25):
                which = (number + turn) % 2
                if not torch.equal(VideoDecoder(paths[which], device="cuda")[:20].cpu(), expected[which]):
                    wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert wrong == []
