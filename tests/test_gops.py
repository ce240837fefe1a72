"""Requests that touch several GOPs are divided among readers, and nobody can tell by the frames."""

import io
import os
import random
import threading

import media
import pytest
import torch

from cycodec import _readers, _threads
from cycodec.decoders import VideoDecoder

NAMES = [
    "h264_plain.mp4",
    "h264_open_gop.mp4",
    "h264_bpyramid.mp4",
    "hevc_open_gop.mp4",
    "vp9.webm",
    "edit_inside_gop.mp4",
]


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Divide small requests, too, as if there were eight CPUs."""
    monkeypatch.setattr(_readers, "WORTH_A_THREAD", 0)
    before = _threads.budget()
    _threads.set_budget(8)
    yield
    _threads.set_budget(before)


def readers(decoder):
    return len(decoder._session.readers.all())


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_frames_are_the_same(name, threads):
    path = media.path(name)
    plain = VideoDecoder(path, num_threads=1)[:]
    dice = random.Random(threads)
    with VideoDecoder(path, num_threads=threads) as decoder:
        count = len(decoder)
        requests = [
            list(range(count)),
            dice.sample(range(count), min(count, 20)),
            [dice.randrange(count) for _ in range(30)],
            list(range(count - 1, -1, -3)),
            [0, count - 1, 0, count // 2],
        ]
        for request in requests:
            batch = decoder.get_frames_at(request)
            assert torch.equal(batch.data, plain[request])
            assert batch.pts_seconds.tolist() == [decoder.index.pts_seconds(n) for n in request]
        assert torch.equal(decoder[::2], plain[::2])
        assert 1 < readers(decoder) <= threads


def test_one_thread_is_one_reader():
    for decoder in (
        VideoDecoder(media.path("h264_plain.mp4"), num_threads=1),
        VideoDecoder(media.path("h264_plain.mp4"), num_ffmpeg_threads=2),
        VideoDecoder(io.BytesIO(media.path("h264_plain.mp4").read_bytes())),
    ):
        decoder[:]
        assert readers(decoder) == 1


def test_the_budget_limits_what_is_picked_by_itself():
    _threads.set_budget(2)
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    decoder[:]
    assert readers(decoder) == 2
    _threads.set_budget(1)
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    decoder[:]
    assert readers(decoder) == 1


def test_bytes_are_shared_between_readers():
    data = media.path("h264_plain.mp4").read_bytes()
    decoder = VideoDecoder(data, num_threads=3)
    assert torch.equal(decoder[:], VideoDecoder(data, num_threads=1)[:])
    assert readers(decoder) == 3


def test_batches_in_a_row_do_not_seek():
    decoder = VideoDecoder(media.path("h264_plain.mp4"), num_threads=2)
    decoder[0:48]  # GOPs of 12 frames: two for each reader
    before = decoder.counters.seeks
    decoder[48:72]
    assert decoder.counters.seeks - before <= 1


def test_damage_in_one_part_is_an_error_of_the_whole():
    """A promise that the decoder breaks is found whichever reader meets it, and the request is served all the same."""
    path = media.shared("bad_invalid_nalu.mp4")
    whole = VideoDecoder(path, num_threads=1)
    expected = [frame for frame in whole]  # noqa: C416 - len() is only right after the damage was met
    decoder = VideoDecoder(path, num_threads=3)
    assert torch.equal(decoder[:], torch.stack(expected))


# -- frame threads, where there is nothing to divide -------------------------------------------------------------------


@pytest.fixture
def frame_threads(monkeypatch):
    """Have small files be worth them."""
    monkeypatch.setattr(_readers, "WORTH_FRAME_THREADS", (4, 0))
    monkeypatch.setattr(_readers, "_frame_threads", _readers._FrameThreads())


@pytest.mark.parametrize("name", ["h264_one_gop.mp4", "hevc_one_gop.mp4", "vp9_hidden.webm"])
def test_a_long_read_inside_one_gop_has_frame_threads(frame_threads, name):
    path = media.path(name)
    plain = VideoDecoder(path, num_threads=1)[:]
    decoder = VideoDecoder(path, num_threads=3)
    count = len(decoder)
    assert torch.equal(decoder[0 : count // 2], plain[0 : count // 2])
    assert decoder._session.readers.threaded is not None
    before = decoder.counters.seeks
    assert torch.equal(decoder[count // 2 :], plain[count // 2 :])
    assert decoder.counters.seeks == before, "the next batch goes on where the last one ended"
    keys = [count - 1, 3, 5, 4, 6, 7, 8, 3]
    assert torch.equal(decoder[keys], plain[keys])


def test_sparse_reads_have_frame_threads_inside_one_gop_only(frame_threads):
    one, many = (media.path(name) for name in ("h264_one_gop.mp4", "h264_plain.mp4"))
    for path, expected in ((one, True), (many, False)):
        plain = VideoDecoder(path, num_threads=1)[:]
        decoder = VideoDecoder(path, num_threads=2)
        keys = list(range(0, len(plain), 6))
        assert torch.equal(decoder[keys], plain[keys])
        assert (decoder._session.readers.threaded is not None) is expected


def test_frame_threads_are_for_long_reads(frame_threads):
    path = media.path("h264_one_gop.mp4")
    for request, options in (
        ([1, 2], {"num_threads": 2}),  # short
        (list(range(20)), {"num_threads": 1}),
        (list(range(20)), {"num_ffmpeg_threads": 2}),
    ):
        decoder = VideoDecoder(path, **options)
        decoder[request]
        assert decoder._session.readers.threaded is None


def test_one_decoder_at_a_time_has_frame_threads(frame_threads):
    path = media.path("h264_one_gop.mp4")
    plain = VideoDecoder(path, num_threads=1)[:]
    first, second = (VideoDecoder(path, num_threads=2) for _ in range(2))
    assert torch.equal(first[:20], plain[:20])
    assert torch.equal(second[:20], plain[:20])
    assert first._session.readers.threaded is None
    assert second._session.readers.threaded is not None
    assert torch.equal(first[20:30], plain[20:30])


def test_eight_decoders_at_once_stay_within_the_budget(frame_threads):
    """Never more threads that decode than the budget and one: each asking thread, and what is lent beyond them."""
    path = media.path("h264_one_gop.mp4")
    _threads.set_budget(2)
    plain = VideoDecoder(path, num_threads=1)[:]
    decoders = [VideoDecoder(path) for _ in range(8)]
    base = len(os.listdir("/proc/self/task"))
    most, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            most[0] = max(most[0], len(os.listdir("/proc/self/task")) - base - 1)  # without this one
            done.wait(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    results = []
    workers = [threading.Thread(target=lambda d=d: results.append(d[:])) for d in decoders]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    watcher.join()
    assert all(torch.equal(result, plain) for result in results)
    assert len(results) == 8
    assert most[0] <= 8 + 2, "eight callers, and the two frame threads of whoever has them"


def test_damage_with_frame_threads(frame_threads):
    path = media.shared("bad_invalid_nalu.mp4")
    whole = VideoDecoder(path, num_threads=1)
    expected = [frame for frame in whole]  # noqa: C416 - len() is only right after the damage was met
    decoder = VideoDecoder(path, num_threads=2)
    assert torch.equal(decoder[:], torch.stack(expected))
