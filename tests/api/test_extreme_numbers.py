"""Times and numbers near the ends of what 64 bits and floats hold: frames, samples or an error of
the usual type.
"""

import math
import subprocess
import time

import media
import pytest
import torch

import cycodec
from cycodec import samplers
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.transforms import Resize

TIMES = (0.0, -0.0, 1e-320, 1e300, -1e300, 1.7e308, -1.7e308, math.inf, -math.inf, math.nan)
NUMBERS = (2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400, -(10**400))
USUAL = (cycodec.FFmpegError, IndexError, ValueError)


def usual(call, *arguments, **options):
    """Returns what a call returns; None if it raises an error of the usual type."""
    try:
        return call(*arguments, **options)
    except USUAL:
        return None


@pytest.fixture(scope="module", params=["exact", "approximate"])
def decoder(request):
    return VideoDecoder(media.path("animation.gif"), seek_mode=request.param)


@pytest.mark.parametrize("instant", TIMES)
def test_any_instant_of_a_video(decoder, instant):
    for call in (
        lambda: decoder.get_frame_played_at(instant),
        lambda: decoder.get_frames_played_at([0.0, instant]),
        lambda: decoder.get_frames_played_in_range(0.0, instant),
        lambda: decoder.get_frames_played_in_range(instant, instant),
        lambda: decoder.get_frames_played_in_range(0.0, 0.1, fps=instant),
        lambda: decoder.t[instant],
        lambda: decoder.t[0.0:0.1:instant],
    ):
        usual(call)
    assert len(decoder[0:2]) == 2


@pytest.mark.parametrize("number", NUMBERS)
def test_any_number_of_a_frame(decoder, number):
    with pytest.raises(IndexError):
        decoder[number]
    with pytest.raises(IndexError):
        decoder.get_frames_at([number])
    assert len(decoder[number:]) == (len(decoder) if number < 0 else 0)


@pytest.mark.parametrize("instant", [1e9, 1e300, 1.7e308])
def test_an_instant_of_a_stream_whose_end_nobody_knows(instant):
    """Approximate mode asks the stream itself, which does not reach so far."""
    decoder = VideoDecoder(media.path("h264_annexb.h264"), seek_mode="approximate")
    assert usual(decoder.get_frame_played_at, instant) is None
    assert usual(decoder.get_frames_played_at, [instant]) is None
    assert usual(decoder.get_frames_played_in_range, 0.0, instant) is None
    assert decoder.get_frame_played_at(0.1).data.shape == decoder.get_frame_played_at(0.0).data.shape


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    paths = [folder / name for name in ("a.wav", "a.mp3", "a.ogg")]
    for path in paths:
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=3:r=8000", path]
        subprocess.run(command, check=True)
    return paths


@pytest.mark.parametrize("options", [{}, {"gaps": "skip"}, {"sample_rate": 16000}, {"seek_mode": "exact"}])
@pytest.mark.parametrize("number", range(3))
def test_any_time_and_number_of_audio(sounds, number, options):
    decoder = AudioDecoder(sounds[number], **options)
    whole = decoder[:]
    for instant in TIMES:
        for reader in (decoder, AudioDecoder(sounds[number], **options)):
            usual(reader.t.__getitem__, instant)
            usual(reader.t.__getitem__, slice(0.1, instant))
            usual(reader.get_samples_played_in_range, instant)
            usual(reader.get_samples_played_in_range, instant, instant)
            usual(reader.get_samples_played_in_range, instant, 1.7e308)
    for index in NUMBERS:
        for reader in (decoder, AudioDecoder(sounds[number], **options)):
            with pytest.raises(IndexError):
                reader[index]
            with pytest.raises(IndexError):
                reader[[index]]
            assert reader[index : index + 5].shape == (1, 0)
            assert torch.equal(reader[:index], whole if index > 0 else whole[:, :0])


def test_a_decoder_of_unknown_length_has_a_repr():
    """`repr` raises no error where `len` does."""
    decoder = VideoDecoder(media.path("h264_annexb.h264"), seek_mode="approximate")
    with pytest.raises(ValueError, match="how many frames"):
        len(decoder)
    assert "h264_annexb.h264" in repr(decoder)


def test_the_repr_counts_frames():
    assert repr(VideoDecoder(media.path("h264_one_frame.mp4"))).endswith(", 1 frame of 128x96)")
    assert repr(VideoDecoder(media.path("h264_plain.mp4"))).endswith(" 75 frames of 128x96)")


HUGE = (2**28, 10**12, 2**63 - 1, 2**70)


@pytest.mark.parametrize("count", HUGE)
def test_requests_that_are_too_large_fail_before_they_take_memory(count):
    """Errors of the usual type, at once."""
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    begin = time.perf_counter()
    for sampler in (samplers.clips_at_random_indices, samplers.clips_at_regular_indices):
        for name in ("num_clips", "num_frames_per_clip"):
            with pytest.raises(ValueError):
                sampler(decoder, **{name: count})
        with pytest.raises(ValueError):
            sampler(decoder, num_clips=2**20, num_frames_per_clip=2**20)
        usual(sampler, decoder, num_frames_per_clip=3, num_indices_between_frames=count)
    for name in ("num_clips", "num_frames_per_clip"):
        with pytest.raises(ValueError):
            samplers.clips_at_random_timestamps(decoder, **{name: count})
    with pytest.raises(ValueError):
        decoder.get_frames_at(range(count))
    with pytest.raises(ValueError):
        decoder.get_frames_at(range(count, 0, -1))
    with pytest.raises(ValueError):
        decoder.get_frames_played_in_range(0.0, 1.0, fps=count)
    with pytest.raises(ValueError, match=r"edge of more than 2\*\*20|2\*\*28 pixels"):
        VideoDecoder(media.path("h264_plain.mp4"), transforms=[Resize((1, count))])
    assert time.perf_counter() - begin < 10


@pytest.mark.parametrize("numbers", [range(5), range(5, 0, -2), range(3, 3), range(7, 75, 13)])
def test_a_range_is_a_list_of_numbers(numbers):
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    assert torch.equal(decoder.get_frames_at(numbers).data, decoder.get_frames_at(list(numbers)).data)
