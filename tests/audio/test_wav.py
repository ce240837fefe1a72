"""WAV without FFmpeg: every width gives FFmpeg's samples, and only needed bytes are read."""

import io
import struct

import audio_media as media
import numpy as np
import pytest
import torch

import cycodec
from cycodec.core.audio.wav import WavReader
from cycodec.decoders import AudioDecoder, WavDecoder

FORMATS = {"u8": (1, 8), "s16": (1, 16), "s24": (1, 24), "s32": (1, 32), "f32": (3, 32), "f64": (3, 64)}


def wav(
    payload,
    code=1,
    bits=16,
    channels=1,
    rate=16000,
    *,
    size=None,
    before=b"",
    after=b"",
    extensible=False,
    riff=b"RIFF",
):
    """Return the bytes of a WAV file, or of a file that pretends to be one."""
    block = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else code, channels, rate, (rate * block) & 0xFFFFFFFF, block, bits
    )
    if extensible:
        tail = bytes.fromhex("000000001000800000aa00389b71")
        head += struct.pack("<HHI", 22, bits, (1 << channels) - 1) + struct.pack("<H", code) + tail
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", len(payload) if size is None else size) + payload + after
    return riff + struct.pack("<I", len(body) & 0xFFFFFFFF) + body


def noise(kind, count):
    code, bits = FORMATS[kind]
    rng = np.random.default_rng(3)
    if code == 3:
        return rng.uniform(-1.5, 1.5, count).astype("<f4" if bits == 32 else "<f8").tobytes()
    return rng.integers(0, 256, count * bits // 8, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_width_equals_ffmpeg(kind, channels, extensible, tmp_path):
    code, bits = FORMATS[kind]
    data = wav(noise(kind, 5000 * channels), code, bits, channels, extensible=extensible)
    file = tmp_path / "x.wav"
    file.write_bytes(data)
    decoder = AudioDecoder(data)
    assert isinstance(decoder._session.reader, WavReader)
    np.testing.assert_array_equal(
        decoder.get_all_samples().data.numpy(), media.reference(file, channels=channels)
    )
    assert torch.equal(WavDecoder(file)[100:200], decoder[100:200])
    assert torch.equal(WavDecoder(io.BytesIO(data))[-7:], decoder[-7:])


@pytest.mark.parametrize(
    "name", [n for n in media.RECIPES if n.endswith(".wav") and n.startswith("pcm_") and "law" not in n]
)
def test_ffmpegs_own_files(name):
    file = media.path(name)
    decoder = WavDecoder(file)
    np.testing.assert_array_equal(decoder[:].numpy(), media.reference(file))
    assert len(decoder) == decoder[:].shape[1]


@pytest.mark.parametrize("name", ["pcm_alaw.wav", "adpcm_ima.wav", "gsm.wav", "flac.flac"])
def test_what_is_not_plain_pcm_goes_to_ffmpeg(name):
    file = media.path(name)
    with pytest.raises(cycodec.InvalidDataError, match="AudioDecoder"):
        WavDecoder(file)
    np.testing.assert_array_equal(AudioDecoder(file).get_all_samples().data.numpy(), media.reference(file))


@pytest.mark.parametrize("kind", ["s16", "f32", "u8"])
@pytest.mark.parametrize(("rate", "channels"), [(8000, None), (44100, 1), (None, 1)])
def test_resampled_equals_ffmpeg(kind, rate, channels, tmp_path):
    code, bits = FORMATS[kind]
    file = tmp_path / "x.wav"
    file.write_bytes(wav(noise(kind, 60000), code, bits, 2))
    options = [*(["-ar", rate] if rate else []), *(["-ac", channels] if channels else [])]
    decoder = AudioDecoder(file, sample_rate=rate, num_channels=channels)
    assert isinstance(decoder._session.reader, WavReader)
    expected = media.reference(file, *options, channels=channels or 2)
    np.testing.assert_array_equal(decoder.get_all_samples().data.numpy(), expected)


def test_a_slice_costs_the_same_anywhere(tmp_path):
    file = tmp_path / "hour.wav"
    samples = 3600 * 16000
    head = wav(b"", size=samples * 2)
    with open(file, "wb") as out:
        out.write(head)
        out.truncate(len(head) + samples * 2)  # an hour of silence that takes no space on the disk
        out.seek(len(head) + 2 * (samples - 100))
        out.write(np.arange(100, dtype="<i2").tobytes())
    decoder = AudioDecoder(file)
    assert len(decoder) == samples
    before = decoder._session.reader.bytes_read
    for start in (0, samples // 2, samples - 16000):
        assert decoder[start : start + 16000].shape == (1, 16000)
    assert decoder._session.reader.bytes_read - before == 3 * 32000
    assert decoder[-100:][0, 5] == 5 / 32768
    assert decoder._session.reader.bytes_read < 110_000


def test_a_file_like_is_not_read_whole():
    class Counting(io.BytesIO):
        count = 0

        def read(self, size=-1):
            data = super().read(size)
            Counting.count += len(data)
            return data

    data = wav(noise("s16", 2_000_000))
    decoder = AudioDecoder(Counting(data))
    assert decoder[1_000_000:1_001_000].shape == (1, 1000)
    assert Counting.count < 10_000


def test_rf64_sizes():
    payload = noise("s16", 1000)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, len(payload), 1000, 0)
    decoder = WavDecoder(wav(payload, size=0xFFFFFFFF, before=ds64, after=b"junk" * 10, riff=b"RF64"))
    assert len(decoder) == 1000


def test_chunks_before_and_after_the_samples():
    before = b"LIST" + struct.pack("<I", 5) + b"abcde\0" + b"JUNK" + struct.pack("<I", 4) + b"abcd"
    decoder = WavDecoder(wav(noise("s16", 300), before=before, after=b"LIST\x04\0\0\0abcd"))
    assert len(decoder) == 300


@pytest.mark.parametrize(
    ("size", "expected"), [(10**6, 500), (0xFFFFFFFF, 500), (0, 500), (400, 200), (401, 200)]
)
def test_sizes_that_lie(size, expected, tmp_path):
    data = wav(noise("s16", 500), size=size)
    assert len(AudioDecoder(data)) == expected
    file = tmp_path / "x.wav"
    file.write_bytes(data)
    np.testing.assert_array_equal(AudioDecoder(file)[:].numpy(), media.reference(file, channels=1))


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF", b"RIFF\x04\0\0\0WAVE", wav(b"", channels=0), wav(noise("s16", 9), rate=0),
        wav(noise("s16", 9), bits=0), b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd", b"RIFF" + b"\xff" * 60,
        wav(noise("s16", 9))[:30], b"RIFFxxxxWAVE" + b"\0" * 4000,
    ],
)  # fmt: skip
def test_what_is_no_wav_file(data):
    with pytest.raises(cycodec.FFmpegError):
        WavDecoder(data)
    with pytest.raises(cycodec.FFmpegError):
        AudioDecoder(data)


def test_an_empty_data_chunk():
    decoder = WavDecoder(wav(b""))
    assert len(decoder) == 0
    assert decoder.get_all_samples().data.shape == (1, 0)
    with pytest.raises(IndexError):
        decoder[0]


def test_metadata():
    meta = WavDecoder(media.path("pcm_s24le.wav")).metadata
    assert (meta.sample_rate, meta.num_channels, meta.codec, meta.sample_format) == (
        44100,
        2,
        "pcm_s24le",
        "s32",
    )
    assert meta.duration_seconds == 4.0
    assert meta.bit_rate == 44100 * 2 * 24
    theirs = AudioDecoder(media.path("pcm_s24le.wav"), stream_index=0).metadata
    assert theirs == meta


def test_missing_files():
    for kind in (AudioDecoder, WavDecoder):
        with pytest.raises(FileNotFoundError, match="no such file"):
            kind("nowhere.wav")
        with pytest.raises(IsADirectoryError):
            kind(str(media.CACHE.parent))
    with pytest.raises(TypeError):
        AudioDecoder(5)
    with pytest.raises(TypeError, match="rb"):
        AudioDecoder(io.StringIO("RIFF0000WAVE"))
