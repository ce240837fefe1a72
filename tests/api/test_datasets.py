"""Samples of VideoClips and the order of ClipOrder depend only on seed, epoch and number."""

import pickle
import struct
import threading
import warnings
from functools import partial

import media
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler

from cycodec import FFmpegError
from cycodec._shared.results import FrameBatch
from cycodec.datasets import ClipOrder, VideoClips
from cycodec.decoders import VideoDecoder
from cycodec.samplers import clips_at_random_indices, clips_at_random_timestamps, clips_at_regular_indices
from cycodec.transforms import CenterCrop, RandomCrop, Resize

FILES = ("h264_plain.mp4", "vp9.webm", "vfr_dropped.mkv", "hevc.mp4", "mpeg4_bframes.avi", "h264.ts")
SAMPLER = partial(clips_at_random_indices, num_clips=2, num_frames_per_clip=3)
CROPS = [RandomCrop((64, 80)), Resize((32, 40))]


@pytest.fixture(scope="module")
def paths():
    return [media.path(name) for name in FILES]


@pytest.fixture
def bad_paths(paths, tmp_path):
    """Paths of files of which numbers 1, 2 and 6 are bad."""
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(b"no video " * 1000)
    return [paths[0], tmp_path / "absent.mp4", garbage, *paths[1:4], tmp_path / "gone.mp4"]


def equal(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in one
    )


# -- samples ---------------------------------------------------------------------------------------


def test_a_sample_is_what_the_sampler_gives(paths):
    clips = VideoClips(
        paths, partial(clips_at_regular_indices, num_clips=3, num_frames_per_clip=2), [Resize((48, 64))]
    )
    assert len(clips) == len(paths)
    for number, path in enumerate(paths):
        expected = clips_at_regular_indices(
            VideoDecoder(path, transforms=[Resize((48, 64))]), num_clips=3, num_frames_per_clip=2
        )
        sample = clips[number]
        assert sample["video"] == number
        assert sample["data"].shape == (3, 2, 3, 48, 64)
        assert torch.equal(sample["data"], expected.data)
        assert torch.equal(sample["pts_seconds"], expected.pts_seconds)
        assert torch.equal(sample["duration_seconds"], expected.duration_seconds)
    assert [sample["video"] for sample in clips] == list(range(len(paths)))
    assert equal(clips[-1], clips[len(paths) - 1])
    for outside in (len(paths), -len(paths) - 1, (0, len(paths))):
        with pytest.raises(IndexError):
            clips[outside]


@pytest.mark.parametrize("sampler", [SAMPLER, partial(clips_at_random_timestamps, num_clips=2)])
def test_seed_epoch_and_number_make_the_sample(paths, sampler):
    def make(seed):
        return VideoClips(paths, sampler, CROPS, seed=seed, max_open=2)

    one, other = make(7), make(7)
    keys = [(epoch, number) for epoch in range(3) for number in range(len(paths))]
    first = {key: one[key] for key in keys}
    torch.manual_seed(1)
    for key in reversed(
        keys
    ):  # the order differs, the state of torch's generator differs, some decoders are open
        assert equal(other[key], first[key])
        torch.rand(3)
    places = {tuple(first[epoch, 0]["pts_seconds"].flatten().tolist()) for epoch in range(3)}
    assert len(places) == 3
    assert not equal(make(8)[0], first[0, 0])
    assert equal(one[0], first[0, 0])


def test_random_crops_change_with_the_epoch(paths):
    clips = VideoClips(paths, partial(clips_at_regular_indices, num_clips=1), [RandomCrop((64, 80))])
    whole = VideoDecoder(paths[0])[0]
    found = set()
    for epoch in range(8):
        frame = clips[epoch, 0]["data"][0, 0]
        spots = [
            (y, x)
            for y in range(33)
            for x in range(49)
            if torch.equal(whole[:, y : y + 64, x : x + 80], frame)
        ]
        assert len(spots) == 1
        found.add(spots[0])
    assert len(found) > 4


def test_random_crops_of_a_file_whose_header_lies_about_the_size(paths):
    data = bytearray(paths[0].read_bytes())
    at = data.index(b"avc1", data.index(b"stsd")) + 28
    assert struct.unpack_from(">HH", data, at) == (128, 96)
    struct.pack_into(">HH", data, at, 256, 192)
    crops = [RandomCrop((64, 80))]
    expected = VideoClips(paths, SAMPLER, crops)[3, 0]
    for seed in range(3):
        torch.manual_seed(seed)
        assert equal(VideoClips([bytes(data)], SAMPLER, crops)[3, 0], expected)


def first_frames(decoder):
    return decoder.get_frames_at([0, 1])


def test_any_function_of_a_decoder_is_a_sampler(paths):
    sample = VideoClips(paths, first_frames)[2]
    assert torch.equal(sample["data"], VideoDecoder(paths[2])[:2])


def test_decoder_options_and_valid_flags(paths):
    clips = VideoClips(paths, SAMPLER, decoder_options={"on_error": "mask", "dimension_order": "NHWC"})
    sample = clips[0]
    assert sample["data"].shape == (2, 3, 96, 128, 3)
    assert sample["valid"].shape == (2, 3)
    assert sample["valid"].all()


def test_functions_that_open_a_video(paths):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    clips = VideoClips([fsspec.open(f"file://{path}").open for path in paths], SAMPLER, CROPS)
    expected = VideoClips(paths, SAMPLER, CROPS)
    for context in ("fork", "spawn"):
        loader = DataLoader(clips, batch_size=None, num_workers=1, multiprocessing_context=context)
        assert all(equal(sample, expected[sample["video"]]) for sample in loader)


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("one.mp4", SAMPLER), {}, TypeError),
        (([], SAMPLER), {}, ValueError),
        ((["a.mp4"], "uniform"), {}, TypeError),
        ((["a.mp4"], SAMPLER), {"on_error": "return"}, ValueError),
        ((["a.mp4"], SAMPLER), {"seed": -1}, ValueError),
        ((["a.mp4"], SAMPLER), {"max_open": 1.5}, TypeError),
        ((["a.mp4"], SAMPLER, ["Resize"]), {}, ValueError),
    ],
)
def test_wrong_arguments(arguments, options, error):
    with pytest.raises(error):
        VideoClips(*arguments, **options)


# -- open decoders ---------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch):
    """Collects the decoders that a test makes."""
    decoders = []
    real = VideoDecoder.__init__

    def keep(self, source, **options):
        decoders.append(self)
        real(self, source, **options)

    monkeypatch.setattr(VideoDecoder, "__init__", keep)
    return decoders


@pytest.mark.parametrize("max_open", [0, 1, 3])
def test_open_decoders_are_bounded(paths, max_open, opened):
    clips = VideoClips(paths, SAMPLER, max_open=max_open)

    def num_open():
        return sum(not decoder._session.closed for decoder in opened)

    for epoch in range(2):
        for number in range(len(paths)):
            clips[epoch, number]
            assert num_open() <= max_open
    assert num_open() == max_open
    clips.close()
    assert num_open() == 0
    clips[0]


def test_a_decoder_that_is_still_open_is_used_again(paths, opened):
    clips = VideoClips(paths, SAMPLER, max_open=2)
    for number in (0, 1, 0, 1, 2, 1, 0):
        clips[number]
    still_open = [decoder._session.name for decoder in opened if not decoder._session.closed]
    assert still_open == [str(paths[1]), str(paths[0])]
    assert len(opened) == 4


def test_threads_share_a_dataset(paths):
    clips = VideoClips(paths, SAMPLER, CROPS, max_open=2)
    keys = [(epoch, number) for epoch in range(3) for number in range(len(paths))]
    expected = {key: clips[key] for key in keys}
    wrong = []

    def work(seed):
        for k in np.random.default_rng(seed).permutation(len(keys)):
            if not equal(clips[keys[k]], expected[keys[k]]):
                wrong.append(keys[k])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- bad files -------------------------------------------------------------------------------------


def test_bad_files_raise(bad_paths):
    clips = VideoClips(bad_paths, SAMPLER)
    assert clips[0]["video"] == 0
    with pytest.raises(FileNotFoundError, match="absent"):
        clips[1]
    with pytest.raises(FFmpegError, match="garbage"):
        clips[2]


def test_the_next_good_video_stands_in(bad_paths):
    clips = VideoClips(bad_paths, SAMPLER, on_error="skip")
    for number, stand_in in ((1, 3), (2, 3), (6, 0), (-1, 0)):
        with pytest.warns(UserWarning, match=r"is skipped: .*(absent|garbage|gone)"):
            sample = clips[number]
        assert equal(sample, clips[stand_in])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clips[4]["video"] == 4


@pytest.mark.filterwarnings("ignore:video .* is skipped")
def test_nothing_but_bad_files(bad_paths):
    clips = VideoClips([bad_paths[1], bad_paths[2]], SAMPLER, on_error="skip")
    with pytest.raises(FFmpegError, match="garbage"):
        clips[0]


def test_mistakes_of_the_caller_are_not_bad_files(paths):
    too_long = partial(clips_at_random_indices, num_frames_per_clip=10**6, policy="error")
    with pytest.raises(ValueError, match="runs beyond the end"):
        VideoClips(paths, too_long, on_error="skip")[0]


# -- order -----------------------------------------------------------------------------------------


def test_an_epoch_holds_every_video_once():
    order = ClipOrder(101, seed=3)
    epochs = []
    for epoch in range(3):
        order.set_epoch(epoch)
        pairs = list(order)
        assert len(pairs) == len(order) == 101
        assert {e for e, _ in pairs} == {epoch}
        assert sorted(n for _, n in pairs) == list(range(101))
        epochs.append([n for _, n in pairs])
    assert epochs[0] != epochs[1] != epochs[2]
    again = ClipOrder(101, seed=3)
    again.set_epoch(2)
    assert [n for _, n in again] == epochs[2]
    assert [n for _, n in ClipOrder(101, seed=4)] != epochs[0]
    assert [n for _, n in ClipOrder(101, shuffle=False)] == list(range(101))


def test_order_is_the_same_for_ever():
    # a change would break the resuming of saved runs
    assert [n for _, n in ClipOrder(10, seed=5)] == [5, 9, 3, 0, 4, 1, 7, 2, 6, 8]


@pytest.mark.parametrize("count", [12, 13, 1])
@pytest.mark.parametrize("world_size", [1, 2, 5])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_an_epoch(count, world_size, drop_last):
    whole = ClipOrder(count).numbers(0).tolist()
    ranks = [
        list(ClipOrder(count, rank=r, world_size=world_size, drop_last=drop_last)) for r in range(world_size)
    ]
    lengths = {len(pairs) for pairs in ranks}
    assert lengths == {len(ClipOrder(count, rank=0, world_size=world_size, drop_last=drop_last))}
    together = [n for step in zip(*ranks, strict=True) for _, n in step]
    if drop_last:
        assert together == whole[: count // world_size * world_size]
    else:
        assert together[:count] == whole
        assert len(together) < count + world_size
        assert set(together[count:]) <= set(whole)


@pytest.mark.parametrize("worlds", [(1, 1), (4, 4), (4, 2), (2, 3)])
def test_a_resumed_run_goes_on_where_it_was(worlds):
    before, after = worlds
    first = [ClipOrder(60, seed=1, rank=r, world_size=before) for r in range(before)]
    seen = []
    for order in first:
        order.set_epoch(2)
        iterator = iter(order)
        seen += [next(iterator) for _ in range(6)]
    state = pickle.loads(pickle.dumps(first[0].state_dict()))
    rest = []
    for rank in range(after):
        order = ClipOrder(60, seed=1, rank=rank, world_size=after)
        order.load_state_dict(state)
        assert order.epoch == 2
        order.set_epoch(2)
        pairs = list(order)
        rest += pairs
        order.set_epoch(3)
        assert len(order) == -(-60 // after)
    assert len(pairs) == (60 - 6 * before) // after
    assert sorted(seen + rest) == [(2, n) for n in range(60)]


def test_a_run_may_be_resumed_twice_in_an_epoch():
    order = ClipOrder(20)
    expected = list(order)
    order.load_state_dict({**order.state_dict(), "num_done": 5})
    iterator = iter(order)
    got = [next(iterator) for _ in range(4)]
    again = ClipOrder(20)
    again.load_state_dict(order.state_dict())
    assert expected[:5] + got + list(again) == expected
    # workers read ahead: only the loop knows how far it is
    assert order.state_dict(num_done=2)["num_done"] == 7


def test_an_epoch_that_is_done_stays_done():
    order = ClipOrder(5, rank=0, world_size=2)
    assert len(list(order)) == 3
    again = ClipOrder(5, rank=1, world_size=2)
    again.load_state_dict(order.state_dict())
    assert len(again) == 0
    assert list(again) == []
    again.set_epoch(1)
    assert len(list(again)) == 3


@pytest.mark.parametrize("change", [{"count": 6}, {"seed": 1}, {"shuffle": 0}])
def test_a_state_of_something_else_is_refused(change):
    order = ClipOrder(5)
    with pytest.raises(ValueError, match=next(iter(change))):
        order.load_state_dict({**order.state_dict(), **change})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"rank": 0}, ValueError),
        ({"world_size": 2}, ValueError),
        ({"rank": 2, "world_size": 2}, ValueError),
        ({"rank": -1, "world_size": 2}, ValueError),
        ({"rank": 0, "world_size": 0}, ValueError),
        ({"seed": 0.5}, TypeError),
    ],
)
def test_wrong_orders(options, error):
    with pytest.raises(error):
        ClipOrder(5, **options)


def test_rank_and_world_size_come_from_torch_distributed(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        order = ClipOrder(5)
        assert (order.rank, order.world_size) == (0, 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.distributed, "get_rank", lambda: 1)
            patch.setattr(torch.distributed, "get_world_size", lambda: 2)
            order = ClipOrder(5)
            assert (order.rank, order.world_size) == (1, 2)
    finally:
        torch.distributed.destroy_process_group()


# -- DataLoader ------------------------------------------------------------------------------------


def check_batch(batch, expected):
    assert batch["video"].tolist() == [sample["video"] for sample in expected]
    for name in ("data", "pts_seconds", "duration_seconds"):
        assert torch.equal(batch[name], torch.stack([sample[name] for sample in expected]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_workers": 2, "multiprocessing_context": "fork"},
        {"num_workers": 2, "multiprocessing_context": "fork", "persistent_workers": True},
        {"num_workers": 2, "multiprocessing_context": "spawn", "persistent_workers": True},
    ],
    ids=["here", "fork", "fork-persistent", "spawn-persistent"],
)
def test_dataloader(paths, options):
    clips = VideoClips(paths, SAMPLER, CROPS, seed=2, max_open=2)
    clips[0]  # the workers inherit these decoders
    reference = VideoClips(paths, SAMPLER, CROPS, seed=2)
    order = clips.order()
    loader = DataLoader(clips, batch_size=2, sampler=order, **options)
    for epoch in range(2):
        order.set_epoch(epoch)
        wanted = order.numbers(epoch)
        assert len(loader) == 3
        num_done = 0
        for batch in loader:
            check_batch(batch, [reference[epoch, n] for n in wanted[num_done : num_done + 2]])
            num_done += 2
        assert num_done == len(paths)


def test_dataloader_without_batches_and_with_its_own_samplers(paths):
    clips = VideoClips(paths, SAMPLER, CROPS)
    for sample in DataLoader(clips, batch_size=None, num_workers=1, multiprocessing_context="fork"):
        assert equal(sample, clips[sample["video"]])
    batches = list(DataLoader(clips, batch_size=3, shuffle=True))
    assert sorted(n for batch in batches for n in batch["video"].tolist()) == list(range(len(paths)))
    for rank in range(2):
        sampler = DistributedSampler(clips, num_replicas=2, rank=rank, shuffle=False)
        assert [s["video"] for s in DataLoader(clips, batch_size=None, sampler=sampler)] == [
            rank,
            rank + 2,
            rank + 4,
        ]


def test_dataloader_resumed(paths):
    clips = VideoClips(paths, SAMPLER, CROPS)

    def batches(state, stop=None):
        order = clips.order()
        if state:
            order.load_state_dict(state)
        loader = DataLoader(clips, batch_size=2, sampler=order, num_workers=1, multiprocessing_context="fork")
        found = []
        for step, batch in enumerate(loader, 1):
            found.append(batch)
            if step == stop:
                break
        return found, order.state_dict(num_done=2 * len(found))

    whole, _ = batches(None)
    begin, state = batches(None, stop=1)
    end, _ = batches(state)
    assert len(begin + end) == len(whole) == 3
    assert all(equal(one, other) for one, other in zip(begin + end, whole, strict=True))


def test_dataloader_pins_samples(paths):
    """Pinning itself needs CUDA. This test checks without CUDA that every sample can be pinned."""
    from torch.utils.data._utils.pin_memory import pin_memory

    clips = VideoClips(paths, partial(clips_at_random_indices, num_clips=1), [CenterCrop((64, 80))])
    if torch.cuda.is_available():
        (batch,) = DataLoader(clips, batch_size=len(paths), pin_memory=True, num_workers=1)
        assert batch["data"].is_pinned()
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self.clone())
            pinned = pin_memory(clips[0])
        assert equal(pinned, clips[0])
        with warnings.catch_warnings():
            # newer torch warns that nothing is pinned without CUDA
            warnings.filterwarnings("ignore", "'pin_memory'", UserWarning)
            batches = list(DataLoader(clips, batch_size=2, pin_memory=True))
        assert [batch["data"].shape for batch in batches] == [(2, 1, 1, 3, 64, 80)] * 3


def test_bad_files_in_workers(bad_paths):
    clips = VideoClips(bad_paths, SAMPLER, CROPS, on_error="skip")
    loader = DataLoader(
        clips,
        batch_size=None,
        num_workers=2,
        multiprocessing_context="fork",
        sampler=clips.order(shuffle=False),
    )
    assert [sample["video"] for sample in loader] == [0, 3, 3, 3, 4, 5, 0]
    loader = DataLoader(
        VideoClips(bad_paths, SAMPLER), batch_size=None, num_workers=1, multiprocessing_context="fork"
    )
    with pytest.raises(FileNotFoundError, match="absent"):
        list(loader)


def test_pickles_hold_no_open_decoders(paths):
    clips = VideoClips(paths, SAMPLER, CROPS, seed=4)
    small = len(pickle.dumps(clips))
    expected = [clips[3, n] for n in range(3)]
    assert len(pickle.dumps(clips)) == small
    again = pickle.loads(pickle.dumps(clips))
    assert all(equal(again[3, n], sample) for n, sample in enumerate(expected))
    assert isinstance(again.sampler(VideoDecoder(paths[0])), FrameBatch)
