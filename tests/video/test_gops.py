"""Requests that touch several GOPs are divided among readers, and the frames do not change."""

import io
import itertools
import random
import threading

import media
import pytest
import torch
from costs import budget_of, decoder_with_costs

from cycodec._shared import threads as _threads
from cycodec._video.costs import Costs
from cycodec._video.gops import Gops
from cycodec.transforms import CenterCrop, Resize

NAMES = [
    "h264_plain.mp4",
    "h264_open_gop.mp4",
    "h264_bpyramid.mp4",
    "hevc_open_gop.mp4",
    "vp9.webm",
    "edit_inside_gop.mp4",
    "mpeg4_bframes.avi",
    "mpeg2.ts",
    "hevc_open_gop.ts",
]


# Small requests are divided, too. Frame threads have tests of their own.
EAGER = Costs(worth_a_thread=0, reader=0, max_frame_threads=1)


def open_decoder(source, **options):
    return decoder_with_costs(EAGER, source, **options)


@pytest.fixture(autouse=True)
def eight_cpus():
    with budget_of(8):
        yield


def readers(decoder):
    return len(decoder._session.readers.all())


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize("name", NAMES)
def test_frames_are_the_same(name, threads):
    path = media.path(name)
    plain = open_decoder(path, num_threads=1)[:]
    dice = random.Random(threads)
    with open_decoder(path, num_threads=threads) as decoder:
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


class OneReader:
    """A file-like object that nobody can open a second time."""

    def __init__(self, data):
        file = io.BytesIO(data)
        self.read, self.seek = file.read, file.seek


def test_one_thread_is_one_reader():
    for decoder in (
        open_decoder(media.path("h264_plain.mp4"), num_threads=1),
        open_decoder(media.path("h264_plain.mp4"), num_ffmpeg_threads=2),
        open_decoder(OneReader(media.path("h264_plain.mp4").read_bytes())),
    ):
        decoder[:]
        assert readers(decoder) == 1


def test_the_budget_limits_what_is_picked_by_itself():
    _threads.set_budget(2)
    decoder = open_decoder(media.path("h264_plain.mp4"))
    decoder[:]
    assert readers(decoder) == 2
    _threads.set_budget(1)
    decoder = open_decoder(media.path("h264_plain.mp4"))
    decoder[:]
    assert readers(decoder) == 1


@pytest.mark.parametrize(("cost", "expected"), [(0.6, [11, 23, 35]), (1, [11, 23])])
def test_frames_on_the_way_count_for_less_where_b_frames_are_left_out(cost, expected):
    """The request wants the last frame of four GOPs of 12 frames and all of the next GOP."""
    gops = gops_of("h264_plain.mp4", costs=Costs(way=cost, parts=1))
    first, second = in_order(gops, [11, 23, 35, 47, *range(48, 60)], 2)
    assert first == expected
    assert second[-1] == 59


def gops_of(name, evenly=True, costs=EAGER):
    decoder = open_decoder(media.path(name), num_threads=1)
    gops = Gops(decoder.index, None if evenly else media.path(name).stat().st_size, costs)
    assert (gops.bytes == 0).all() == evenly
    return gops


def in_order(gops, positions, threads):
    """Returns the parts' positions in the order of the stream."""
    return sorted(part.positions.tolist() for part in gops.parts(gops.whole(positions), threads, 64 * 48))


def test_frames_that_follow_each_other_are_one_part_for_each_thread():
    gops = gops_of("h264_plain.mp4")  # six GOPs of 12 frames
    whole = list(range(72))
    assert in_order(gops, whole, 2) == [whole[:36], whole[36:]]
    assert in_order(gops, whole, 3) == [whole[:24], whole[24:48], whole[48:]]


def test_frames_here_and_there_are_smaller_parts_and_the_largest_is_first():
    gops = gops_of("h264_plain.mp4")
    request = [10, 17, 26, 40, 48, 71]
    assert in_order(gops, request, 2) == [[n] for n in request]
    parts = gops.parts(gops.whole(request), 2, 64 * 48)
    assert [part.frames for part in parts] == sorted((part.frames for part in parts), reverse=True)
    assert parts[0].positions.tolist() == [71]


def test_there_are_no_more_parts_than_keep_the_threads_busy():
    gops = gops_of("h264_plain.mp4", costs=Costs(parts=1))
    assert in_order(gops, [10, 17, 26, 40, 48, 71], 2) == [[10, 17, 26], [40, 48, 71]]


@pytest.mark.parametrize("name", ["h264_quiet_end.mp4", "h264_quiet_end.mkv", "mpeg2_quiet_end.ts"])
def test_gops_of_more_bytes_count_for_more(name):
    """Three GOPs of 12 frames of noise, and three of a still picture."""
    whole = list(range(72))
    assert in_order(gops_of(name), whole, 2) == [whole[:36], whole[36:]]
    busy, quiet = in_order(gops_of(name, evenly=False), whole, 2)
    assert len(busy) == 24
    assert len(quiet) == 48


def test_whoever_is_done_takes_the_next_part():
    """Two readers share six parts; one of them is delayed in its first part."""
    decoder = open_decoder(media.path("h264_plain.mp4"), num_threads=2)
    expected = open_decoder(media.path("h264_plain.mp4"), num_threads=1)
    readers = decoder._session.readers
    request = [10, 17, 26, 40, 48, 71]
    served, rest = {}, threading.Event()

    class HeldUp:
        """A reader that waits in its first part if that is the first of all."""

        def __init__(self, reader):
            self.reader = reader

        def __getattr__(self, name):
            return getattr(self.reader, name)

        def read(self, part):
            is_first = not served
            served.setdefault(id(self), []).extend(part.positions.tolist())
            if sum(map(len, served.values())) == len(request):
                rest.set()
            assert not is_first or rest.wait(30)
            self.reader.read(part)

    readers.extra = [HeldUp(readers.factory.open(readers.main))]
    readers.main = HeldUp(readers.main)
    assert torch.equal(decoder[request], expected[request])
    assert sorted(len(numbers) for numbers in served.values()) == [1, 5]
    assert sorted(itertools.chain(*served.values())) == request


def test_bytes_are_shared_between_readers():
    data = media.path("h264_plain.mp4").read_bytes()
    decoder = open_decoder(data, num_threads=3)
    assert torch.equal(decoder[:], open_decoder(data, num_threads=1)[:])
    assert readers(decoder) == 3


def test_batches_in_a_row_do_not_seek():
    decoder = open_decoder(media.path("h264_plain.mp4"), num_threads=2)
    decoder[0:48]  # GOPs of 12 frames: two for each reader
    before = decoder.counters.seeks
    decoder[48:72]
    assert decoder.counters.seeks - before <= 1


def test_damage_in_one_part_is_an_error_of_the_whole():
    """Any reader notices that decoder and index disagree, and the request still succeeds."""
    path = media.shared("bad_invalid_nalu.mp4")
    whole = open_decoder(path, num_threads=1)
    expected = [frame for frame in whole]  # noqa: C416 - len() is only right after the damage was met
    decoder = open_decoder(path, num_threads=3)
    assert torch.equal(decoder[:], torch.stack(expected))


@pytest.mark.parametrize("name", ["h264_plain.mp4", "mpeg2.ts"])
def test_transformed_frames_are_divided_too(name):
    path = media.path(name)
    options = {"transforms": [Resize((20, 30)), CenterCrop((16, 20))]}
    plain = open_decoder(path, num_threads=1, **options)[:]
    decoder = open_decoder(path, num_threads=3, **options)
    count = len(decoder)
    for request in (range(count), [count - 1, 3, 3, count // 2, 0], range(count - 1, 0, -4)):
        batch = decoder.get_frames_at(request)
        assert torch.equal(batch.data, plain[list(request)])
        assert batch.pts_seconds.tolist() == [decoder.index.pts_seconds(n) for n in request]
    assert torch.equal(decoder[1::7, :, 4:9, 2:11], plain[1::7, :, 4:9, 2:11])
    assert readers(decoder) == 3


def test_masked_frames_repeat_the_last_good_one_of_the_whole_request():
    """Damaged frames do not depend on the reader of their part, or on how many frames a step
    transforms.
    """
    data = bytearray(media.path("h264_plain.mp4").read_bytes())
    begin, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    third = (end - begin) // 3
    data[begin + third : end] = bytes(end - begin - third)
    results = []
    for options in (
        {"num_threads": 1},
        {"num_threads": 3},
        {"num_threads": 3, "memory_order": "NCHW"},
        {"transforms": [Resize((48, 64))]},
    ):
        decoder = open_decoder(bytes(data), on_error="mask", **options)
        batch = decoder.get_frames_at(range(0, len(decoder), 3))
        bad = batch.valid.logical_not().nonzero()[:, 0].tolist()
        assert 0 < bad[0] < len(batch) / 2
        assert bad[-1] == len(batch) - 1
        assert batch.data[bad[0] - 1].any()
        assert all(torch.equal(batch.data[n], batch.data[bad[0] - 1]) for n in bad), "damaged ones, too"
        results.append(batch)
    assert torch.equal(results[0].data, results[1].data)
    assert torch.equal(results[0].data, results[2].data)
    assert all(batch.valid.tolist() == results[0].valid.tolist() for batch in results)
