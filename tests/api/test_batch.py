"""decode_batch gives the frames that single decoders give, in request order, within the budget of
threads.
"""

import io
import os
import subprocess
import sys
import threading
import time
from functools import partial

import media
import numpy as np
import oracle
import pytest
import torch
from forks import in_child

from cycodec import FFmpegError
from cycodec._shared import threads as _threads
from cycodec._shared.results import Frame, FrameBatch
from cycodec.batch import decode_batch
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

FILES = ("h264_plain.mp4", "vfr_dropped.mkv", "vp9.webm", "hevc.mp4")


@pytest.fixture
def budget():
    """Set the process's budget of threads for one test."""
    yield _threads.set_budget
    _threads.set_budget(None)
    assert _threads.claimed() == 0


@pytest.fixture(scope="module")
def paths():
    return [media.path(name) for name in FILES]


def same(result, expected):
    assert type(result) is type(expected)
    # NumPy compares: torch uses OpenMP's threads, which hang in a forked process if its parent used
    # them
    assert np.array_equal(result.data.numpy(), expected.data.numpy())
    assert np.array_equal(result.pts_seconds, expected.pts_seconds)
    assert np.array_equal(result.duration_seconds, expected.duration_seconds)


# -- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_threads", [None, 1, 2, 8])
def test_frames_equal_the_reference(paths, num_threads, budget):
    budget(8)
    references = [oracle.reference(path) for path in paths]
    numbers = [np.random.default_rng(i).integers(0, r.count, 12).tolist() for i, r in enumerate(references)]
    results = decode_batch(zip(paths, numbers, strict=True), num_threads=num_threads)
    for result, asked, reference in zip(results, numbers, references, strict=True):
        frames = result.data.permute(0, 2, 3, 1)
        assert [oracle.digest(frame) for frame in frames] == [reference.digests[n] for n in asked]


KEYS = {
    "a number": (5, lambda d: d.get_frame_at(5)),
    "a NumPy number": (np.int64(-1), lambda d: d.get_frame_at(-1)),
    "a number in a tensor": (torch.tensor(4), lambda d: d.get_frame_at(4)),
    "numbers": ([7, 0, 0, -1], lambda d: d.get_frames_at([7, 0, 0, -1])),
    "a tuple": ((1, 2), lambda d: d.get_frames_at([1, 2])),
    "a range": (range(3), lambda d: d.get_frames_at([0, 1, 2])),
    "a tensor": (torch.tensor([3, 1]), lambda d: d.get_frames_at([3, 1])),
    "no numbers": ([], lambda d: d.get_frames_at([])),
    "a slice": (slice(2, 9, 3), lambda d: d.get_frames_at([2, 5, 8])),
    "a slice backwards": (slice(3, None, -1), lambda d: d.get_frames_at([3, 2, 1, 0])),
    "an empty slice": (slice(5, 5), lambda d: d.get_frames_at([])),
    "everything": (slice(None), lambda d: d.get_all_frames()),
    "seconds": (0.5, lambda d: d.get_frame_played_at(0.5)),
    "a list of seconds": ([0.5, 0.1], lambda d: d.get_frames_played_at([0.5, 0.1])),
    "seconds, one of them whole": ([0, 0.1], lambda d: d.get_frames_played_at([0, 0.1])),
    "an array of seconds": (np.array([0.2, 0.9]), lambda d: d.get_frames_played_at([0.2, 0.9])),
    "a tensor of seconds": (torch.tensor([0.25]), lambda d: d.get_frames_played_at([0.25])),
    "a stretch": (slice(0.2, 0.7), lambda d: d.get_frames_played_in_range(0.2, 0.7)),
    "a stretch from the begin": (slice(None, 0.7), lambda d: d.get_frames_played_in_range(0.0, 0.7)),
    "an empty stretch": (slice(0.5, 0.5), lambda d: d.get_frames_at([])),
    "a stretch with a step": (slice(0.0, 1.0, 0.25), lambda d: d.get_frames_played_at([0, 0.25, 0.5, 0.75])),
}


@pytest.mark.parametrize("key", KEYS)
def test_keys(key):
    path = media.path("h264_plain.mp4")
    asked, expected = KEYS[key]
    (result,) = decode_batch([(path, asked)])
    same(result, expected(VideoDecoder(path)))


def test_sources(paths):
    path = paths[0]
    data = path.read_bytes()
    tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    decoder = VideoDecoder(path, dimension_order="NHWC")
    results = decode_batch(
        [(source, [3]) for source in (path, str(path), data, tensor, io.BytesIO(data), decoder)]
    )
    for result in results[:-1]:
        same(result, VideoDecoder(path).get_frames_at([3]))
    same(results[-1], decoder.get_frames_at([3]))
    assert decoder[0].shape[-1] == 3, "a decoder that was passed in stays open"


def test_functions_that_open_a_source(paths):
    transforms = [Resize((24, 32))]
    open_decoder = partial(VideoDecoder, paths[0], transforms=transforms)
    missing = partial(VideoDecoder, "missing.mp4", transforms=transforms)
    results = decode_batch(
        [(open_decoder, [3]), (paths[1].read_bytes, 5), (missing, 0), (open_decoder, 0.5)], on_error="return"
    )
    same(results[0], open_decoder().get_frames_at([3]))
    same(results[1], VideoDecoder(paths[1]).get_frame_at(5))
    assert isinstance(results[2], FileNotFoundError)
    same(results[3], open_decoder().get_frame_played_at(0.5))


def test_requests_of_one_source_are_opened_once(paths):
    asked = [(str(paths[0]), n) for n in range(20)]
    opened = []
    real = VideoDecoder.__init__

    def count(self, source, **options):
        opened.append(source)
        real(self, source, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VideoDecoder, "__init__", count)
        frames = decode_batch(asked)
    assert len(opened) == 1
    assert [frame.pts_seconds for frame in frames] == VideoDecoder(paths[0]).get_frames_at(
        range(20)
    ).pts_seconds.tolist()


def test_requests_may_be_an_iterator_or_none_at_all(paths):
    assert [type(r) for r in decode_batch((path, key) for path, key in [(paths[0], 0), (paths[1], [0])])] == [
        Frame,
        FrameBatch,
    ]
    assert decode_batch([]) == []


# -- failures --------------------------------------------------------------------------------------


def mixed(paths, tmp_path):
    """Returns requests of which some are bad, and for each bad one its place and what it raises."""
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(b"no video " * 1000)
    requests = [
        (paths[0], [0, 1]),
        (tmp_path / "absent.mp4", 0),
        (garbage, [0]),
        (paths[1], 10**6),
        (paths[1], [2]),
        (tmp_path / "absent.mp4", 1),
        (paths[0], "5"),
        (paths[2], slice(0, 2)),
        (paths[0], 1e9),
    ]
    return requests, {
        1: FileNotFoundError,
        2: FFmpegError,
        3: IndexError,
        5: FileNotFoundError,
        6: TypeError,
        8: IndexError,
    }


@pytest.mark.parametrize("num_threads", [1, 4])
def test_failures_are_returned_in_their_places(paths, tmp_path, num_threads, budget):
    budget(4)
    requests, bad = mixed(paths, tmp_path)
    results = decode_batch(requests, num_threads=num_threads, on_error="return")
    assert len(results) == len(requests)
    for place, (result, (source, key)) in enumerate(zip(results, requests, strict=True)):
        if place in bad:
            assert isinstance(result, bad[place]), place
        else:
            same(result, decode_batch([(source, key)])[0])


@pytest.mark.parametrize("num_threads", [1, 4])
def test_the_first_failure_in_order_is_raised(paths, tmp_path, num_threads, budget):
    budget(4)
    requests, bad = mixed(paths, tmp_path)
    for start in (1, 2, 3, 6, 8):
        first = min(place for place in bad if place >= start)
        with pytest.raises(bad[first]):
            decode_batch(requests[start:], num_threads=num_threads)


def test_a_failed_request_leaves_a_given_decoder_usable(paths):
    decoder = VideoDecoder(paths[0])
    failed, good = decode_batch([(decoder, 10**6), (decoder, 3)], on_error="return")
    assert isinstance(failed, IndexError)
    same(good, decoder.get_frame_at(3))


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        ([("a.mp4",)], {}, TypeError),
        (["a.mp4"], {}, TypeError),
        ([3], {}, TypeError),
        ([], {"on_error": "skip"}, ValueError),
        ([], {"num_threads": 0}, ValueError),
        ([], {"num_threads": 1.5}, TypeError),
    ],
)
def test_wrong_calls(arguments, options, error):
    with pytest.raises(error):
        decode_batch(arguments, **{"on_error": "return", **options})


# -- threads ---------------------------------------------------------------------------------------


class Slow(io.BytesIO):
    """A file with a slow first read, which counts the files that are read concurrently."""

    together = 0
    most = 0
    lock = threading.Lock()

    def read(self, size=-1):
        if self.tell() == 0:
            with Slow.lock:
                Slow.together += 1
                Slow.most = max(Slow.most, Slow.together)
            time.sleep(0.05)
            with Slow.lock:
                Slow.together -= 1
        return super().read(size)


def most_together(paths, count, **options):
    data = paths[0].read_bytes()
    Slow.most = 0
    decode_batch([(Slow(data), [0]) for _ in range(count)], **options)
    return Slow.most


@pytest.mark.parametrize(("size", "limit", "expected"), [(4, None, 4), (4, 2, 2), (2, 16, 2), (4, 1, 1)])
def test_as_many_sources_at_once_as_allowed(paths, budget, size, limit, expected):
    budget(size)
    assert most_together(paths, 12, num_threads=limit) == expected


def test_calls_on_many_threads_share_the_budget(paths, budget):
    budget(3)
    data = paths[0].read_bytes()
    Slow.most = 0
    callers = [
        threading.Thread(target=decode_batch, args=([(Slow(data), [0]) for _ in range(6)],)) for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    # a calling thread always gets itself: at worst one call has the whole budget when the others
    # begin
    assert Slow.most <= 3 + 2
    assert _threads.claimed() == 0


def test_claims_stay_within_the_budget(budget):
    budget(4)
    with _threads.claim(3) as first:
        assert (first, _threads.claimed()) == (3, 3)
        with _threads.claim(8) as inner:  # the budget counts this thread already
            assert (inner, _threads.claimed()) == (2, 4)
            with _threads.claim(8) as innermost:
                assert (innermost, _threads.claimed()) == (1, 4)
    assert _threads.claimed() == 0


def test_a_job_that_raises_ends_the_run(budget):
    budget(2)
    done = []

    def fail():
        raise KeyboardInterrupt

    jobs = [fail, *[lambda: (time.sleep(0.01), done.append(1)) for _ in range(200)]]
    with pytest.raises(KeyboardInterrupt):
        _threads.run(jobs, 2)
    assert len(done) < 50
    assert _threads.claimed() == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPU affinity is Linux's")
def test_budget_follows_affinity():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from cycodec._shared import threads as _threads; print(_threads.budget())"
    plain = {name: value for name, value in os.environ.items() if name != "CYCODEC_NUM_THREADS"}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=plain).stdout
        == "1\n"
    )
    chosen = {**plain, "CYCODEC_NUM_THREADS": "7"}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=chosen).stdout
        == "7\n"
    )


def test_in_a_forked_process(paths, budget):
    budget(4)
    requests = [(path, [0, 5]) for path in paths]
    expected = decode_batch(requests)  # starts the pool's threads, which a child does not have

    def work():
        for result, wanted in zip(decode_batch(requests), expected, strict=True):
            same(result, wanted)

    with _threads.claim(4):  # claims of the parent mean nothing in the child
        assert in_child(work) == ""
