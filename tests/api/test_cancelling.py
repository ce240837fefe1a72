"""A request that fails, as by Ctrl-C, ends what other threads decode for it."""

import threading
from types import SimpleNamespace

import media
import oracle
import pytest
import torch
from costs import budget_of

from cycodec import FFmpegError
from cycodec._shared import threads
from cycodec._video.readers import _Jobs
from cycodec.batch import decode_batch
from cycodec.core.error import is_cancellation
from cycodec.decoders import VideoDecoder

FILE = "h264_plain.mp4"


@pytest.fixture(autouse=True)
def two_threads():
    with budget_of(2):
        yield


@pytest.fixture
def cancellation():
    """The error of a cancelled read."""
    decoder = VideoDecoder(media.path(FILE), num_threads=1)
    decoder._session.cancel()
    with pytest.raises(FFmpegError) as caught:
        decoder[20]
    return caught.value


def test_a_read_is_cancelled_from_another_thread():
    reference = oracle.reference(media.path(FILE))
    decoder = VideoDecoder(media.path(FILE), num_threads=1)
    readers = decoder._session.readers
    decoder[5]
    errors = []

    def read():
        try:
            while True:
                decoder[[3, 40, 20] * 20]
        except FFmpegError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    readers.cancel()
    thread.join(60)
    assert is_cancellation(errors[0])
    readers.cancel(False)
    assert [oracle.digest(frame.permute(1, 2, 0)) for frame in decoder[:]] == list(reference.digests)


@pytest.mark.parametrize("fails_first", [False, True])
def test_the_other_parts_of_a_request_are_cancelled(fails_first, cancellation):
    """The error of the part that failed is raised, and not that of a cancelled one."""
    cancelled = threading.Event()
    started = threading.Event()

    def fail(request):
        assert started.wait(60)
        raise KeyboardInterrupt

    def go_on(request):
        started.set()
        assert cancelled.wait(60)
        raise cancellation

    reads = [fail, go_on] if fails_first else [go_on, fail]
    readers = [SimpleNamespace(read=read, cursor=-9) for read in reads]
    parts = [SimpleNamespace(positions=[0], slots=[0], first=0) for _ in readers]
    jobs = _Jobs(readers, SimpleNamespace(part=lambda positions, slots: None), parts, cancelled.set)
    threads.run([jobs.decode_next] * 2, 2)
    assert cancelled.is_set()
    with pytest.raises(KeyboardInterrupt):
        jobs.raise_first_error()
    assert not jobs.waiting


def test_the_error_of_a_cancelled_part_may_come_first(cancellation):
    jobs = _Jobs([], None, [], lambda: None)
    jobs.errors = [cancellation, KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        jobs.raise_first_error()


def test_jobs_of_other_threads_end_when_the_calling_thread_fails():
    main = threading.current_thread()
    both = threading.Barrier(2)
    ended = threading.Event()
    results = []

    def work():
        both.wait(60)
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        results.append(ended.wait(60))

    with pytest.raises(KeyboardInterrupt):
        threads.run([work, work], 2, ended.set)
    assert results == [True]


def test_a_batch_cancels_decoders_of_its_own_only(monkeypatch):
    """The user's decoder may serve another thread."""
    own, theirs = VideoDecoder(media.path(FILE)), VideoDecoder(media.path(FILE))
    expected = theirs[3]
    cancelled = []

    def failing_run(jobs, limit, on_failure):
        for job in jobs:
            job()
        monkeypatch.setattr(type(own._session), "cancel", lambda session: cancelled.append(session))
        on_failure()
        raise KeyboardInterrupt

    monkeypatch.setattr(threads, "run", failing_run)
    with pytest.raises(KeyboardInterrupt):
        decode_batch([(lambda: own, [3]), (theirs, [3])])
    assert cancelled == [own._session]
    assert torch.equal(theirs[3], expected)
