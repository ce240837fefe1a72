"""Decoders in other processes and in many threads give the frames that ffmpeg gives."""

import gc
import os
import pickle
import sys
import threading
import time

import media
import oracle
import pytest

from cycodec.decoders import VideoDecoder

FILE = "h264_plain.mp4"


def in_child(work, seconds=30):
    """Run `work` in a forked process; what it raised, as text, or "" ("hangs" where it does not end)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            said = ""
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    end = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, 9)
            os.waitpid(child, 0)
            os.close(reading)
            return "hangs"
        time.sleep(0.01)
    with open(reading, "rb") as pipe:
        return pipe.read().decode()


def make(name=FILE, **options):
    return VideoDecoder(media.locate(name), dimension_order="NHWC", **options)


def digests(decoder, numbers):
    return [oracle.digest(frame) for frame in decoder[list(numbers)]]


# -- fork -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_threads", [1, 4])
@pytest.mark.parametrize("how", ["dropped", "closed"])
def test_dropped_in_a_forked_process(num_threads, how):
    decoder = make(num_ffmpeg_threads=num_threads)
    before = digests(decoder, [10])
    holder = [decoder]
    del decoder

    def work():
        if how == "closed":
            holder[0].close()
            holder[0].close()
        holder.clear()
        gc.collect()

    assert in_child(work) == ""
    assert digests(holder[0], [10]) == before


def test_threads_of_a_forked_process_share_a_decoder():
    reference = oracle.reference(media.path(FILE))
    decoder = make()
    decoder[3]

    def work():
        barrier = threading.Barrier(8)
        found = []

        def read(first):
            barrier.wait()
            numbers = range(first, reference.count, 8)
            found.append(digests(decoder, numbers) == [reference.digests[n] for n in numbers])

        threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 8

    sys.setswitchinterval(1e-6)
    try:
        assert in_child(work) == ""
    finally:
        sys.setswitchinterval(0.005)


# -- pickles --------------------------------------------------------------------------------------------------------


def again(decoder):
    return pickle.loads(pickle.dumps(decoder))


def test_index_of_a_pickle_is_mended_as_it_would_have_been():
    # the times in this file contradict the order in which its frames come out
    reference = oracle.reference(media.path("lying_pts.mp4"))
    decoder = again(make("lying_pts.mp4"))
    assert digests(decoder, range(reference.count)) == list(reference.digests)
    assert decoder.index.origin == "decoded"
