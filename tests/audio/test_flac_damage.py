"""Damaged FLAC frames: the samples of the others stay in place, whatever FFmpeg's parser joins."""

import audio_media as media
import numpy as np
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder

NAME = "flac.flac"
FORMS = ("body", "header")
# kind of damage -> its frames and parts; a negative number counts from the last frame
DAMAGE = {
    "body": {10: "body"},
    "header": {10: "header"},
    "two bodies": {10: "body", 11: "body"},
    "two headers": {10: "header", 11: "header"},
    "three bodies and a header": {10: "body", 11: "header", 12: "body", 14: "body"},
    "body before header": {10: "body", 11: "header"},
    "header before body": {10: "header", 11: "body"},
    "last but one body": {-2: "body"},
    "last but one header": {-2: "header"},
}


@pytest.fixture(scope="module")
def frames():
    return media.flac_frames(media.path(NAME))


@pytest.fixture(scope="module")
def good():
    return AudioDecoder(media.path(NAME))[...]


def damaged(frames, parts):
    """Return the file with damaged parts, and the numbers of their frames."""
    data = bytearray(media.path(NAME).read_bytes())
    numbers = [number % len(frames) for number in parts]
    for number, part in zip(numbers, parts.values(), strict=True):
        data[frames[number][1] + (1 if part == "header" else 100)] ^= 0x55
    return bytes(data), numbers


def check_windows(data, samples, starts, **options):
    """Fresh decoders return the same samples as the one that read all of them."""
    for start in starts:
        window = AudioDecoder(data, **options)[start : start + 3000]
        assert window.equal(samples.data[:, start : start + 3000])


@pytest.mark.parametrize("gaps", ["silence", "skip"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_only_damaged_frames_are_lost(frames, good, kind, gaps):
    """The parser of FFmpeg 9 also drops a frame behind some damaged ones, which is lost as well."""
    data, numbers = damaged(frames, DAMAGE[kind])
    options = {"gaps": gaps, "on_error": "mask"}
    decoder = AudioDecoder(data, **options)
    samples = decoder.get_all_samples()
    assert len(AudioDecoder(data, **options)) == len(decoder) == samples.data.shape[1] == good.shape[1]
    assert samples.data[:, samples.valid].equal(good[:, samples.valid])
    lost = {number for number, (first, _, _) in enumerate(frames) if not samples.valid[first]}
    assert int((~samples.valid).sum()) == sum(frames[number][2] for number in lost)
    assert set(numbers) <= lost <= {*numbers, *(number + 1 for number in numbers)}
    if cycodec.ffmpeg_major_version < 9:
        assert lost == set(numbers)
    check_windows(data, samples, range(30_000, good.shape[1] - 3000, 9111), **options)


@pytest.mark.parametrize("seed", range(6))
def test_scattered_damage(frames, good, seed):
    """Both ways to fill gaps give the same: damage is no gap."""
    rng = np.random.default_rng(seed)
    parts = {int(number): FORMS[int(rng.integers(2))] for number in rng.integers(2, len(frames) - 1, 8)}
    data, numbers = damaged(frames, parts)
    start = frames[numbers[0]][0]
    for gaps in ("silence", "skip"):
        samples = AudioDecoder(data, gaps=gaps, on_error="mask").get_all_samples()
        assert samples.data.shape == good.shape
        assert samples.data[:, samples.valid].equal(good[:, samples.valid])
        assert not any(samples.valid[frames[number][0]] for number in numbers)
        check_windows(data, samples, (start - 1500, start + 10), gaps=gaps, on_error="mask")


@pytest.mark.parametrize("with_damage", [False, True])
def test_missing_frames_are_a_gap(frames, with_damage):
    """The length and the places do not depend on what was read, also if gaps are left out."""
    data, _ = damaged(frames, {20: "body"} if with_damage else {})
    data = data[: frames[10][1]] + data[frames[11][1] :]
    skip = AudioDecoder(data, gaps="skip", on_error="mask").get_all_samples()
    assert len(AudioDecoder(data, gaps="skip", on_error="mask")) == skip.data.shape[1]
    silence = AudioDecoder(data, on_error="mask").get_all_samples()
    begin, end = frames[10][0], frames[11][0]
    assert silence.data.shape[1] == skip.data.shape[1] + end - begin
    assert not silence.data[:, begin:end].any()
    assert silence.valid[begin:end].all()
    assert torch.cat([silence.data[:, :begin], silence.data[:, end:]], 1).equal(skip.data)
    starts = (begin - 1000, begin + 1000, frames[19][0], frames[19][0] + 7, frames[25][0])
    check_windows(data, skip, starts, gaps="skip", on_error="mask")
