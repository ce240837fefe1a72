"""Times and numbers near the ends of what 64 bits and floats hold: frames, samples or an error of
the usual type.
"""

import math
import subprocess

import media
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder

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


@pytest.mark.parametrize("time", TIMES)
def test_any_instant_of_a_video(decoder, time):
    for call in (
        lambda: decoder.get_frame_played_at(time),
        lambda: decoder.get_frames_played_at([0.0, time]),
        lambda: decoder.get_frames_played_in_range(0.0, time),
        lambda: decoder.get_frames_played_in_range(time, time),
        lambda: decoder.get_frames_played_in_range(0.0, 0.1, fps=time),
        lambda: decoder.t[time],
        lambda: decoder.t[0.0:0.1:time],
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


@pytest.mark.parametrize("time", [1e9, 1e300, 1.7e308])
def test_an_instant_of_a_stream_whose_end_nobody_knows(time):
    """Approximate mode asks the stream itself, which does not reach so far."""
    decoder = VideoDecoder(media.path("h264_annexb.h264"), seek_mode="approximate")
    assert usual(decoder.get_frame_played_at, time) is None
    assert usual(decoder.get_frames_played_at, [time]) is None
    assert usual(decoder.get_frames_played_in_range, 0.0, time) is None
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
    for time in TIMES:
        for reader in (decoder, AudioDecoder(sounds[number], **options)):
            usual(reader.t.__getitem__, time)
            usual(reader.t.__getitem__, slice(0.1, time))
            usual(reader.get_samples_played_in_range, time)
            usual(reader.get_samples_played_in_range, time, time)
            usual(reader.get_samples_played_in_range, time, 1.7e308)
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
