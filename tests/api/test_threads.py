"""Many threads at once use one object, or use the library for the first time.

On a free-threaded Python these tests run without a GIL. docs/release.md says how.
"""

import io
import os
import random
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import audio_media
import images
import media
import numpy as np
import oracle
import pytest
import torch
from servers import serving

import cycodec
from cycodec.batch import decode_batch
from cycodec.decoders import AudioDecoder, VideoDecoder, decode_image
from cycodec.encoders import Encoder, VideoEncoder

THREADS = 8
FILE = "h264_plain.mp4"


def together(work, count=THREADS):
    """Runs `work(number)` in threads that begin at the same moment; returns their results."""
    barrier = threading.Barrier(count)

    def begin(number):
        barrier.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return [part.result(120) for part in [pool.submit(begin, number) for number in range(count)]]


@pytest.fixture
def small_turns():
    """Threads of a Python with a GIL change often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def frames():
    return oracle.reference(media.path(FILE))


def wrong_reads(decoder, frames, number, count=60):
    """Reads frames at random, one by one and as lists; returns the numbers of those that differ."""
    random_number = random.Random(number)
    wrong = []
    for turn in range(count):
        if turn % 10 == 9:
            wanted = [random_number.randrange(frames.count) for _ in range(5)]
            found = [oracle.digest(frame.permute(1, 2, 0)) for frame in decoder[wanted]]
        else:
            wanted = [random_number.randrange(frames.count)]
            found = [oracle.digest(decoder[wanted[0]].permute(1, 2, 0))]
        wrong += [n for n, digest in zip(wanted, found, strict=True) if digest != frames.digests[n]]
    return wrong


class OneWay(io.RawIOBase):
    """A stream that cannot seek."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.file.readinto(buffer)


@pytest.mark.usefixtures("small_turns")
@pytest.mark.parametrize("kind", ["path", "bytes", "file", "stream"])
def test_sources_are_shared(kind, frames):
    path = media.path(FILE)
    source = {
        "path": lambda: path,
        "bytes": path.read_bytes,
        "file": lambda: io.BytesIO(path.read_bytes()),
        "stream": lambda: OneWay(path.read_bytes()),
    }[kind]()
    decoder = VideoDecoder(source)
    assert together(lambda number: wrong_reads(decoder, frames, number)) == [[]] * THREADS


@pytest.mark.usefixtures("small_turns")
@pytest.mark.parametrize("is_part", [False, True])
def test_a_url_is_shared(is_part, frames, tmp_path):
    """Each reader has a connection of its own."""
    data = media.path(FILE).read_bytes()
    (tmp_path / "v.mp4").write_bytes(bytes(1000) * is_part + data)
    with serving(tmp_path) as server:
        url = f"{server.address}/v.mp4"
        decoder = VideoDecoder((url, 1000, len(data)) if is_part else url, num_threads=THREADS)
        assert together(lambda number: wrong_reads(decoder, frames, number, 20)) == [[]] * THREADS
        assert [oracle.digest(frame.permute(1, 2, 0)) for frame in decoder[:]] == list(frames.digests)


@pytest.mark.usefixtures("small_turns")
@pytest.mark.parametrize("name", ["h264.ts", "mpeg4_bframes.avi", "lying_pts.mp4"])
def test_the_first_read_of_a_shared_decoder(name):
    """Some of the threads confirm the index meanwhile."""
    expected = oracle.reference(media.path(name))
    for turn in range(4):
        decoder = VideoDecoder(media.path(name))

        def work(number, decoder=decoder, turn=turn):
            if number == turn:
                decoder.confirm()
            return wrong_reads(decoder, expected, number, 5) or len(decoder) - expected.count

        assert together(work) == [0] * THREADS


@pytest.mark.usefixtures("small_turns")
def test_decoders_are_made_and_closed(frames):
    paths = [media.path(FILE), media.path("h264.ts"), media.path("vp9_hidden.webm")]
    expected = [oracle.reference(path).digests[3] for path in paths]

    def work(number):
        for turn in range(12):
            chosen = (number + turn) % 3
            with VideoDecoder(paths[chosen]) as decoder:
                if oracle.digest(decoder[3].permute(1, 2, 0)) != expected[chosen]:
                    return turn
        return None

    assert together(work) == [None] * THREADS


@pytest.mark.usefixtures("small_turns")
def test_the_decoder_is_closed_meanwhile():
    for _ in range(6):
        decoder = VideoDecoder(media.path(FILE))

        def work(number, decoder=decoder):
            if number == 0:
                decoder[5]
                decoder.close()
                return True
            try:
                while True:
                    decoder[[1, 30]]
            except cycodec.ClosedError:
                return True

        assert together(work) == [True] * THREADS


@pytest.mark.usefixtures("small_turns")
def test_sound_is_shared():
    file = audio_media.path("flac.flac")
    whole = AudioDecoder(file)[:]
    decoder = AudioDecoder(file)

    def work(number):
        starts = np.random.default_rng(number).integers(0, whole.shape[-1] - 500, 25).tolist()
        return all(torch.equal(decoder[s : s + 500], whole[:, s : s + 500]) for s in starts)

    assert all(together(work))


@pytest.mark.usefixtures("small_turns")
def test_indexes_are_shared(frames):
    index = VideoDecoder(media.path(FILE)).index
    saved = index.to_bytes()

    def work(number):
        decoder = VideoDecoder(media.path(FILE), index=index)
        return wrong_reads(decoder, frames, number, 10), index.to_bytes() == saved

    assert together(work) == [([], True)] * THREADS


@pytest.mark.usefixtures("small_turns")
def test_images_and_batches(frames):
    photo = images.encoded(images.photo(200, 120), "JPEG")
    expected = decode_image(photo)
    path = media.path(FILE)

    def work(number):
        for _ in range(10):
            if not torch.equal(decode_image(photo), expected):
                return "image"
            cycodec.set_cache_capacity(number << 20)
            cycodec.empty_cache()
            (batch,) = decode_batch([(path, [number])])
            if oracle.digest(batch.data[0].permute(1, 2, 0)) != frames.digests[number]:
                return "batch"
        return None

    before = cycodec.get_cache_capacity()
    try:
        assert together(work) == [None] * THREADS
    finally:
        cycodec.set_cache_capacity(before)


@pytest.mark.usefixtures("small_turns")
def test_encoders_side_by_side(tmp_path):
    pictures = (
        torch.arange(12, dtype=torch.uint8).mul(20).view(12, 1, 1, 1).expand(12, 3, 64, 96).contiguous()
    )

    def work(number):
        path = tmp_path / f"{number}.mkv"
        VideoEncoder(pictures, frame_rate=25).to_file(path, codec="ffv1")
        return VideoDecoder(path)[:]

    found = together(work)
    assert all(torch.equal(frames, found[0]) for frames in found)
    assert (found[0].float() - pictures.float()).abs().max() <= 2


@pytest.mark.usefixtures("small_turns")
def test_frames_of_one_encoder_come_from_many_threads(tmp_path):
    """Each call is one picture, so that no picture is torn or lost."""
    path = tmp_path / "v.mkv"
    encoder = Encoder()
    stream = encoder.add_video(width=96, height=64, frame_rate=25, codec="ffv1")
    with encoder.open_file(path):

        def work(number):
            for _ in range(10):
                stream.add_frames(torch.full((1, 3, 64, 96), 10 + 20 * number, dtype=torch.uint8))

        together(work)
    found = VideoDecoder(path)[:].float()
    assert len(found) == 10 * THREADS
    assert (found.amax((1, 2, 3)) - found.amin((1, 2, 3))).max() <= 2
    counts = found.mean((1, 2, 3)).sub(10).div(20).round().long().bincount(minlength=THREADS)
    assert counts.tolist() == [10] * THREADS


FIRST_USE = """
import sys, threading
import torch
barrier = threading.Barrier(8)
failures = []

def work(number):
    try:
        barrier.wait(60)
        import cycodec
        from cycodec.decoders import VideoDecoder
        assert VideoDecoder(sys.argv[1])[number].shape[0] == 3
        cycodec.ffmpeg_versions()
    except BaseException as error:
        failures.append(repr(error))

threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(120)
assert not failures, failures
print("passed", getattr(sys, "_is_gil_enabled", lambda: True)())
"""


def run_python(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={name: value for name, value in os.environ.items() if name != "PYTHON_GIL"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_first_use_by_many_threads():
    assert run_python(FIRST_USE, media.path(FILE)).startswith("passed")


ALL_MODULES = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("error", RuntimeWarning)
import cycodec.core
for module in pkgutil.walk_packages(cycodec.core.__path__, "cycodec.core."):
    importlib.import_module(module.name)
print(sys._is_gil_enabled())
"""


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has a GIL")
def test_no_module_brings_back_the_gil():
    assert run_python(ALL_MODULES) == "False\n"
