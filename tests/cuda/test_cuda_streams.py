"""``device="cuda"``: kinds of streams, ways to their frames, and the requests that the hardware
gets.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU:
see test_cuda.py.
"""

import json

import media
import numpy as np
import pytest
import torch
from cuda_streams import destroy_stream, new_stream
from on_gpu import both, difference

from cycodec._shared import torch_adapter
from cycodec.cuda import decoder_cache, support
from cycodec.decoders import VideoDecoder
from cycodec.samplers import clips_at_random_indices, clips_at_regular_timestamps

ENDOFSTREAM, DISCONTINUITY = 1, 4  # CUvideopacketflags

# -- streams ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    media.names("""
    ts_cut_start_open_gop.ts annexb_cut_start.h264 h264_open_gop.h264 hevc_hls_segment_portrait.ts
    vp9_hidden_160x144.webm
"""),
)
def test_streams_without_idr_and_with_hidden_frames(gpu, name):
    """Pictures are missing at the beginning of these streams, or the streams hold pictures that are
    never shown.
    """
    cpu, cuda = both(media.locate(name))
    assert not cuda.cpu_fallback, str(cuda.cpu_fallback)
    assert len(cuda) == len(cpu)
    assert torch.equal(cuda[:].cpu(), cpu[:])
    for keys in ([len(cpu) - 1, 0], list(range(len(cpu) - 1, 0, -7))):
        assert torch.equal(cuda[keys].cpu(), cpu[keys])
    assert not cuda.cpu_fallback, str(cuda.cpu_fallback)


def test_what_is_cut_off_left_and_above(gpu):
    """The test tells the double, which cannot find it out from the stream."""
    if gpu is not None:
        gpu.set(left=64, top=32)
    cpu, cuda = both(media.locate("h264_cropped_all_round.mp4"))
    assert not cuda.cpu_fallback
    assert cuda[:].shape == (25, 3, 152, 240)
    assert torch.equal(cuda[:].cpu(), cpu[:])
    assert torch.equal(cuda[3, :, 20:51, 31:77].cpu(), cpu[3, :, 20:51, 31:77])


# -- ways to frames --------------------------------------------------------------------------------


def test_every_way_to_frames_gives_the_frames_of_the_cpu(gpu):
    cpu, cuda = both(media.locate("h264_vfr_rot180_camera.mp4"))
    count = len(cpu)
    mask = np.arange(count) % 5 == 0
    for key in (
        -1,
        slice(None, None, -7),
        [5, 1, 1],
        torch.tensor([3, 0]),
        mask,
        (slice(2), 0),
        (4, ..., slice(9)),
    ):
        assert torch.equal(cuda[key].cpu(), cpu[key]), key
    for ours, theirs in (
        (cuda.get_frame_at(7), cpu.get_frame_at(7)),
        (cuda.get_frames_at([7, -2]), cpu.get_frames_at([7, -2])),
        (cuda.get_frames_in_range(4, 12, 3), cpu.get_frames_in_range(4, 12, 3)),
        (cuda.get_frame_played_at(0.4), cpu.get_frame_played_at(0.4)),
        (cuda.get_frames_played_at([0.4, 0.1]), cpu.get_frames_played_at([0.4, 0.1])),
        (cuda.get_all_frames(fps=3), cpu.get_all_frames(fps=3)),
    ):
        assert torch.equal(ours.data.cpu(), theirs.data)
        assert torch.equal(torch.as_tensor(ours.pts_seconds), torch.as_tensor(theirs.pts_seconds))
    assert torch.equal(cuda.t[0.2:0.9:0.1].cpu(), cpu.t[0.2:0.9:0.1])
    assert all(torch.equal(a.cpu(), b) for a, b in zip(cuda, cpu, strict=True))
    assert cuda[3:3].shape == (0, *cpu[0].shape)
    for key in (count, [0, count], 1.5):
        with pytest.raises((IndexError, TypeError)):
            cuda[key]


def test_an_index_and_mappings_are_taken(gpu, tmp_path):
    path = media.locate("h264_bpyramid.mp4")
    cpu = VideoDecoder(path)
    cpu.index.save(tmp_path / "index")
    keys = set(cpu.index.key_frames.tolist())
    frames = [
        {"pts": pts, "duration": duration, "key_frame": int(number in keys)}
        for number, (pts, duration) in enumerate(
            zip(cpu.index.pts.tolist(), cpu.index.durations.tolist(), strict=True)
        )
    ]
    for given in ({"index": tmp_path / "index"}, {"custom_frame_mappings": json.dumps({"frames": frames})}):
        cuda = VideoDecoder(path, device="cuda", **given)
        assert torch.equal(cuda[[9, 2, 20]].cpu(), cpu[[9, 2, 20]])
        assert not cuda.cpu_fallback


def test_samplers(gpu):
    cpu, cuda = both(media.locate("h264_bt601.mp4"))
    clips = [
        (
            clips_at_random_indices(
                d, num_clips=2, num_frames_per_clip=3, generator=torch.Generator().manual_seed(5)
            ),
            clips_at_regular_timestamps(d, seconds_between_clip_starts=0.5, num_frames_per_clip=2),
        )
        for d in (cpu, cuda)
    ]
    for theirs, ours in zip(*clips, strict=True):
        assert torch.equal(ours.data.cpu(), theirs.data)
        assert torch.equal(ours.pts_seconds, theirs.pts_seconds)


# -- seeking ---------------------------------------------------------------------------------------


def test_a_seek_ends_the_stream_and_sends_the_header_again(fake):
    decoder = VideoDecoder(media.locate("h264_bench_bbb_360p24_60s_bframes.mp4"), device="cuda")
    decoder[0]
    fake.set(log=1)
    decoder[1000]
    parses = [
        dict(word.split("=") for word in line.split()[1:]) for line in fake.log() if line.startswith("parse")
    ]
    sizes, flags = ([int(parse[name]) for parse in parses] for name in ("size", "flags"))
    assert (sizes[0], flags[0]) == (0, ENDOFSTREAM)
    assert 0 < sizes[1] < 200, "the sequence header alone"
    assert flags[1] == 0
    assert not [flag for flag in flags if flag & DISCONTINUITY]
    assert flags.count(ENDOFSTREAM) == 1
    fake.log()
    decoder[1001]
    assert not [line for line in fake.log() if line.startswith("parse size=0")], "there was nothing to seek"


# -- what the hardware is asked --------------------------------------------------------------------


def test_the_hardware_is_asked_once_for_each_kind_of_stream(fake):
    fake.set(log=1)
    for name in ("h264_bt601.mp4", "hevc_bframes_480p.mp4", "h264_startpts_10s.mp4", "h264_bt601.mp4"):
        VideoDecoder(media.locate(name), device="cuda")[0]
    asked = [line for line in fake.log() if line.startswith("caps")]
    assert asked == ["caps codec=4 chroma=1 depth=8", "caps codec=8 chroma=1 depth=8"]


@pytest.mark.parametrize(
    "limits", [{"max_width": 352}, {"max_height": 224}, {"max_macroblocks": 300}], ids=str
)
def test_what_is_too_large_for_the_hardware_the_cpu_decodes(fake, monkeypatch, limits):
    asked = support.capabilities
    monkeypatch.setattr(support, "capabilities", lambda *kind: {**asked(*kind), **limits})
    cpu, cuda = both(media.locate("h264_bt601.mp4"))
    assert "360x240 is more than" in str(cuda.cpu_fallback)
    assert difference(cuda[:5], cpu[:5])[0] <= 1


# -- streams of CUDA -------------------------------------------------------------------------------


def test_a_decoder_that_passes_to_another_stream_waits_for_the_first(fake, monkeypatch):
    """Two videos, each on a stream of its own, and one hardware decoder for both: what was mapped
    may still be read.
    """
    decoder_cache.empty_nvdec_cache()
    path = media.locate("h264_bt601.mp4")
    one, two = new_stream(fake), new_stream(fake)
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: one.value)
    first = VideoDecoder(path, device="cuda")
    expected = first[3]
    first.close()
    created = decoder_cache.nvdec_cache_stats()["created"]
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: two.value)
    second = VideoDecoder(path, device="cuda")
    fake.set(log=1)
    assert torch.equal(second[3], expected)
    assert decoder_cache.nvdec_cache_stats()["created"] == created
    words = [
        line.split()[0]
        for line in fake.log()
        if line.startswith(("wait", "map", "launch", "record", "unmap"))
    ]
    assert words == ["wait", "map", "launch", "record", "unmap"]
    second.close()
    for stream in (one, two):
        destroy_stream(fake, stream)
