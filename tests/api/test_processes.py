"""Decoders in other processes and in many threads give the frames that ffmpeg gives."""

import copy
import gc
import io
import multiprocessing
import pickle
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import media
import oracle
import pytest
import torch
from forks import in_child
from torch.utils.data import DataLoader

from cycodec import ClosedError, FFmpegError, StaleIndexError
from cycodec.decoders import VideoDecoder
from cycodec.transforms import RandomCrop, Resize

FILE = "h264_plain.mp4"
# their indices are exact without a scan, scanned, confirmed by decoding, and made with stamps
FILES = (FILE, "vp9_hidden.webm", "h264.ts", "mpeg4_bframes.avi")


def make(name=FILE, **options):
    return VideoDecoder(media.locate(name), dimension_order="NHWC", **options)


def digests(decoder, numbers):
    return [oracle.digest(frame) for frame in decoder[list(numbers)]]


# -- fork ------------------------------------------------------------------------------------------


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


def read_all(decoder, first, step, count):
    """Returns the digests of every step-th frame, read one by one and backwards."""
    return {n: oracle.digest(decoder[n]) for n in range(first, count, step)[::-1]}


@pytest.mark.parametrize("name", FILES)
def test_forked_workers(name):
    reference = oracle.reference(media.path(name))
    decoder = make(name)
    digests(decoder, [reference.count // 2])  # the reader is then in the middle of the file
    with ProcessPoolExecutor(
        8, mp_context=multiprocessing.get_context("fork"), initializer=inherit, initargs=(decoder,)
    ) as pool:
        parts = [pool.submit(read_inherited, first, 8, reference.count) for first in range(8)]
        mine = read_all(decoder, 0, 5, reference.count)  # the parent reads at the same time
        found = {n: d for part in parts for n, d in part.result(60).items()}
    assert [found[n] for n in range(reference.count)] == list(reference.digests)
    assert all(reference.digests[n] == d for n, d in mine.items())


_inherited = None


def inherit(decoder):
    """A forked worker gets the parent's objects as initializer arguments, without pickling."""
    global _inherited
    _inherited = decoder


def read_inherited(first, step, count):
    return read_all(_inherited, first, step, count)


@pytest.mark.parametrize("name", FILES)
def test_spawned_workers(name, spawned):
    reference = oracle.reference(media.path(name))
    parts = [spawned.submit(read_all, make(name), first, 4, reference.count) for first in range(4)]
    found = {n: d for part in parts for n, d in part.result(60).items()}
    assert [found[n] for n in range(reference.count)] == list(reference.digests)


@pytest.fixture(scope="module")
def spawned():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


class Unnamed(io.BytesIO):
    """A file-like object that only its own process can read."""


def test_file_like_after_fork():
    decoder = VideoDecoder(Unnamed(media.path(FILE).read_bytes()))
    assert in_child(lambda: decoder[5]).startswith("TypeError: <Unnamed")
    assert decoder[5].shape == (3, 96, 128)


def test_closed_before_a_fork():
    decoder = make()
    decoder.close()
    assert "closed" in in_child(lambda: decoder[5])


def test_gone_when_a_forked_process_opens_it(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(media.path(FILE).read_bytes())
    decoder = VideoDecoder(path)
    path.unlink()

    def work():
        assert decoder[5].shape == (3, 96, 128)

    assert in_child(work) == ""  # the child has inherited the descriptor
    work()


# -- threads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_threads_share_a_decoder(name):
    reference = oracle.reference(media.path(name))
    decoder = make(name)
    with ThreadPoolExecutor(8) as pool:
        parts = [pool.submit(read_all, decoder, first, 8, reference.count) for first in range(8)]
        found = {n: d for part in parts for n, d in part.result(60).items()}
    assert [found[n] for n in range(reference.count)] == list(reference.digests)


def test_closed_by_another_thread():
    decoder = make()
    started = threading.Event()
    found = []

    def read():
        try:
            while True:
                digests(decoder, range(60))
                started.set()
        except FFmpegError as error:
            found.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    started.wait(30)
    decoder.close()
    thread.join(30)
    assert isinstance(found[0], ClosedError)


# -- pickles ---------------------------------------------------------------------------------------


def again(decoder):
    return pickle.loads(pickle.dumps(decoder))


def test_index_of_a_pickle_is_rebuilt_as_it_would_have_been():
    # the times in this file contradict the order in which its frames come out
    reference = oracle.reference(media.path("lying_pts.mp4"))
    decoder = again(make("lying_pts.mp4"))
    assert digests(decoder, range(reference.count)) == list(reference.digests)
    assert decoder.index.origin == "decoded"


@pytest.mark.parametrize("name", [*FILES, "vfr_jitter.mp4", "mpeg2.ts", "one_frame_a_minute.mp4"])
def test_pickles_are_small_and_spare_the_scan(name):
    decoder = make(name)
    pickle_of = pickle.dumps(decoder)
    overhead = len(pickle.dumps(VideoDecoder(media.path("h264_one_frame.mp4"))))
    assert len(pickle_of) - overhead < 16 * len(decoder)
    other = pickle.loads(pickle_of)
    assert other.counters == (0, 0, 0, 0, 0)
    assert other.index == decoder.index
    assert digests(other, [0]) == digests(decoder, [0])
    # it reads the packets up to the first frame, not all of them
    assert other.counters.packets_read < 12
    assert other.counters.frames_decoded < 8


OPTIONS = {
    "dimension_order": {"dimension_order": "NCHW"},
    "approximate": {"seek_mode": "approximate"},
    "float32": {"output_dtype": torch.float32},
    "transforms": {"transforms": [RandomCrop((50, 60)), Resize((20, 30))]},
    "mask": {"on_error": "mask"},
    "threads": {"num_ffmpeg_threads": 2},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("way", [again, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_copy_is_the_same_decoder_on_its_own(options, way):
    decoder = VideoDecoder(media.path(FILE), **options)
    decoder[20]
    other = way(decoder)
    assert torch.equal(other[3], decoder[3])
    one, two = decoder.get_frames_at([7, 60]), other.get_frames_at([7, 60])
    assert torch.equal(one.data, two.data)
    assert (one.valid is None) == (two.valid is None)
    assert other.metadata == decoder.metadata
    decoder.close()
    assert torch.equal(other[7], two.data[0])


def test_bytes_and_tensors_in_pickles():
    data = media.path(FILE).read_bytes()
    for source in (data, torch.frombuffer(bytearray(data), dtype=torch.uint8)):
        decoder = VideoDecoder(source)
        assert torch.equal(again(decoder)[5], decoder[5])


def test_mappings_and_given_indices_in_pickles(tmp_path):
    index = make().index
    index.save(tmp_path / "video.idx")
    for given in (index, tmp_path / "video.idx"):
        decoder = make(index=given)
        assert digests(again(decoder), [5]) == digests(make(), [5])


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_file_like_cannot_be_copied(way):
    decoder = VideoDecoder(Unnamed(media.path(FILE).read_bytes()))
    with pytest.raises(TypeError, match=r"file-like source .*pass a path or bytes"):
        way(decoder)
    assert decoder[5].shape == (3, 96, 128)


def test_a_changed_file_is_noticed(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(media.path(FILE).read_bytes())
    data = pickle.dumps(VideoDecoder(path))
    path.write_bytes(media.path("hevc.mp4").read_bytes())
    with pytest.raises(StaleIndexError, match=r"video\.mp4"):
        pickle.loads(data)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(data)


# -- those who pickle and fork ---------------------------------------------------------------------


def test_joblib():
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    reference = oracle.reference(media.path(FILE))
    decoder = make()
    for options in ({"backend": "loky"}, {"backend": "threading"}, {"backend": "multiprocessing"}):
        jobs = (joblib.delayed(read_all)(decoder, first, 4, reference.count) for first in range(4))
        found = {n: d for part in joblib.Parallel(2, **options)(jobs) for n, d in part.items()}
        assert [found[n] for n in range(reference.count)] == list(reference.digests), options


class Frames(torch.utils.data.Dataset):
    """A dataset of all frames of one decoder."""

    def __init__(self, **options):
        self.decoder = make(**options)

    def __len__(self):
        return len(self.decoder)

    def __getitem__(self, number):
        return self.decoder[number]


@pytest.mark.parametrize("context", ["fork", "spawn"])
@pytest.mark.parametrize("persistent", [False, True])
def test_dataloader(context, persistent):
    reference = oracle.reference(media.path(FILE))
    frames = Frames()
    if context == "fork":
        frames[30]  # the parent's decoder is in use when the process forks
    loader = DataLoader(
        frames, batch_size=20, num_workers=2, multiprocessing_context=context, persistent_workers=persistent
    )
    for _ in range(2 if persistent else 1):
        found = [oracle.digest(frame) for batch in loader for frame in batch]
        assert found == list(reference.digests)


def test_dataloader_of_decoders_with_ffmpeg_threads():
    frames = Frames(num_ffmpeg_threads=4)
    before = oracle.digest(frames[30])
    loader = DataLoader(frames, batch_size=25, num_workers=2, multiprocessing_context="fork")
    found = [oracle.digest(frame) for batch in loader for frame in batch]
    assert found == list(oracle.reference(media.path(FILE)).digests)
    assert oracle.digest(frames[30]) == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pin_memory needs CUDA")
def test_dataloader_pin_memory():
    loader = DataLoader(
        Frames(), batch_size=25, num_workers=2, multiprocessing_context="fork", pin_memory=True
    )
    for batch in loader:
        assert batch.is_pinned()


def test_dataloader_pin_memory_without_cuda():
    if torch.cuda.is_available():
        pytest.skip("there is CUDA: the test above pins")
    loader = DataLoader(
        Frames(), batch_size=25, num_workers=1, multiprocessing_context="fork", pin_memory=True
    )
    with warnings.catch_warnings():
        # newer torch warns that nothing is pinned without CUDA
        warnings.filterwarnings("ignore", "'pin_memory'", UserWarning)
        found = [oracle.digest(frame) for batch in loader for frame in batch]
    assert found == list(oracle.reference(media.path(FILE)).digests)
