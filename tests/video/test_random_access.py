"""Every access gives the bytes of the sequential pass, whatever was read before.

test_exact_frames proves the sequential pass; here its digests are the reference. There are 200
single accesses for each file, and fewer for large files (``--thorough`` makes 200 for all).
"""

import random

import media
import oracle
import pytest
import torch

from cycodec import StaleIndexError
from cycodec.decoders import VideoDecoder

ACCESSES = 200
# Pixels that may be decoded for the single accesses of one file, on average: a quarter of a second.
BUDGET = 20_000_000


class Video:
    """A decoder with the digests of its sequential pass and a number of accesses for its size."""

    def __init__(self, path, accesses=None, **options):
        self.name = path.name
        self.decoder = VideoDecoder(path, dimension_order="NHWC", **options)
        reference = oracle.reference(path, self.decoder.stream_index)
        self.digests = dict(zip(reference.numbers, reference.digests, strict=True))
        self.numbers = [n for n in reference.numbers if n not in media.DAMAGED.get(self.name, ())]
        if self.name in media.REBUILT:
            assert len(list(self.decoder)) == reference.count
        self.count = reference.count
        key_frames = max(1, len(self.decoder.index.key_frames))
        cost = reference.width * reference.height * (1 + self.count / key_frames / 2)
        self.accesses = accesses or int(min(ACCESSES, 4 * self.count, max(6, BUDGET / cost)))
        self.random = random.Random(f"{path.name} {self.count}")

    def choose(self, amount):
        """Returns `amount` frame numbers in random order, each equally often."""
        rounds = -(-amount // len(self.numbers))
        numbers = [n for _ in range(rounds) for n in self.random.sample(self.numbers, len(self.numbers))]
        return numbers[:amount]

    def check(self, numbers, frames, what):
        assert len(frames) == len(numbers), what
        wrong = [
            n for n, frame in zip(numbers, frames, strict=True) if oracle.digest(frame) != self.digests[n]
        ]
        assert wrong == [], f"{what}: wrong frames at these numbers"


@pytest.fixture(scope="module", params=(*media.GENERATED, *media.SHARED_VIDEOS))
def video(request, thorough):
    """One decoder serves all tests of a file, because its state after one test must not affect the
    next.
    """
    path = media.locate(request.param)
    video = Video(path, accesses=ACCESSES if thorough else None)
    yield video
    video.decoder.close()


def test_by_index_in_random_order(video):
    for number in video.choose(video.accesses):
        video.check([number], [video.decoder[number]], "d[i] in random order")


def test_last_frame_then_another(video):
    for number in [0, *video.choose(max(3, video.accesses // 20))]:
        last = video.numbers[-1]
        video.check([last], [video.decoder[last - video.count]], "the last frame")
        video.check([number], [video.decoder[number]], f"frame {number} after the last one")
        video.check([number], [video.decoder[number]], f"frame {number} twice")


def test_by_list(video):
    numbers = video.choose(min(100, 2 * video.accesses))
    numbers += numbers[:3] + [numbers[-1]] * 2
    for start in range(0, len(numbers), 64):
        part = numbers[start : start + 64]
        video.check(part, video.decoder[part], "d[list]")
    part = [number - video.count for number in numbers[:20]]
    video.check(
        numbers[:20], video.decoder.get_frames_at(torch.tensor(part)).data, "get_frames_at(negative tensor)"
    )


def test_by_slice(video):
    known = set(video.digests)
    for key in (
        slice(None, None, -1),
        slice(None, None, 7),
        slice(None, None, -5),
        slice(3, -2, 2),
        slice(-9, None),
    ):
        numbers = list(range(video.count))[key]
        numbers = numbers[: min(50, video.accesses)]
        if not numbers or not known.issuperset(numbers):
            continue
        step = key.step or 1
        stop = numbers[-1] + (1 if step > 0 else -1)
        part = slice(numbers[0], stop if stop >= 0 else None, step)
        damaged = media.DAMAGED.get(video.name, ())
        pairs = [(n, f) for n, f in zip(numbers, video.decoder[part], strict=True) if n not in damaged]
        video.check([n for n, _ in pairs], [f for _, f in pairs], f"d[{part}]")


def test_by_time(video):
    index = video.decoder.index
    begins, lengths = index.pts, index.durations
    unit = float(index.time_base)
    # if two frames begin at the same time, no instant names the first of them
    unique = [n for n in video.choose(video.accesses) if n + 1 == video.count or begins[n + 1] > begins[n]]
    for number in unique[: min(25, video.accesses)]:
        instant = (int(begins[number]) + 0.5 * int(lengths[number])) * unit
        video.check([number], [video.decoder.t[instant]], f"d.t[{instant}]")
    part = unique[: min(40, video.accesses)]
    instants = [(int(begins[n]) + 0.25 * int(lengths[n])) * unit for n in part]
    video.check(part, video.decoder.get_frames_played_at(instants).data, "get_frames_played_at")


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    bad_invalid_nalu.mp4 hevc_dead_frame.mp4 h264_no_picture_7.mp4 h264_no_picture_8.mp4 h264_no_picture_9.mp4
    h264_no_picture_10.mp4
    """
    ),
)
def test_a_fault_on_the_way_is_seen(name):
    """Each frame is the first access, in a file whose only GOP holds a packet without a picture."""
    path = media.locate(name)
    expected = oracle.reference(path).digests
    # the HEVC decoder of FFmpeg 8 also refuses all pictures that may refer to the missing one
    lost = 16 if name == "hevc_dead_frame.mp4" and oracle.version() >= (8, 0) else 1
    for number in range(len(expected)):
        with VideoDecoder(path, dimension_order="NHWC") as decoder:
            assert len(decoder) == len(expected) + lost, "the header promises more"
            assert oracle.digest(decoder[number]) == expected[number], number
    with VideoDecoder(path) as decoder:
        decoder[:]
        assert len(decoder) == len(expected)


@pytest.mark.parametrize("name", media.names("h264_dead_frame.mp4 lying_pts.mp4"))
def test_confirmed_frames_are_right_from_the_first_access(name):
    """Opening cannot see a fault in a GOP that it does not read, or times that contradict the order
    of frames.
    """
    path = media.locate(name)
    expected = oracle.reference(path).digests
    damaged = media.DAMAGED.get(name, ())
    for number in range(0, len(expected), 3):
        with VideoDecoder(path, dimension_order="NHWC") as decoder:
            assert decoder.confirm() is False
            assert decoder.confirm() is True
            assert len(decoder) == len(expected)
            assert decoder.index.confirmed
            assert number in damaged or oracle.digest(decoder[number]) == expected[number], number


def test_numbers_behind_a_packet_without_a_frame_are_right_at_once():
    """The header's count applies until a read behind the fault looks for it."""
    path = media.locate("h264_dead_frame.mp4")
    expected = oracle.reference(path).digests
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        assert len(decoder) == len(expected) + 1
        assert oracle.digest(decoder[40]) == expected[40]
        assert len(decoder) == len(expected)


@pytest.mark.parametrize("name", media.names("h264_plain.mp4 vp9.webm mpeg2.ts h264_bpyramid.mp4"))
def test_a_right_index_is_kept_when_it_is_confirmed(name):
    with VideoDecoder(media.path(name), dimension_order="NHWC") as decoder:
        first, before = decoder[3], decoder.index
        assert decoder.confirm() is True
        assert decoder.index is before
        assert decoder.index.confirmed
        assert torch.equal(decoder[3], first)


def test_confirming_what_is_not_so(tmp_path):
    path = media.locate("h264_dead_frame.mp4")
    with VideoDecoder(path) as decoder:
        decoder.index.save(tmp_path / "x.idx")
    with VideoDecoder(path, index=tmp_path / "x.idx") as decoder:
        with pytest.raises(StaleIndexError, match="given frame index"):
            decoder.confirm()
        assert len(decoder[0:3]) == 3, "the decoder stays usable"
    with (
        VideoDecoder(path, seek_mode="approximate") as decoder,
        pytest.raises(ValueError, match="seek_mode='exact'"),
    ):
        decoder.confirm()


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_bpyramid.mp4 h264_long_gop.mp4 hevc_open_gop.mp4 mpeg2.ts vp9_hidden.webm
    """
    ),
)
def test_order_of_requests_does_not_matter(name):
    """A fresh decoder for each of 200 requests gives the same as one decoder for all."""
    path = media.path(name)
    video = Video(path, accesses=ACCESSES)
    for number in video.choose(25):
        with VideoDecoder(path, dimension_order="NHWC") as fresh:
            video.check([number], [fresh[number]], "the first request of a decoder")
    for number in video.choose(ACCESSES):
        video.check([number], [video.decoder[number]], "one decoder")


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_plain.mp4 h264_long_gop.mp4 hevc.mp4 vp9.webm mpeg2.mkv ffv1.mkv mjpeg.avi
    """
    ),
)
def test_approximate_mode_is_right_on_well_behaved_files(name):
    path = media.path(name)
    exact = Video(path)
    with VideoDecoder(path, dimension_order="NHWC", seek_mode="approximate") as decoder:
        assert len(decoder) == exact.count
        for number in exact.choose(30):
            exact.check([number], [decoder[number]], "approximate mode")


# ---- the cost, by the counters ----


def counters(decoder):
    names = ("seeks", "packets_read", "frames_decoded", "frames_converted")
    return {name: getattr(decoder.counters, name) for name in names}


def cost(decoder, action):
    """Returns what one action adds to the counters."""
    before = counters(decoder)
    action()
    return {name: value - before[name] for name, value in counters(decoder).items()}


def test_a_sequential_read_does_not_seek():
    with VideoDecoder(media.path("h264_long_gop.mp4")) as decoder:
        spent = cost(decoder, lambda: list(decoder))
        assert spent["seeks"] <= 1
        assert spent["frames_converted"] == len(decoder)
        assert spent["frames_decoded"] == len(decoder)


def test_a_batch_does_not_seek_more_than_a_loop():
    with VideoDecoder(media.path("h264_long_gop.mp4")) as decoder:
        spent = cost(decoder, decoder.get_all_frames)
        assert spent["seeks"] <= 1
        assert spent["frames_converted"] == len(decoder)


def test_only_what_is_asked_for_is_converted():
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        assert (
            cost(decoder, lambda: decoder[[5, 9, 40, 41, 42, 60, 61, 70, 73, 74]])["frames_converted"] == 10
        )
        assert cost(decoder, lambda: decoder[::-8])["frames_converted"] == len(range(0, 75, 8))
        assert cost(decoder, lambda: decoder[3:10, :, 8:20, 8:30])["frames_converted"] == 7
        assert cost(decoder, lambda: decoder.get_frame_at(50))["frames_converted"] == 1


def test_a_frame_asked_for_twice_is_decoded_once():
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        spent = cost(decoder, lambda: decoder[[7, 30, 7, 7, 30]])
        assert spent["frames_converted"] == 2


def test_an_empty_request_costs_nothing():
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        decoder[0]
        spent = cost(decoder, lambda: (decoder[[]], decoder[5:5], decoder.get_frames_at([])))
        assert set(spent.values()) == {0}


def test_frames_behind_the_target_are_not_decoded():
    """A GOP has 12 frames; reaching a frame decodes at most its GOP and the reordering delay."""
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        for number in (70, 3, 40, 11, 12, 60):
            assert cost(decoder, lambda number=number: decoder[number])["frames_decoded"] <= 12 + 4


def test_going_back_inside_a_gop_seeks_once_per_batch():
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        decoder[20]
        assert cost(decoder, lambda: decoder[[18, 14, 16, 15]])["seeks"] <= 1
        assert cost(decoder, lambda: decoder[[19, 20, 21, 22]])["seeks"] == 0


def test_opening_an_mp4_reads_no_packets_of_it():
    """The index comes from the sample tables, so opening reads neither packets nor frames."""
    with VideoDecoder(media.path("h264_plain.mp4")) as decoder:
        assert len(decoder) == 75
        assert counters(decoder) == dict.fromkeys(counters(decoder), 0)
