"""Results and metadata: refused shapes, unpacking, indexing, fallbacks; and the module that imports
torch.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from cycodec._shared import torch_adapter
from cycodec._shared.metadata import (
    AudioStreamMetadata,
    ContainerMetadata,
    Ratio,
    StreamMetadata,
    VideoStreamMetadata,
)
from cycodec._shared.results import AudioSamples, Frame, FrameBatch


def batch(*leading: int, valid: bool = False) -> FrameBatch:
    """Returns a batch of the given leading shape whose values are all distinct."""
    count = int(np.prod(leading))
    return FrameBatch(
        torch.arange(count * 24, dtype=torch.int32).reshape(*leading, 3, 2, 4),
        torch.arange(count, dtype=torch.float64).reshape(leading),
        torch.full(leading, 0.5, dtype=torch.float64),
        (torch.arange(count) % 2 == 0).reshape(leading) if valid else None,
    )


# --- Frame, AudioSamples --------------------------------------------------------------------------


def test_frame_unpacks_and_holds_floats():
    data = torch.zeros(3, 2, 4, dtype=torch.uint8)
    frame = Frame(data, torch.tensor(1.5, dtype=torch.float64), 1)
    unpacked, pts, duration = frame
    assert unpacked is data
    assert (pts, duration) == (1.5, 1.0)
    assert type(frame.pts_seconds) is float
    assert type(frame.duration_seconds) is float
    assert repr(frame) == "Frame(data=uint8[3, 2, 4], pts_seconds=1.5, duration_seconds=1)"


@pytest.mark.parametrize("shape", [(), (3,), (2, 4), (1, 3, 2, 4)])
def test_frame_must_be_3d(shape):
    with pytest.raises(ValueError, match=r"Frame\.data must be 3-D .* got shape \["):
        Frame(torch.zeros(shape), 0.0, 0.0)


def test_audio_samples_unpack():
    samples = AudioSamples(torch.zeros(2, 8), 1, torch.tensor(0.5), 16.0)
    data, pts, duration, rate = samples
    assert data is samples.data
    assert (pts, duration, rate) == (1.0, 0.5, 16)
    assert type(samples.sample_rate) is int
    assert repr(samples) == (
        "AudioSamples(data=float32[2, 8], pts_seconds=1, duration_seconds=0.5, sample_rate=16)"
    )


@pytest.mark.parametrize("shape", [(), (8,), (1, 2, 8)])
def test_audio_samples_must_be_2d(shape):
    with pytest.raises(ValueError, match=r"AudioSamples\.data must be 2-D"):
        AudioSamples(torch.zeros(shape), 0.0, 0.0, 8000)


# --- FrameBatch -----------------------------------------------------------------------------------


def test_batch_iterates_over_batches_of_one_frame():
    frames = list(batch(3, valid=True))
    assert [type(frame) for frame in frames] == [FrameBatch] * 3
    assert [frame.pts_seconds.item() for frame in frames] == [0.0, 1.0, 2.0]
    assert [float(frame.duration_seconds) for frame in frames] == [0.5] * 3
    assert [bool(frame.valid) for frame in frames] == [True, False, True]
    assert torch.equal(frames[2].data, batch(3).data[2])
    assert len(batch(3)) == 3
    assert list(batch(0)) == []


def test_batch_of_clips_iterates_over_batches():
    clips = list(batch(2, 3, valid=True))
    assert [type(clip) for clip in clips] == [FrameBatch] * 2
    assert [len(clip) for clip in clips] == [3, 3]
    assert clips[1].pts_seconds.tolist() == [3.0, 4.0, 5.0]
    assert clips[1].valid.tolist() == [False, True, False]
    assert clips[1][2].pts_seconds == 5.0


@pytest.mark.parametrize(
    ("key", "pts"),
    [
        (slice(1, None), [[3, 4, 5]]),
        ((slice(None), 1), [1, 4]),
        ((..., 1), [1, 4]),
        ((..., slice(None, 2)), [[0, 1], [3, 4]]),
        ([1, 0, 1], [[3, 4, 5], [0, 1, 2], [3, 4, 5]]),
        (torch.tensor([False, True]), [[3, 4, 5]]),
    ],
    ids=repr,
)
def test_batch_key_reaches_every_field_alike(key, pts):
    part = batch(2, 3, valid=True)[key]
    assert isinstance(part, FrameBatch)
    assert part.pts_seconds.tolist() == pts
    assert torch.equal(part.data[..., 0, 0, 0], part.pts_seconds.to(torch.int32) * 24)
    assert torch.equal(part.valid, part.pts_seconds % 2 == 0)
    assert part.duration_seconds.shape == part.pts_seconds.shape


def test_batch_key_down_to_one_frame():
    for key in [(1, 2), (-1, -1), (1, ..., 2)]:
        frame = batch(2, 3)[key]
        assert type(frame) is FrameBatch
        assert frame.data.shape == (3, 2, 4)
        assert frame.pts_seconds.shape == ()
        assert frame.pts_seconds.item() == 5.0


def test_batch_key_none_adds_a_leading_axis():
    part = batch(2, 3)[None]
    assert part.data.shape == (1, 2, 3, 3, 2, 4)
    assert part.pts_seconds.shape == (1, 2, 3)


@pytest.mark.parametrize("key", [2, -3, (0, 3), (0, 0, 0)])
def test_batch_key_out_of_bounds(key):
    with pytest.raises(IndexError):
        batch(2, 3)[key]


def test_batch_without_leading_axis():
    one = FrameBatch(torch.zeros(3, 2, 4), torch.tensor(1.0), torch.tensor(0.5))
    with pytest.raises(TypeError, match="no len"):
        len(one)
    with pytest.raises(TypeError, match="no len"):
        list(one)
    with pytest.raises(IndexError, match="index its data"):
        one[0]
    assert one  # its truth does not ask for its length


def test_batch_is_true_if_it_has_frames():
    assert batch(2)
    assert not batch(0)
    assert not batch(2, 0)


def test_batch_repr_shows_shapes_only():
    assert repr(batch(2)) == (
        "FrameBatch(data=int32[2, 3, 2, 4], pts_seconds=float64[2], duration_seconds=float64[2])"
    )
    assert repr(batch(2, 5, valid=True)).endswith("duration_seconds=float64[2, 5], valid=bool[2, 5])")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data": torch.zeros(2, 4)}, "at least 3-D"),
        ({"pts_seconds": torch.zeros(3)}, r"pts_seconds must have the leading shape \[2\] .* got \[3\]"),
        ({"duration_seconds": torch.zeros(())}, r"duration_seconds must have the leading shape \[2\]"),
        ({"valid": torch.ones(2, 1, dtype=torch.bool)}, r"valid must have the leading shape \[2\]"),
        ({"valid": torch.ones(2)}, "valid must be a bool tensor"),
    ],
)
def test_batch_refuses_shapes_that_do_not_fit(fields, words):
    good = {
        "data": torch.zeros(2, 3, 2, 4),
        "pts_seconds": torch.zeros(2),
        "duration_seconds": torch.zeros(2),
    }
    with pytest.raises(ValueError, match=words):
        FrameBatch(**{**good, **fields})


# --- Metadata -------------------------------------------------------------------------------------


def test_content_goes_before_header():
    metadata = VideoStreamMetadata(
        duration_seconds_from_header=9.0,
        begin_stream_seconds_from_header=1.0,
        begin_stream_seconds_from_content=2.0,
        end_stream_seconds_from_content=6.0,
        num_frames_from_header=90,
        num_frames_from_content=100,
        average_fps_from_header=30.0,
    )
    assert metadata.begin_stream_seconds == 2.0
    assert metadata.end_stream_seconds == 6.0
    assert metadata.duration_seconds == 4.0
    assert metadata.num_frames == 100
    assert metadata.average_fps == 25.0


def test_header_stands_in_for_content():
    metadata = VideoStreamMetadata(
        duration_seconds_from_header=4.0,
        begin_stream_seconds_from_header=10.0,
        num_frames_from_header=120,
        average_fps_from_header=30.0,
    )
    assert metadata.begin_stream_seconds == 10.0
    assert metadata.end_stream_seconds == 14.0
    assert metadata.duration_seconds == 4.0
    assert metadata.num_frames == 120
    assert metadata.average_fps == 30.0


def test_what_header_values_imply():
    assert (
        VideoStreamMetadata(num_frames_from_header=60, average_fps_from_header=24.0).duration_seconds == 2.5
    )
    counted = VideoStreamMetadata(duration_seconds_from_header=2.002, average_fps_from_header=30000 / 1001)
    assert counted.num_frames == 60


def test_nothing_known():
    metadata = VideoStreamMetadata()
    assert metadata.begin_stream_seconds == 0.0
    assert metadata.end_stream_seconds is None
    assert metadata.duration_seconds is None
    assert metadata.num_frames is None
    assert metadata.average_fps is None
    assert AudioStreamMetadata().duration_seconds is None
    assert AudioStreamMetadata().begin_stream_seconds == 0.0


def test_zero_is_a_value():
    still = VideoStreamMetadata(
        begin_stream_seconds_from_header=1.0,
        begin_stream_seconds_from_content=0.0,
        end_stream_seconds_from_content=0.0,
        num_frames_from_content=0,
        num_frames_from_header=5,
        average_fps_from_header=1.0,
        duration_seconds_from_header=5.0,
    )
    assert still.begin_stream_seconds == 0.0
    assert still.end_stream_seconds == 0.0
    assert still.duration_seconds == 0.0
    assert still.num_frames == 0
    assert still.average_fps == 1.0  # a duration of 0 gives no rate


def test_audio_metadata():
    metadata = AudioStreamMetadata(
        duration_seconds_from_header=2.0, begin_stream_seconds_from_header=-0.007, encoder_delay=312
    )
    assert metadata.duration_seconds == 2.0
    assert metadata.begin_stream_seconds == -0.007
    assert metadata.encoder_delay == 312
    assert metadata.encoder_padding is None


def test_metadata_equality_is_by_value():
    assert VideoStreamMetadata(width=2) == VideoStreamMetadata(width=2)
    assert VideoStreamMetadata(width=2) != VideoStreamMetadata(width=3)


def test_metadata_repr_has_a_line_for_each_value():
    lines = repr(
        VideoStreamMetadata(width=640, pixel_aspect_ratio=Fraction(4, 3), num_frames_from_content=7)
    ).split("\n")
    assert lines[0] == "VideoStreamMetadata:"
    for line in ["  width: 640", "  pixel_aspect_ratio: 4/3", "  num_frames: 7", "  average_fps: None"]:
        assert line in lines
    names = [line.split(":")[0].strip() for line in lines]
    assert len(set(names)) == len(names)
    assert not any(name.startswith("_") for name in names)


def test_container_metadata():
    video = VideoStreamMetadata(stream_index=0, bit_rate=1000.0, duration_seconds_from_header=2.0)
    audio = AudioStreamMetadata(stream_index=1, bit_rate=64.0, duration_seconds_from_header=2.5)
    text = StreamMetadata(stream_index=2, media_type="subtitle", bit_rate=1.0)
    container = ContainerMetadata(
        streams=[video, audio, text], best_video_stream_index=0, best_audio_stream_index=1
    )
    assert container.best_video_stream is video
    assert container.best_audio_stream is audio
    assert container.duration_seconds == 2.5
    assert container.bit_rate == 1065.0
    known = ContainerMetadata(duration_seconds_from_header=2.4, bit_rate_from_header=1100.0, streams=[video])
    assert (known.duration_seconds, known.bit_rate) == (2.4, 1100.0)
    text.bit_rate = None
    assert ContainerMetadata(streams=[video, audio, text]).bit_rate is None
    lines = repr(container).split("\n")
    assert lines[0] == "ContainerMetadata:"
    assert lines.count("    VideoStreamMetadata:") == 1
    assert "      media_type: subtitle" in lines
    assert "  best_video_stream_index: 0" in lines


def test_computed_values_are_fields_that_json_writes():
    video = VideoStreamMetadata(
        num_frames_from_header=60, average_fps_from_header=24.0, pixel_aspect_ratio=Fraction(4, 3)
    )
    container = ContainerMetadata(streams=[video, AudioStreamMetadata(sample_rate=8000)])
    values = json.loads(json.dumps(dataclasses.asdict(container)))["streams"][0]
    assert values["duration_seconds"] == 2.5
    assert values["begin_stream_seconds"] == 0.0
    assert values["end_stream_seconds"] == 2.5
    assert values["num_frames"] == 60
    assert values["average_fps"] == 24.0
    assert values["pixel_aspect_ratio"] == 4 / 3
    assert {"duration_seconds", "begin_stream_seconds"} <= set(dataclasses.asdict(AudioStreamMetadata()))


def test_ratio_is_a_float_with_an_exact_value():
    ratio = Ratio(Fraction(4, 3))
    assert (ratio.numerator, ratio.denominator) == (4, 3)
    assert ratio == Fraction(4, 3)
    assert hash(ratio) == hash(Fraction(4, 3))
    assert Fraction(ratio) == Fraction(4, 3)
    assert ratio != Fraction(3, 4)
    assert Ratio(1) == 1
    assert ratio * 3 == 4.0
    assert str(ratio) == "4/3"
    for again in (pickle.loads(pickle.dumps(ratio)), copy.deepcopy(ratio)):
        assert type(again) is Ratio
        assert again == ratio


def test_empty_container():
    container = ContainerMetadata()
    assert container.best_video_stream is None
    assert container.best_audio_stream is None
    assert container.duration_seconds is None
    assert container.bit_rate is None


# --- torch_adapter --------------------------------------------------------------------------------


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_is_imported_by_the_first_call_alone():
    run("""
import sys
from cycodec._shared import torch_adapter
from cycodec._shared import results as _types
assert not torch_adapter.is_tensor([1]) and "torch" not in sys.modules
assert torch_adapter.empty((2,), "uint8", "cpu").shape == (2,) and "torch" in sys.modules
""")


def test_missing_torch_is_a_clear_error():
    run("""
import sys
sys.modules["torch"] = None  # how Python marks a module that is not there
from cycodec._shared import torch_adapter
try:
    torch_adapter.empty((2,))
except ImportError as error:
    assert "cycodec needs torch to return tensors: pip install torch" in str(error), error
else:
    raise AssertionError("no error")
assert not torch_adapter.is_tensor([1])
""")


def test_empty_ignores_torch_defaults():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            tensor = torch_adapter.empty((2, 3), "uint8", "cpu")
            other = torch_adapter.empty((2, 3), torch.float32, torch.device("cpu"))
    finally:
        torch.set_default_dtype(torch.float32)
    assert (tensor.dtype, tensor.device.type, tuple(tensor.shape)) == (torch.uint8, "cpu", (2, 3))
    assert (other.dtype, other.device.type) == (torch.float32, "cpu")
    assert tensor.is_contiguous()
    assert torch_adapter.pointer(tensor) == tensor.data_ptr() != 0


def test_from_numpy_shares_where_it_can():
    array = np.arange(6).reshape(2, 3)
    shared = torch_adapter.from_numpy(array)
    array[0, 0] = 42
    assert shared[0, 0] == 42

    array.flags.writeable = False
    for other in [array, array[::-1], array[:, ::-1], array.astype(">i8"), array.astype(">f4")]:
        tensor = torch_adapter.from_numpy(other)
        assert tensor.tolist() == other.tolist()
        tensor.zero_()
        assert other[0, 0] != 0


def test_to_numpy():
    assert torch_adapter.is_tensor(torch.zeros(1))
    assert not torch_adapter.is_tensor(np.zeros(1))
    assert torch_adapter.to_numpy(torch.tensor([1, 2])).tolist() == [1, 2]
    assert torch_adapter.to_numpy(torch.tensor([0.5], requires_grad=True)).tolist() == [0.5]
    assert torch_adapter.to_numpy(torch.tensor([0.5], dtype=torch.bfloat16)).tolist() == [0.5]
