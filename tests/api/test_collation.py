"""Results in a DataLoader: collating, pinning, moving, and being sent between processes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import media
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from cycodec import AudioBatch, AudioSamples, Frame, FrameBatch
from cycodec.decoders import AudioDecoder, VideoDecoder


class Videos(Dataset):
    """What a decoder's method returns, of several decoders."""

    def __init__(self, paths, read):
        self.paths, self.read = paths, read

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, number):
        return self.read(self.paths[number])


def one_frame(path):
    return VideoDecoder(path).get_frame_at(3)


def some_frames(path):
    return {"video": VideoDecoder(path).get_frames_at([0, 5, 1]), "name": str(path)}


def some_audio(path):
    return AudioDecoder(path).get_samples_played_in_range(0.25, 0.5)


@pytest.fixture
def paths():
    return [media.locate("h264_plain.mp4")] * 4


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_joins_frames(paths, workers):
    loader = DataLoader(Videos(paths, one_frame), batch_size=2, num_workers=workers)
    batches = list(loader)
    expected = one_frame(paths[0])
    assert len(batches) == 2
    for batch in batches:
        assert type(batch) is FrameBatch
        assert torch.equal(batch.data, torch.stack([expected.data, expected.data]))
        assert batch.pts_seconds.tolist() == [expected.pts_seconds] * 2
        assert batch.pts_seconds.dtype == torch.float64
        assert batch.duration_seconds.tolist() == [expected.duration_seconds] * 2


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_joins_batches_inside_dicts(paths, workers):
    loader = DataLoader(Videos(paths, some_frames), batch_size=4, num_workers=workers)
    (batch,) = loader
    expected = some_frames(paths[0])["video"]
    assert batch["name"] == [str(path) for path in paths]
    assert batch["video"].data.shape == (4, *expected.data.shape)
    for clip in batch["video"]:
        assert torch.equal(clip.data, expected.data)
        assert torch.equal(clip.pts_seconds, expected.pts_seconds)


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_joins_audio(workers):
    paths = [media.locate("h264_sound.mp4")] * 3
    loader = DataLoader(Videos(paths, some_audio), batch_size=3, num_workers=workers)
    (batch,) = loader
    expected = some_audio(paths[0])
    assert type(batch) is AudioBatch
    assert batch.sample_rate == expected.sample_rate
    assert batch.pts_seconds.tolist() == [expected.pts_seconds] * 3
    assert len(batch) == 3
    for samples in batch:
        assert type(samples) is AudioSamples
        assert torch.equal(samples.data, expected.data)
        assert tuple(samples)[1:] == tuple(expected)[1:]
    with pytest.raises(IndexError):
        batch[3]


def test_collating_keeps_the_memory_order():
    frame = one_frame(media.locate("h264_plain.mp4"))
    assert not frame.data.is_contiguous()
    joined = default_collate([frame, frame]).data
    assert joined.is_contiguous(memory_format=torch.channels_last)
    planar = Frame(frame.data.contiguous(), 0, 1)
    assert default_collate([planar, planar]).data.is_contiguous()


def test_collating_joins_valid():
    def batch(*valid):
        valid = torch.tensor(valid)
        return FrameBatch(torch.zeros(2, 3, 4, 4), torch.zeros(2), torch.zeros(2), valid)

    joined = default_collate([batch(True, False), batch(False, True)])
    assert joined.valid.tolist() == [[True, False], [False, True]]
    with pytest.raises(ValueError, match="different fields"):
        default_collate(
            [batch(True, True), FrameBatch(torch.zeros(2, 3, 4, 4), torch.zeros(2), torch.zeros(2))]
        )


def audio(shape=(1, 8), rate=8000, valid=None):
    return AudioSamples(torch.zeros(shape), 0, 1, rate, valid)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (
            [Frame(torch.zeros(3, 4, 4), 0, 1), Frame(torch.zeros(3, 4, 6), 0, 1)],
            r"shapes .*\[3, 4, 6\].*Resize",
        ),
        ([audio(), audio((2, 8))], "shapes .*num_channels"),
        ([audio(), audio(rate=16000)], "rates .*8000 and 16000.*sample_rate="),
        ([audio(), audio(valid=torch.ones(8, dtype=torch.bool))], "fields"),
    ],
)
def test_what_does_not_fit_says_what_to_do(results, words):
    with pytest.raises(ValueError, match=words):
        default_collate(results)


def everything():
    times = torch.zeros(2, dtype=torch.float64)
    valid = torch.ones(2, 8, dtype=torch.bool)
    return [
        Frame(torch.zeros(3, 4, 4), 0, 1),
        FrameBatch(torch.zeros(2, 3, 4, 4), times, times, torch.ones(2, dtype=torch.bool)),
        audio(valid=valid[0]),
        AudioBatch(torch.zeros(2, 1, 8), times, times, 8000, valid),
    ]


@pytest.mark.parametrize("result", everything(), ids=lambda result: type(result).__name__)
def test_to_moves_every_tensor(result):
    moved = result.to("meta", non_blocking=True)
    assert type(moved) is type(result)
    for name, value in vars(result).items():
        if isinstance(value, torch.Tensor):
            assert getattr(moved, name).device.type == "meta"
            assert value.device.type == "cpu"
        else:
            assert getattr(moved, name) == value


@pytest.mark.parametrize("result", everything(), ids=lambda result: type(result).__name__)
def test_pin_memory_pins_every_tensor(result, monkeypatch):
    # without a GPU nothing can be pinned: the test sees which tensors are asked
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    assert type(result.pin_memory()) is type(result)
    tensors = [value for value in vars(result).values() if isinstance(value, torch.Tensor)]
    assert len(pinned) == len(tensors)
    assert all(any(one is other for other in pinned) for one in tensors)


@pytest.mark.parametrize("result", everything(), ids=lambda result: type(result).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_have_every_value(result, again):
    result.note = "set by the user"
    other = again(result)
    assert type(other) is type(result)
    assert repr(other) == repr(result)
    assert other.note == "set by the user"
    assert torch.equal(other.data, result.data)


def test_a_result_that_was_only_unpickled_collates(tmp_path):
    path = tmp_path / "frame.pickle"
    path.write_bytes(pickle.dumps(Frame(torch.ones(3, 2, 2), 1, 2)))
    program = """
import pickle, sys
from torch.utils.data import default_collate
frame = pickle.load(open(sys.argv[1], "rb"))
print(repr(default_collate([frame, frame])))
"""
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("FrameBatch(data=float32[2, 3, 2, 2]")


def test_audio_batch_refuses_shapes_that_do_not_fit():
    good = {
        "data": torch.zeros(2, 1, 8),
        "pts_seconds": torch.zeros(2),
        "duration_seconds": torch.zeros(2),
        "sample_rate": 8000,
    }
    for wrong, words in [
        ({"data": torch.zeros(1, 8)}, "must be 3-D"),
        ({"pts_seconds": torch.zeros(3)}, "pts_seconds must have the leading shape"),
        ({"valid": torch.ones(2, 7, dtype=torch.bool)}, "valid must have the shape"),
        ({"valid": torch.ones(2, 8)}, "must be a bool tensor"),
    ]:
        with pytest.raises(ValueError, match=words):
            AudioBatch(**{**good, **wrong})
