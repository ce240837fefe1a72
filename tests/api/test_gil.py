"""Other threads go on while a decoder decodes, opens and closes.

A ticker thread wakes every millisecond and records the time. The measure is the share of the time
that lies in gaps of more than 20 ms between ticks. It is near 1 if long calls hold the GIL;
otherwise it is about as large as without a decoder. One long gap is no error, because other
processes cause such gaps too.
"""

import sysconfig
import threading
import time

import pytest
import recipes

from cycodec.batch import decode_batch
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

LONG_GAP = 0.020
DURATION = 1.5  # least duration of a measurement in seconds


class Ticker(threading.Thread):
    """A thread that records the times at which it runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ticks = [time.perf_counter()]
        self.running = True

    def run(self):
        while self.running:
            time.sleep(0.001)
            self.ticks.append(time.perf_counter())

    def stop(self):
        self.running = False
        self.ticks.append(time.perf_counter())
        self.join()


def share_in_long_gaps(work):
    """Repeats `work`; returns the share of the time that lies in gaps of more than LONG_GAP between
    ticks.
    """
    ticker = Ticker()
    ticker.start()
    calls = 0
    while time.perf_counter() < ticker.ticks[0] + DURATION or not calls:
        work()
        calls += 1
    ticker.stop()
    gaps = [after - before for before, after in zip(ticker.ticks, ticker.ticks[1:], strict=False)]
    return sum(gap for gap in gaps if gap > LONG_GAP) / sum(gaps), sum(gaps) / calls


@pytest.fixture(scope="module")
def baseline():
    """The share without a decoder, which the machine itself causes."""
    return share_in_long_gaps(lambda: time.sleep(0.1))[0]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """The same 1280x720 frames in one GOP, as MP4 (opens by its sample table) and as TS (opening
    decodes).
    """
    folder = tmp_path_factory.mktemp("videos")
    options = (
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "1000",
        "-sc_threshold",
        "0",
    )
    recipes.run(*recipes.pattern("1280x720", seconds=4), *options, folder / "video.mp4")
    recipes.run("-i", folder / "video.mp4", "-c", "copy", folder / "video.ts")
    return folder


def decode(videos):
    decoder = VideoDecoder(videos / "video.mp4")
    return lambda: decoder[:50]


def decode_with_threads(videos):
    decoder = VideoDecoder(videos / "video.mp4", num_ffmpeg_threads=2)
    return lambda: decoder[:50]


def go_a_long_way(videos):
    decoder = VideoDecoder(videos / "video.mp4", num_threads=1)
    return lambda: (decoder[0], decoder[-1])


def resize(videos):
    decoder = VideoDecoder(videos / "video.mp4", transforms=[Resize((256, 256))])
    return lambda: decoder[:50]


def decode_float(videos):
    decoder = VideoDecoder(videos / "video.mp4", output_dtype="float32")
    return lambda: decoder[:20]


def decode_many(videos):
    return lambda: decode_batch([(videos / name, slice(0, 30)) for name in ("video.mp4", "video.ts")])


def open_and_scan(videos):
    return lambda: VideoDecoder(videos / "video.ts")


def open_and_close(videos):
    def work():
        decoder = VideoDecoder(videos / "video.mp4", num_ffmpeg_threads=2)
        decoder[5]
        decoder.close()

    return work


def read_bytes(videos):
    data = (videos / "video.ts").read_bytes()
    return lambda: VideoDecoder(data)[10]


def read_a_file_object(videos):
    def work():
        with open(videos / "video.mp4", "rb") as file:
            VideoDecoder(file)[40]

    return work


# the work, and True if one call lasts much longer than a long gap, so that a held GIL would show
WORK = {
    decode: True,
    decode_with_threads: True,
    go_a_long_way: True,
    resize: True,
    decode_float: True,
    decode_many: True,
    open_and_scan: True,
    open_and_close: False,
    read_bytes: True,
    read_a_file_object: True,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", WORK, ids=lambda make: make.__name__)
def test_a_ticker_goes_on(make, videos, baseline):
    work = make(videos)
    work()
    shares = []
    for _ in range(3):  # on a busy machine, try once more
        share, seconds = share_in_long_gaps(work)
        if WORK[make]:
            assert seconds > 2 * LONG_GAP
        shares.append(share)
        if share < 0.1 + 1.5 * baseline:
            return
    pytest.fail(f"{min(shares):.0%} of the time in gaps over 20 ms, {baseline:.0%} without decoding")


@pytest.mark.skipif(sysconfig.get_config_var("Py_GIL_DISABLED") == 1, reason="this Python has no GIL")
def test_the_ticker_notices_a_held_gil(baseline):
    """The measurement must tell a long C call that keeps the GIL from one that releases it."""
    share, _ = share_in_long_gaps(lambda: sum(range(10_000_000)))
    assert share > 0.8 > baseline
