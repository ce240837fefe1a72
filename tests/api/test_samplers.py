"""Samplers: clips lie where TorchCodec 0.13 puts them, and one call decodes them all."""

from __future__ import annotations

import functools
import inspect
import pickle
import types

import media
import numpy as np
import pytest
import torch

from cycodec import samplers
from cycodec._shared.metadata import VideoStreamMetadata
from cycodec._shared.results import FrameBatch
from cycodec.decoders import VideoDecoder
from cycodec.samplers import (
    clips_at_random_indices,
    clips_at_random_timestamps,
    clips_at_regular_indices,
    clips_at_regular_timestamps,
)

BY_INDEX = [clips_at_random_indices, clips_at_regular_indices]


def name_of(sampler):
    """Returns a name that is the same in every process."""
    return getattr(sampler, "func", sampler).__name__


BY_TIME = [
    clips_at_random_timestamps,
    functools.partial(clips_at_regular_timestamps, seconds_between_clip_starts=0.5),
]
ALL = BY_INDEX + BY_TIME


class FakeDecoder:
    """A video of constant frame rate that counts decode calls. A frame's pixels hold its number."""

    def __init__(self, num_frames=10, fps=5.0, begin=0.0, valid=False, **facts):
        self.num_frames, self.fps, self.begin, self.valid = num_frames, fps, begin, valid
        self.calls = []
        content = {
            "num_frames_from_content": num_frames,
            "begin_stream_seconds_from_content": begin,
            "end_stream_seconds_from_content": begin + num_frames / fps,
        }
        self.metadata = VideoStreamMetadata(**{**content, **facts})

    def __len__(self):
        return self.num_frames

    def get_frames_at(self, indices):
        assert indices.dtype == torch.int64
        assert indices.ndim == 1
        assert 0 <= indices.min() <= indices.max() < self.num_frames
        self.calls.append(indices.tolist())
        data = indices.to(torch.uint8)[:, None, None, None].expand(-1, 3, 2, 4)
        seconds = self.begin + indices.double() / self.fps
        return FrameBatch(
            data, seconds, torch.full_like(seconds, 1 / self.fps), indices >= 0 if self.valid else None
        )

    def get_frames_played_at(self, seconds):
        assert seconds.dtype == torch.float64
        assert seconds.ndim == 1
        self.asked = seconds.tolist()
        return self.get_frames_at(((seconds - self.begin) * self.fps + 1e-6).floor().long())


def plan(sampler, decoder=None, **options):
    """Returns the plan of a sampler as rounded rows."""
    if isinstance(sampler, functools.partial):
        options = {**sampler.keywords, **options}
        sampler = sampler.func
    if sampler is clips_at_regular_timestamps and options.pop("num_clips", 1) != 1:
        raise AssertionError("clips_at_regular_timestamps has no num_clips")
    return [
        [round(place, 9) for place in row]
        for row in sampler.plan(decoder or FakeDecoder(), **options).tolist()
    ]


# --- By index -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0]]),
        ({"sampling_range_start": 3}, [[3]]),
        ({"num_clips": 3}, [[0], [4], [9]]),
        ({"num_clips": 3, "num_frames_per_clip": 3}, [[0, 1, 2], [3, 4, 5], [7, 8, 9]]),
        ({"num_clips": 2, "num_frames_per_clip": 4, "num_indices_between_frames": 3}, [[0, 3, 6, 9]] * 2),
        ({"num_clips": 2, "sampling_range_start": -3}, [[7], [9]]),
        ({"num_clips": 3, "sampling_range_end": -2}, [[0], [3], [7]]),
        ({"num_clips": 2, "sampling_range_end": 100}, [[0], [9]]),
        ({"num_clips": 4, "sampling_range_start": 2, "sampling_range_end": 4}, [[2], [2], [2], [3]]),
        ({"num_frames_per_clip": 12}, [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]]),
        ({"num_frames_per_clip": 12, "policy": "wrap"}, [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]]),
    ],
    ids=repr,
)
def test_regular_indices(options, expected):
    assert plan(clips_at_regular_indices, **options) == expected


def test_more_regular_clips_than_frames():
    starts = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9]
    assert plan(clips_at_regular_indices, num_clips=20) == [[start] for start in starts]
    seven = [[start] for start in [0, 16, 33, 50, 66, 83, 100]]
    assert plan(clips_at_regular_indices, FakeDecoder(101), num_clips=7) == seven


@pytest.mark.parametrize(
    ("policy", "clip"), [("repeat_last", [4, 7, 7, 7]), ("wrap", [4, 7, 4, 7]), ("error", None)]
)
def test_clip_beyond_the_last_frame(policy, clip):
    options = {
        "num_frames_per_clip": 4,
        "num_indices_between_frames": 3,
        "sampling_range_start": 4,
        "sampling_range_end": 5,
        "policy": policy,
    }
    for sampler in BY_INDEX:
        if clip is None:
            with pytest.raises(ValueError, match="starts at 4 runs beyond the end at 10"):
                plan(sampler, **options)
        else:
            assert plan(sampler, **options) == [clip]


def test_error_policy_lets_clips_that_fit_pass():
    for sampler in ALL:
        assert len(plan(sampler, num_frames_per_clip=3, policy="error")) >= 1


def test_random_indices_are_those_of_the_global_generator():
    torch.manual_seed(0)
    assert plan(clips_at_random_indices, num_clips=3) == [[4], [9], [3]]
    torch.manual_seed(0)
    clips = plan(clips_at_random_indices, num_clips=3, num_frames_per_clip=3)
    assert clips == [[4, 5, 6], [7, 8, 9], [5, 6, 7]]
    torch.manual_seed(0)
    assert plan(clips_at_random_indices, num_clips=2, sampling_range_start=-3) == [[9], [7]]


def test_random_indices_reach_the_whole_range_and_no_more():
    starts = plan(clips_at_random_indices, num_clips=500, sampling_range_start=2, sampling_range_end=-3)
    assert {row[0] for row in starts} == {2, 3, 4, 5, 6}
    fitting = plan(
        clips_at_random_indices, num_clips=500, num_frames_per_clip=4, num_indices_between_frames=2
    )
    assert {row[0] for row in fitting} == {0, 1, 2, 3}


# --- By time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0.0], [0.5], [1.0], [1.5]]),
        ({"seconds_between_clip_starts": 5}, [[0.0]]),
        ({"num_frames_per_clip": 3}, [[0.0, 0.2, 0.4], [0.5, 0.7, 0.9], [1.0, 1.2, 1.4], [1.5, 1.7, 1.9]]),
        (
            {"num_frames_per_clip": 3, "seconds_between_frames": 0.3},
            [[0.0, 0.3, 0.6], [0.5, 0.8, 1.1], [1.0, 1.3, 1.6]],
        ),
        ({"num_frames_per_clip": 10}, [[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8]]),
        ({"sampling_range_start": 1.9}, [[1.9]]),
        ({"sampling_range_end": 1.0}, [[0.0], [0.5]]),
        ({"sampling_range_end": 5}, [[0.0], [0.5], [1.0], [1.5]]),
        ({"sampling_range_start": 1.0, "sampling_range_end": 1.0001}, [[1.0]]),
    ],
    ids=repr,
)
def test_regular_timestamps(options, expected):
    options = {"seconds_between_clip_starts": 0.5, **options}
    assert plan(clips_at_regular_timestamps, **options) == expected


def test_regular_timestamps_of_a_stream_that_starts_late():
    late = FakeDecoder(begin=1.0)
    assert plan(clips_at_regular_timestamps, late, seconds_between_clip_starts=0.5) == [
        [1.0],
        [1.5],
        [2.0],
        [2.5],
    ]


@pytest.mark.parametrize(
    ("policy", "clip"),
    [("repeat_last", [1.5, 1.7, 1.9, 1.9]), ("wrap", [1.5, 1.7, 1.9, 1.5]), ("error", None)],
)
def test_clip_beyond_the_end_of_the_stream(policy, clip):
    options = {
        "num_frames_per_clip": 4,
        "sampling_range_start": 1.5,
        "sampling_range_end": float(np.nextafter(1.5, 2)),
        "policy": policy,
    }
    for sampler in BY_TIME:
        if clip is None:
            with pytest.raises(ValueError, match=r"starts at 1\.5 runs beyond the end at 2\.0"):
                plan(sampler, **options)
        else:
            assert plan(sampler, **options) == [clip]


def test_random_timestamps_are_those_of_the_global_generator():
    torch.manual_seed(0)
    starts = plan(clips_at_random_timestamps, num_clips=3)
    assert [round(start, 4) for (start,) in starts] == [1.9401, 1.4156, 0.9188]
    torch.manual_seed(0)
    starts = plan(clips_at_random_timestamps, FakeDecoder(begin=1.0), num_clips=3, sampling_range_end=1.5)
    assert [round(start, 4) for (start,) in starts] == [1.4850, 1.3539, 1.2297]


def test_random_timestamps_fill_the_range_and_stay_inside():
    rows = clips_at_random_timestamps.plan(FakeDecoder(), num_clips=2000, num_frames_per_clip=3)
    assert rows.dtype == torch.float64
    assert 0 <= rows.min() < 0.01
    assert 1.98 < rows.max() < 2.0


def test_start_is_never_rounded_on_to_the_end_of_the_range():
    end = float(np.nextafter(1.0, 2))
    options = {"num_clips": 50, "sampling_range_start": 1.0, "sampling_range_end": end}
    assert (clips_at_random_timestamps.plan(FakeDecoder(), **options) == 1.0).all()


# --- Every sampler --------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ALL, ids=name_of)
def test_one_decode_call_and_a_5d_batch(sampler):
    decoder = FakeDecoder(valid=True)
    batch = sampler(decoder, num_frames_per_clip=3)
    clips = len(batch)
    assert len(decoder.calls) == 1
    assert batch.data.shape == (clips, 3, 3, 2, 4)
    assert batch.pts_seconds.shape == batch.duration_seconds.shape == batch.valid.shape == (clips, 3)
    assert batch.data[..., 0, 0, 0].flatten().tolist() == decoder.calls[0]
    assert torch.allclose(batch.pts_seconds, batch.data[..., 0, 0, 0].double() / 5)


@pytest.mark.parametrize("sampler", [clips_at_random_indices, clips_at_random_timestamps])
def test_generator_reproduces_and_leaves_the_global_one_alone(sampler):
    def clips(seed):
        return sampler.plan(
            FakeDecoder(100), num_clips=8, generator=torch.Generator().manual_seed(seed)
        ).tolist()

    before = torch.get_rng_state()
    first = clips(1)
    assert first == clips(1) != clips(2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("sampler", [s for s in ALL if not isinstance(s, functools.partial)])
def test_sampler_is_a_function_with_a_plan(sampler):
    assert isinstance(sampler, types.FunctionType)
    assert pickle.loads(pickle.dumps(sampler)) is sampler
    parameters = inspect.signature(sampler).parameters
    assert parameters.keys() == inspect.signature(sampler.plan).parameters.keys()
    assert inspect.signature(sampler).return_annotation == "FrameBatch"
    assert sampler.__name__ in samplers.__all__
    keyword_only = [p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values()]
    assert keyword_only == [False] + [True] * (len(parameters) - 1)
    assert "clips" in sampler.__doc__.lower()


def test_parameters_are_those_of_torchcodec():
    common = ["decoder", "num_frames_per_clip", "sampling_range_start", "sampling_range_end", "policy"]
    for sampler, own in [
        (clips_at_random_indices, ["num_clips", "num_indices_between_frames", "generator"]),
        (clips_at_regular_indices, ["num_clips", "num_indices_between_frames"]),
        (clips_at_random_timestamps, ["num_clips", "seconds_between_frames", "generator"]),
        (clips_at_regular_timestamps, ["seconds_between_clip_starts", "seconds_between_frames"]),
    ]:
        assert sorted(inspect.signature(sampler).parameters) == sorted(common + own)


# --- Bad arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ALL, ids=name_of)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_frames_per_clip": 0}, "num_frames_per_clip must be positive"),
        ({"num_frames_per_clip": -1}, "num_frames_per_clip must be positive"),
        ({"policy": "bad"}, "policy must be"),
        ({"policy": None}, "policy must be"),
        ({"sampling_range_start": 10}, "sampling_range_start 10"),
        ({"sampling_range_start": -11}, "sampling_range_start -11"),
        ({"sampling_range_end": 0}, "no clip can start"),
        ({"sampling_range_end": -11}, "no clip can start"),
        ({"sampling_range_start": 1, "sampling_range_end": 1}, "no clip can start"),
    ],
    ids=repr,
)
def test_values_that_are_refused(sampler, options, words):
    with pytest.raises(ValueError, match=words):
        sampler(FakeDecoder(), **options)


@pytest.mark.parametrize("sampler", [*BY_INDEX, clips_at_random_timestamps])
@pytest.mark.parametrize("num_clips", [0, -1])
def test_num_clips_must_be_positive(sampler, num_clips):
    with pytest.raises(ValueError, match="num_clips must be positive"):
        sampler(FakeDecoder(), num_clips=num_clips)


@pytest.mark.parametrize("sampler", BY_INDEX)
def test_values_that_are_refused_by_index(sampler):
    with pytest.raises(ValueError, match="num_indices_between_frames must be positive"):
        sampler(FakeDecoder(), num_indices_between_frames=0)
    with pytest.raises(ValueError, match=r"no clip can start in \[9, 8\) so that 3 frames fit"):
        sampler(FakeDecoder(), sampling_range_start=9, num_frames_per_clip=3)


@pytest.mark.parametrize("sampler", BY_TIME, ids=name_of)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_distances_that_are_refused(sampler, value):
    for name in ["seconds_between_frames", "seconds_between_clip_starts"]:
        if name == "seconds_between_frames" or isinstance(sampler, functools.partial):
            with pytest.raises(ValueError, match=f"{name} must be"):
                sampler(FakeDecoder(), **{name: value})


@pytest.mark.parametrize("sampler", BY_TIME, ids=name_of)
def test_ranges_that_are_refused_by_time(sampler):
    for start in [-0.5, 2, 2.5, float("nan")]:
        with pytest.raises(ValueError, match="sampling_range_start"):
            sampler(FakeDecoder(), sampling_range_start=start)
    with pytest.raises(
        ValueError, match=r"sampling_range_start 0\.5 s is outside the stream, shown over \[1\.0, 3"
    ):
        sampler(FakeDecoder(begin=1.0), sampling_range_start=0.5)
    for num_frames in [11, 100]:
        with pytest.raises(ValueError, match=f"so that {num_frames} frames fit"):
            sampler(FakeDecoder(), num_frames_per_clip=num_frames)


@pytest.mark.parametrize("sampler", ALL, ids=name_of)
@pytest.mark.parametrize("value", [1.5, "1", True, [1]], ids=repr)
def test_counts_of_a_wrong_type(sampler, value):
    with pytest.raises(TypeError, match="num_frames_per_clip must be an integer"):
        sampler(FakeDecoder(), num_frames_per_clip=value)


@pytest.mark.parametrize("value", ["1", True, [1.0], 1j], ids=repr)
def test_bounds_of_a_wrong_type(value):
    for sampler in ALL:
        for name in ["sampling_range_start", "sampling_range_end"]:
            with pytest.raises(TypeError, match=name):
                sampler(FakeDecoder(), **{name: value})
    with pytest.raises(TypeError, match="sampling_range_start must be an integer"):
        clips_at_random_indices(FakeDecoder(), sampling_range_start=1.5)


@pytest.mark.parametrize("sampler", ALL, ids=name_of)
def test_video_without_frames(sampler):
    with pytest.raises(ValueError, match="at least one frame"):
        sampler(FakeDecoder(0))


@pytest.mark.parametrize("sampler", BY_TIME, ids=name_of)
def test_stream_whose_end_or_rate_is_unknown(sampler):
    unknown = {"begin_stream_seconds_from_content": None, "end_stream_seconds_from_content": None}
    with pytest.raises(ValueError, match="end of the stream is not known"):
        sampler(FakeDecoder(**unknown))
    no_rate = FakeDecoder(**unknown, duration_seconds_from_header=2.0)
    with pytest.raises(ValueError, match="give seconds_between_frames"):
        sampler(no_rate)
    assert len(sampler(no_rate, seconds_between_frames=0.2)) >= 1


# --- Real videos ----------------------------------------------------------------------------------


@pytest.fixture(params=["h264_plain.mp4", "h264_vfr_rot180_camera.mp4"])
def video(request):
    with VideoDecoder(media.locate(request.param)) as decoder:
        yield decoder


@pytest.mark.parametrize("sampler", BY_INDEX)
def test_clips_hold_the_frames_of_their_plan(video, sampler):
    options = {"num_clips": 4, "num_frames_per_clip": 3, "num_indices_between_frames": 2}
    if sampler is clips_at_random_indices:
        options["generator"] = torch.Generator().manual_seed(3)
    batch = sampler(video, **options)
    if "generator" in options:
        options["generator"].manual_seed(3)
    indices = sampler.plan(video, **options)
    assert batch.data.shape == (4, 3, *video[0].shape)
    for clip, numbers in zip(batch, indices, strict=True):
        for frame, number in zip(clip, numbers.tolist(), strict=True):
            assert torch.equal(frame.data, video[number])
            assert frame.pts_seconds == video.get_frame_at(number).pts_seconds


def test_clips_by_time_hold_the_frames_played_then(video):
    options = {"seconds_between_clip_starts": 0.7, "num_frames_per_clip": 3, "seconds_between_frames": 0.13}
    batch = clips_at_regular_timestamps(video, **options)
    seconds = clips_at_regular_timestamps.plan(video, **options)
    assert batch.pts_seconds.shape == seconds.shape
    assert (batch.pts_seconds <= seconds).all()
    assert (seconds < batch.pts_seconds + batch.duration_seconds).all()
    for clip, instants in zip(batch, seconds, strict=True):
        for frame, instant in zip(clip, instants.tolist(), strict=True):
            assert torch.equal(frame.data, video.get_frame_played_at(instant).data)


def test_frames_that_clips_share_are_converted_once():
    with VideoDecoder(media.locate("h264_plain.mp4")) as video:
        before = video.counters
        batch = clips_at_regular_indices(video, num_clips=6, num_frames_per_clip=5, sampling_range_end=7)
        distinct = len(
            set(
                clips_at_regular_indices.plan(video, num_clips=6, num_frames_per_clip=5, sampling_range_end=7)
                .flatten()
                .tolist()
            )
        )
        assert distinct < batch.pts_seconds.numel()
        assert video.counters.frames_converted - before.frames_converted == distinct
