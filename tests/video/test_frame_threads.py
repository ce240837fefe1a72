"""FFmpeg's frame threads serve long reads that cannot be divided, and do not change the frames."""

import os
import random
import struct
import subprocess
import sys
import threading
import zlib

import images
import media
import numpy as np
import pytest
import torch
from costs import budget_of, changed, decoder_with_costs

from cycodec._shared import threads as _threads
from cycodec._video import frame_threads
from cycodec._video.costs import Costs
from cycodec.core.video.cpu import has_strict_frame_threads
from cycodec.transforms import Resize

pytestmark = pytest.mark.skipif(
    not has_strict_frame_threads(), reason="FFmpeg before 5.0: cycodec has no frame threads of its own there"
)

ONE_GOP = ["h264_one_gop.mp4", "hevc_one_gop.mp4", "vp9_hidden.webm"]


# Small files are worth frame threads.
EAGER = Costs(worth_a_thread=0, reader=0, hand_over=0, seek=0)


def open_decoder(source, costs=EAGER, **options):
    return decoder_with_costs(costs, source, **options)


@pytest.fixture(autouse=True)
def nobody_has_them(monkeypatch):
    """No other decoder has frame threads, and there seem to be eight CPUs."""
    monkeypatch.setattr(frame_threads, "shared", frame_threads.FrameThreads())
    with budget_of(8):
        yield


def has_them(decoder):
    return decoder._session.readers.threaded is not None


@pytest.mark.parametrize("name", ONE_GOP)
def test_a_long_read_inside_one_gop_has_frame_threads(name):
    path = media.path(name)
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=3)
    count = len(decoder)
    assert torch.equal(decoder[0 : count // 2], plain[0 : count // 2])
    assert has_them(decoder)
    before = decoder.counters.seeks
    assert torch.equal(decoder[count // 2 :], plain[count // 2 :])
    if len(decoder.index.key_frames) == 1:
        assert decoder.counters.seeks == before, "the next batch goes on where the last one ended"
    keys = [count - 1, 3, 5, 4, 6, 7, 8, 3]
    assert torch.equal(decoder[keys], plain[keys])


def test_sparse_reads_have_frame_threads_inside_one_gop_only():
    one, many = (media.path(name) for name in ("h264_one_gop.mp4", "h264_plain.mp4"))
    for path, expected in ((one, True), (many, False)):
        plain = open_decoder(path, num_threads=1)[:]
        decoder = open_decoder(path, num_threads=2)
        keys = list(range(0, len(plain), 6))
        assert torch.equal(decoder[keys], plain[keys])
        assert has_them(decoder) is expected


def test_frame_threads_are_for_long_reads():
    path = media.path("h264_one_gop.mp4")
    for request, options in (
        ([1, 2], {"num_threads": 2}),  # short
        (list(range(20)), {"num_threads": 1}),
        (list(range(20)), {"num_ffmpeg_threads": 2}),
    ):
        decoder = open_decoder(path, **options)
        decoder[request]
        assert not has_them(decoder)


def test_one_decoder_at_a_time_has_frame_threads():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    first, second = (open_decoder(path, num_threads=2) for _ in range(2))
    assert torch.equal(first[:20], plain[:20])
    assert torch.equal(second[:20], plain[:20])
    assert not has_them(first)
    assert has_them(second)
    assert torch.equal(first[20:30], plain[20:30])


def test_eight_decoders_at_once_stay_within_the_budget():
    """Calling and lent threads that decode never exceed the budget by more than one."""
    path = media.path("h264_one_gop.mp4")
    _threads.set_budget(2)
    plain = open_decoder(path, num_threads=1)[:]
    decoders = [open_decoder(path) for _ in range(8)]
    base = len(os.listdir("/proc/self/task"))
    most, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            most[0] = max(most[0], len(os.listdir("/proc/self/task")) - base - 1)  # not counting this thread
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


def test_damage_with_frame_threads():
    path = media.shared("bad_invalid_nalu.mp4")
    whole = open_decoder(path, num_threads=1)
    expected = [frame for frame in whole]  # noqa: C416 - len() is only right after the damage was met
    decoder = open_decoder(path, num_threads=2)
    assert torch.equal(decoder[:], torch.stack(expected))


# -- reading on: Note [Reading on] in read_ahead ---------------------------------------------------


@pytest.mark.parametrize("name", [*ONE_GOP, "h264_plain.mp4", "hevc_open_gop.ts"])
def test_a_loop_over_frames_is_a_long_read(name):
    path = media.path(name)
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=3)
    assert not has_them(decoder)
    for number in range(len(plain)):
        assert torch.equal(decoder[number], plain[number])
    assert has_them(decoder)
    assert decoder.counters.seeks <= 2
    assert decoder.counters.frames_decoded < 1.5 * len(plain), "what was decoded before they took over"


def test_a_loop_has_them_from_the_first_frame():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=2)
    for _ in range(2):
        for number in range(len(plain)):
            assert torch.equal(decoder[number], plain[number])
            assert has_them(decoder)
    assert decoder.counters.frames_decoded <= 2 * len(plain) + 2, "none was decoded twice"


def test_a_loop_begins_with_two_and_goes_on_with_all():
    path = media.path("h264_plain.mp4")  # GOPs of 12 frames
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=5)
    seen = []
    for number in range(30):
        assert torch.equal(decoder[number], plain[number])
        seen.append(decoder._session.readers.num_threads)
    assert seen == [2] * 12 + [5] * 18
    del decoder
    iterated = open_decoder(path, num_threads=5)
    next(iter(iterated))
    assert iterated._session.readers.num_threads == 5, (
        "a for loop over the decoder gets all threads from the start"
    )


@pytest.mark.parametrize("first", [[1], [0, 1], [3, 0]])
def test_what_does_not_begin_like_a_loop_has_none(first):
    decoder = open_decoder(media.path("h264_plain.mp4"), num_threads=2)
    decoder[first]
    decoder[0]
    assert not has_them(decoder)


def test_a_first_frame_that_they_are_not_worth_has_none():
    costs = changed(EAGER, hand_over=128 * 96)
    decoder = open_decoder(media.path("h264_plain.mp4"), costs, num_threads=2)
    decoder[0]
    assert not has_them(decoder)


def test_a_loop_waits_for_the_next_gop_where_it_is_near():
    # frame threads pay for any loop, and for nothing else
    costs = changed(EAGER, ahead=100, worth_a_thread=20 * 128 * 96)
    plain = open_decoder(media.path("h264_plain.mp4"), num_threads=1)[:]
    decoder = open_decoder(media.path("h264_plain.mp4"), costs, num_threads=2)  # GOPs of 12 frames
    for number in range(8, 20):
        assert torch.equal(decoder[number], plain[number])
        assert has_them(decoder) == (number >= 12)
    decoder = open_decoder(media.path("h264_long_gop.mp4"), costs, num_threads=2)
    decoder[8]
    assert not has_them(decoder)
    decoder[9]
    assert has_them(decoder), "the next one is far"


def test_an_iterator_has_them_from_the_first_frame():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=2)
    for _ in range(2):
        for number, frame in enumerate(decoder):
            assert torch.equal(frame, plain[number])
            assert has_them(decoder)
    assert decoder.counters.frames_decoded <= 2 * len(plain) + 2


def test_small_batches_are_a_long_read():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    decoder = open_decoder(path, num_threads=2)
    for start in range(0, len(plain), 2):
        assert torch.equal(decoder[start : start + 2], plain[start : start + 2])
    assert has_them(decoder)


def test_frames_here_and_there_are_none():
    path = media.path("h264_plain.mp4")  # GOPs of 12 frames
    decoder = open_decoder(path, num_threads=2)
    plain = open_decoder(path, num_threads=1)[:]
    for number in (48, 12, 36, 25, 24, 0, 60, 37):
        assert torch.equal(decoder[number], plain[number])
    assert not has_them(decoder)


def test_one_frame_far_inside_a_gop_has_them():
    path = media.path("h264_one_gop.mp4")
    decoder = open_decoder(path, num_threads=2)
    assert torch.equal(decoder[20], open_decoder(path, num_threads=1)[20])
    assert has_them(decoder)


@pytest.mark.parametrize(("name", "expected"), [("hevc_one_gop.mp4", False), ("vp9.webm", True)])
def test_frames_on_the_way_are_cheaper_where_b_frames_are_left_out(name, expected):
    """Handing frames over costs the same, so frame threads pay only for longer reads."""
    path = media.path(name)
    plain = open_decoder(path, num_threads=1)
    height, width = plain[0].shape[1:]
    assert (plain.index.reorder == 0) is expected
    costs = changed(EAGER, hand_over=0.3 * height * width)
    decoder = open_decoder(path, costs, num_threads=2)
    assert torch.equal(decoder[20], plain[20])
    assert has_them(decoder) is expected
    decoder = open_decoder(path, costs, num_threads=2)
    assert torch.equal(decoder[:21], plain[:21])
    assert has_them(decoder), "each frame is wanted"


def test_two_loops_side_by_side_do_not_take_them_from_each_other():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    first, second = (open_decoder(path, num_threads=2) for _ in range(2))
    for number, (a, b) in enumerate(zip(first, second, strict=True)):
        assert torch.equal(a, plain[number])
        assert torch.equal(b, plain[number])
    assert has_them(first)
    assert not has_them(second)
    assert second.counters.frames_decoded == len(plain)


def test_inside_a_gop_a_loop_goes_on_where_the_budget_is_used_up():
    path = media.path("h264_one_gop.mp4")
    plain = open_decoder(path, num_threads=1)[:]
    _threads.set_budget(2)
    decoder = open_decoder(path)
    for number in range(12):
        decoder[number]
    assert has_them(decoder)
    seeks = decoder.counters.seeks
    results = []

    def read_on():
        results.extend(torch.equal(decoder[number], plain[number]) for number in range(12, len(plain)))

    with _threads.claim(2):
        thread = threading.Thread(target=read_on)
        thread.start()
        thread.join()
    assert results == [True] * (len(plain) - 12)
    assert decoder.counters.seeks == seeks
    assert _threads.claimed() == 0


def test_transformed_frames_have_them():
    path = media.path("h264_one_gop.mp4")
    transforms = [Resize((24, 32))]
    plain = open_decoder(path, num_threads=1, transforms=transforms)[:]
    decoder = open_decoder(path, num_threads=2, transforms=transforms)
    order = random.Random(3).sample(range(len(plain)), len(plain))
    assert torch.equal(decoder[order], plain[order])
    assert has_them(decoder)


@pytest.mark.parametrize(
    "name", ["ts_cut_end.ts", "h264_dead_frame.mp4", "avi_cut_end.avi", "hevc_dead_frame.mp4"]
)
def test_damaged_streams_are_done_with_them(name):
    """The frames of damaged data depend on the order of frame threads, so damaged streams do
    without them.
    """
    path = media.path(name)
    plain = open_decoder(path, num_threads=1)
    plain.confirm()
    plain = plain[:]
    decoder = open_decoder(path, num_threads=3)
    for number in range(len(plain)):
        assert torch.equal(decoder[number], plain[number])
    assert not has_them(decoder)
    decoder = open_decoder(path, num_threads=3)
    assert torch.equal(decoder[0 : len(plain)], plain)
    assert not has_them(decoder)


def child(work, *arguments, data=b"", timeout=None):
    """Runs code that prints "done" at its end, in a process that may use eight threads."""
    support = os.path.dirname(media.__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([support, os.environ.get("PYTHONPATH", "")])}
    environment["CYCODEC_NUM_THREADS"] = "8"
    command = [sys.executable, "-c", work, *arguments]
    done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=timeout)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b"done\n")


@pytest.mark.parametrize("options", [{}, {"num_threads": 3}, {"num_ffmpeg_threads": 2}, {"on_error": "mask"}])
@pytest.mark.parametrize("number", [1, 3])
def test_an_apng_frame_without_all_rows_stops_nothing(tmp_path, number, options):
    """Frame threads of libavcodec wait for the rows for ever; Note [Frame threads of APNG]."""
    whole, dot, part = (
        np.full((30, 40, 4), 200, np.uint8),
        np.zeros((1, 1, 4), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
    )
    frames = [(pixels, 0, 0, 40, 0, 0) for pixels in (whole, dot, part, dot, *[part] * 40)]
    data = bytearray(images.apng(frames, 40, 30))
    place = -1
    for _ in range(number + 1):
        place = data.index(b"fcTL", place + 1)
    data[place + 8 : place + 12] = struct.pack(">I", 2)  # a frame of one pixel has two, it says
    data[place + 30 : place + 34] = struct.pack(">I", zlib.crc32(data[place : place + 30]))
    path = tmp_path / "short.apng"
    path.write_bytes(data)
    work = """
import sys
import cycodec
from cycodec._video.costs import Costs
from costs import decoder_with_costs
eager = Costs(worth_a_thread=0, reader=0, hand_over=0, seek=0)
decoder = decoder_with_costs(eager, sys.argv[1], **eval(sys.argv[2]))
for read in (lambda: decoder[:], lambda: [frame for frame in decoder], lambda: decoder[5]):
    try:
        read()
    except cycodec.FFmpegError as error:
        print(type(error).__name__)
print("done")
"""
    child(work, path, repr(options), timeout=60)


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_a_webp_with_damaged_alpha_does_not_end_the_process(tmp_path, threads):
    """With frame threads, libavcodec 59 does: Note [Frame threads of WebP]."""
    data = bytearray(images.encoded(images.translucent(40, 30), "WEBP"))
    place = data.index(b"ALPH") + 9  # behind the name, the size and the byte with the method
    data[place + 12 : place + 40] = b"\xff" * 28
    path = tmp_path / "alpha.webp"
    path.write_bytes(data)
    work = """
import sys
import torch
import cycodec
from cycodec.decoders import VideoDecoder
decoders = [VideoDecoder(sys.argv[1], num_ffmpeg_threads=number) for number in (1, int(sys.argv[2]))]
frames = []
for decoder in decoders:
    for _ in range(2):
        try:
            frames.append(decoder[0])
        except cycodec.FFmpegError as error:
            frames.append(torch.tensor(len(type(error).__name__)))
    decoder.confirm()
assert all(torch.equal(frames[0], frame) for frame in frames), frames
print("done")
"""
    child(work, path, str(threads), timeout=60)


def test_damaged_mpeg4_does_not_end_the_process():
    """With frame threads and errors as errors, libavcodec 59 ends the process there."""
    data = media.path("mpeg4_bframes.avi").read_bytes()
    work = """
import random, sys
import cycodec
from costs import decoder_with_costs
from cycodec._video.costs import Costs
data = sys.stdin.buffer.read()
eager = Costs(worth_a_thread=0, reader=0, hand_over=0, seek=0)
for seed in range(12):
    dice = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(dice.randrange(2, 12)):
        damaged[dice.randrange(len(data) // 6, len(data))] = dice.randrange(256)
    try:
        decoder = decoder_with_costs(eager, bytes(damaged), num_threads=3)
        for number in range(len(decoder)):
            try:
                decoder[number]
            except cycodec.FFmpegError:
                pass
        decoder[:]
    except (cycodec.FFmpegError, IndexError):
        pass
print("done")
"""
    child(work, data=data)
