"""Windows by time follow timestamps; joined files, damage and extreme rates are answered right."""

import io
import pickle

import audio_media as media
import numpy as np
import pytest

import cycodec
from cycodec.decoders import AudioDecoder

HOLED = [
    ("aac", "mkv"), ("libmp3lame", "mkv"), ("flac", "mkv"), ("libopus", "webm"), ("libvorbis", "webm"),
    ("mp2", "ts"), ("aac", "ts"), ("aac", "mp4"), ("alac", "mp4"), ("flac", "mp4"), ("aac", "flv"),
]  # fmt: skip


def holed(folder, codec, container):
    """Return a tone of 5 s without its second second; 500 Hz before the hole, 1500 Hz after it."""
    path = folder / f"{codec}.{container}"
    tone = "aevalsrc='0.4*sin(2*PI*t*if(lt(t,1.5),500,1500))':s=48000:d=5,aselect='not(between(t,1,1.9999))'"
    code, _, text = media.run("-f", "lavfi", "-i", tone, "-c:a", codec, "-strict", "-2", path)
    assert code == 0, text
    return path


@pytest.mark.parametrize(("codec", "container"), HOLED)
@pytest.mark.parametrize("rate", [None, 16000])
def test_windows_follow_timestamps(tmp_path, codec, container, rate):
    path = holed(tmp_path, codec, container)
    whole = AudioDecoder(path, sample_rate=rate).get_all_samples()
    decoder = AudioDecoder(path, sample_rate=rate)
    begin = whole.pts_seconds
    assert len(decoder) == whole.data.shape[1]
    assert 4.9 < whole.duration_seconds < 5.1
    ((start, stop),) = decoder.gaps
    assert start - begin == pytest.approx(1.0, abs=0.07)
    assert stop - start == pytest.approx(1.0, abs=0.01)
    for gaps in ("silence", "skip"):
        for at in (0.3, 2.2, 3.6, 4.6):
            fresh = AudioDecoder(path, sample_rate=rate, gaps=gaps)
            window = fresh.get_samples_played_in_range(begin + at, begin + at + 0.1)
            first = round(at * whole.sample_rate)
            expected = whole.data[:, first : first + round(0.1 * whole.sample_rate)]
            # "skip" resamples another sequence: a window may be off by less than an output sample
            near = 0.24 if rate and gaps == "skip" else 2e-3
            np.testing.assert_allclose(window.data, expected, rtol=0, atol=near)
            assert window.pts_seconds == pytest.approx(begin + at)
            spectrum = np.abs(np.fft.rfft(window.data[0].numpy()))
            assert spectrum.argmax() * 10 == (500 if at < 1 else 1500)
    silent = AudioDecoder(path, sample_rate=rate).t[start + 0.1 : stop - 0.1]
    assert silent.shape[1] > 0
    assert not silent.any()
    assert AudioDecoder(path, sample_rate=rate, gaps="skip").t[start + 0.1 : stop - 0.1].shape[1] == 0


OVERLAPPING = [
    ("flac", "mkv"), ("dca", "mkv"), ("libopus", "webm"), ("libvorbis", "webm"), ("libmp3lame", "mkv"), ("alac", "mp4"),
    ("mp2", "ts"), ("ac3", "ts"), ("pcm_s16le", "mkv"), ("pcm_s16le", "mov"),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "container"), OVERLAPPING)
@pytest.mark.parametrize("overlap", ["0.05", "0.4", "0.9", "0.6*(1+gte(PTS*TB,2))"])
def test_overlaps_below_a_second_stay_end_to_end(tmp_path, codec, container, overlap):
    """Timestamps jump back after 1 s: no sample is left out, and later ones are behind them."""
    plain, path = tmp_path / f"plain.{container}", tmp_path / f"overlap.{container}"
    tone = "aevalsrc='0.4*sin(2*PI*t*if(lt(t,1.5),500,1500))':s=48000:d=3.5"
    shift = f"setts=ts='if(lt(PTS*TB,1),PTS,PTS-{overlap}/TB)'"
    for arguments in (
        ["-f", "lavfi", "-i", tone, "-c:a", codec, "-strict", "-2", plain],
        ["-i", plain, "-c", "copy", "-bsf:a", shift, path],
    ):
        code, _, text = media.run(*arguments)
        assert code == 0, text
    decoder = AudioDecoder(path)
    samples = decoder.get_all_samples()
    whole = samples.data
    np.testing.assert_array_equal(whole.numpy(), media.reference(path))
    if container == "mov":  # the table of durations hides samples, from the ffmpeg command as well
        assert whole.shape[1] < AudioDecoder(plain)[...].shape[1]
    elif container != "ts":  # FFmpeg's parser shortens a packet where timestamps go back
        np.testing.assert_array_equal(whole.numpy(), AudioDecoder(plain)[...].numpy())
    assert list(decoder.gaps) == []
    begin = samples.pts_seconds  # the header counts what Opus and Vorbis leave out at the begin
    for at in (0.3, 1.05, 1.7, 2.05, 2.2):
        first = round(at * 48000)
        expected = whole[:, first : first + 4800]
        window = AudioDecoder(path).get_samples_played_in_range(begin + at, begin + at + 0.1)
        np.testing.assert_allclose(window.data, expected, rtol=0, atol=2e-3)
        np.testing.assert_allclose(AudioDecoder(path)[first : first + 4800], expected, rtol=0, atol=2e-3)


def noise(folder, name, seconds, seed):
    path = folder / name
    source = f"anoisesrc=d={seconds}:r=44100:seed={seed}:a=0.5"
    code, _, text = media.run("-f", "lavfi", "-i", source, "-metadata", "title=x", path)
    assert code == 0, text
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["mp3", "flac"])
@pytest.mark.parametrize("lengths", [(6, 4), (4, 6), (5, 5), (3, 5, 4)])
def test_joined_files(tmp_path, kind, lengths):
    parts = [noise(tmp_path, f"{i}.{kind}", length, i) for i, length in enumerate(lengths)]
    data = b"".join(parts)
    whole = AudioDecoder(data).get_all_samples().data
    if kind == "flac":
        each = np.concatenate([AudioDecoder(part)[...].numpy() for part in parts], 1)
        np.testing.assert_array_equal(whole.numpy(), each)
    for start in range(70_000, whole.shape[1] - 3000, 41_111):
        fresh = AudioDecoder(data)
        assert len(fresh) == whole.shape[1]
        assert fresh[start : start + 3000].equal(whole[:, start : start + 3000])
        assert AudioDecoder(data)[start : start + 3000].equal(whole[:, start : start + 3000])


def wav(bits, valid, align, rate=48000, samples=b"", code=0xFFFE):
    tail = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    form = b"".join(n.to_bytes(size, "little") for n, size in (
        (code, 2), (1, 2), (rate, 4), (rate * align % 2**32, 4), (align, 2), (bits, 2), (22, 2), (valid, 2), (4, 4), (1, 2),
    )) + tail  # fmt: skip
    body = b"WAVEfmt " + len(form).to_bytes(4, "little") + form + b"data" + len(samples).to_bytes(4, "little")
    return b"RIFF" + (len(body) + len(samples)).to_bytes(4, "little") + body + samples


def test_24_valid_bits_in_32():
    numbers = np.array([0, 256, -256, 2**30, -(2**31)], "<i4")
    for data in (wav(32, 24, 4, samples=numbers.tobytes()), wav(24, 24, 4, samples=numbers.tobytes())):
        np.testing.assert_array_equal(AudioDecoder(data)[...][0].numpy(), numbers / np.float32(2**31))


@pytest.mark.parametrize(("rate", "wanted"), [(536_870_912, 16000), (1, 48000)])
def test_extreme_ratios_are_refused(rate, wanted):
    data = wav(16, 16, 2, rate, bytes(20_000))
    with pytest.raises(cycodec.UnsupportedError, match="leave out num_channels and sample_rate"):
        AudioDecoder(data, sample_rate=wanted)
    assert AudioDecoder(data)[0:10].shape == (1, 10)


@pytest.mark.parametrize("as_file", [False, True])
def test_ac3_in_wav_is_no_pcm(tmp_path, as_file):
    spdif = tmp_path / "burst.spdif"
    code, _, text = media.run(
        "-f", "lavfi", "-i", "sine=d=2:r=48000", "-ac", 2, "-c:a", "ac3", "-f", "spdif", spdif
    )
    assert code == 0, text
    path = tmp_path / "ac3.wav"
    code, _, text = media.run("-f", "s16le", "-ar", 48000, "-ac", 2, "-i", spdif, path)
    assert code == 0, text
    decoder = AudioDecoder(io.BytesIO(path.read_bytes()) if as_file else path)
    assert decoder.metadata.codec == "ac3"


def test_damage_raises_or_is_masked(tmp_path):
    data = bytearray(media.path("flac.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    good = AudioDecoder(media.path("flac.flac")).get_all_samples().data
    with pytest.raises(cycodec.InvalidDataError, match=r"audio from [\d.]+ s to [\d.]+ s is damaged"):
        AudioDecoder(bytes(data)).get_all_samples()
    samples = pickle.loads(pickle.dumps(AudioDecoder(bytes(data), on_error="mask"))).get_all_samples()
    assert samples.data.shape == good.shape
    assert 0 < int((~samples.valid).sum()) < 20_000
    assert not samples.data[:, ~samples.valid].any()
    assert samples.data[:, samples.valid].equal(good[:, samples.valid])
    assert AudioDecoder(bytes(data))[0:1000].equal(good[:, 0:1000])


CHECKED = ["flac.flac", "flac.mkv", "flac.mp4", "flac.ogg", "opus.opus", "ac3.ac3", "eac3.eac3"]


def damaged(name, seed, kind):
    """A file with 4 to 200 bytes overwritten somewhere in its middle half."""
    data = bytearray(media.path(name).read_bytes())
    chance = np.random.default_rng(seed)
    count = int(chance.choice([4, 20, 200]))
    at = int(chance.integers(len(data) // 4, len(data) * 3 // 4))
    data[at : at + count] = bytes(count) if kind == "zeros" else chance.bytes(count)
    return bytes(data)


@pytest.mark.parametrize("kind", ["zeros", "noise"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", CHECKED)
def test_what_is_valid_is_right(name, seed, kind):
    """Samples whose checksum fails, and those that need lost ones, are silent and not valid."""
    good = AudioDecoder(media.path(name)).get_all_samples().data
    data = damaged(name, seed, kind)
    with pytest.raises(cycodec.InvalidDataError, match=r"audio from [\d.]+ s to [\d.]+ s is damaged"):
        AudioDecoder(data).get_all_samples()
    decoder = AudioDecoder(data, on_error="mask")
    assert len(decoder) == good.shape[1]
    samples = decoder.get_all_samples()
    assert samples.data.shape == good.shape
    assert len(AudioDecoder(data, on_error="mask")) == len(decoder) == good.shape[1]
    # a page of Opus holds a second; five frames of FLAC hold 20480 or 23040 samples
    most = {"opus.opus": 96_000, "flac.ogg": 23_040}.get(name, 20_000)
    assert 0 < int((~samples.valid).sum()) <= most
    assert not samples.data[:, ~samples.valid].any()
    assert samples.data[:, samples.valid].equal(good[:, samples.valid])


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("name", ["mp3_cbr.mp3", "mp3_vbr.mp3", "mp3_low_rate.mp3", "mp3_no_xing.mp3"])
def test_mp3_headers_that_are_damaged_keep_the_timeline(name, frames):
    """FFmpeg loses such frames, and more behind them, without a word."""
    data = bytearray(media.path(name).read_bytes())
    good = AudioDecoder(bytes(data)).get_all_samples().data
    headers = [
        at for at in range(len(data) // 3, len(data) // 2) if data[at] == 0xFF and data[at + 1] & 0xE6 == 0xE2
    ]
    # real headers repeat their second byte
    kinds = [data[at + 1] for at in headers]
    headers = [at for at in headers if data[at + 1] == max(set(kinds), key=kinds.count)]
    for at in headers[:frames]:
        data[at : at + 4] = bytes(4)
    with pytest.raises(cycodec.InvalidDataError, match=r"audio from [\d.]+ s to [\d.]+ s is damaged"):
        AudioDecoder(bytes(data)).get_all_samples()
    decoder = AudioDecoder(bytes(data), on_error="mask")
    samples = decoder.get_all_samples()
    assert samples.data.shape == good.shape
    assert len(AudioDecoder(bytes(data), on_error="mask")) == len(decoder) == good.shape[1]
    assert samples.data[:, samples.valid].equal(good[:, samples.valid])
    middle = good.shape[1] // 4 * 3
    fresh = AudioDecoder(bytes(data), on_error="mask")
    assert fresh[middle : middle + 1000].equal(good[:, middle : middle + 1000])


def test_tags_between_joined_files_are_no_damage(tmp_path):
    """Pictures in ID3 tags take several packets."""
    one, other = (noise(tmp_path, f"{i}.mp3", 3, i) for i in range(2))
    picture = bytes(range(1, 255)) * 300
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = len(frame)
    tag = b"ID3\x03\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + frame
    plain = AudioDecoder(one + other)[...]
    for between in (tag, b"TAG" + bytes(125), b"TAG" + bytes(125) + tag):
        data = one + between + other
        decoder = AudioDecoder(data)
        assert abs(len(decoder) - plain.shape[1]) <= 1152
        assert decoder[...].shape[1] == len(decoder)


@pytest.mark.parametrize("word", ["iec61937", "dts"])
@pytest.mark.parametrize("as_file", [False, True])
def test_compressed_sound_in_wav_is_no_pcm(tmp_path, word, as_file):
    """DTS and AC-3 in a WAV file are decoded as FFmpeg decodes them."""
    raw = tmp_path / "raw.bin"
    codec, muxer = ("dca", "dts") if word == "dts" else ("ac3", "spdif")
    options = ("-strict", "-2", "-c:a", codec, "-b:a", "1411k" if codec == "dca" else "192k", "-f", muxer)
    code, _, text = media.run("-f", "lavfi", "-i", "sine=d=2:r=44100,volume=0.5", "-ac", 2, *options, raw)
    assert code == 0, text
    data = raw.read_bytes()
    if word == "dts":
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    path = tmp_path / "x.wav"
    code, _, text = media.run("-f", "s16le", "-ar", 44100, "-ac", 2, "-i", "-", path, data=data)
    assert code == 0, text
    decoder = AudioDecoder(io.BytesIO(path.read_bytes()) if as_file else path)
    assert decoder.metadata.codec == ("dts" if codec == "dca" else "ac3")
    np.testing.assert_array_equal(decoder[...].numpy(), media.reference(path))


def test_words_that_only_look_like_dts():
    """Noise and music are played as they are."""
    samples = np.random.default_rng(1).integers(-30000, 30000, 40_000).astype("<i2")
    np.testing.assert_array_equal(
        AudioDecoder(wav(16, 16, 2, samples=samples.tobytes()))[...][0].numpy() * 32768, samples
    )


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 48000), (192_000, 8000), (48000, 44100), (3999, 48000)])
def test_ordinary_ratios_are_converted(rate, wanted):
    data = wav(16, 16, 2, rate, bytes(2 * rate))
    assert abs(len(AudioDecoder(data, sample_rate=wanted)) - wanted) < 20


BEGINS = {
    "begin.mkv": ["-c:a", "libopus"], "begin.webm": ["-c:a", "libvorbis"], "begin.ogg": ["-c:a", "libvorbis"],
    "begin.mp4": ["-c:a", "libopus"], "begin.ts": ["-c:a", "aac"], "begin.mp3": ["-c:a", "libmp3lame"],
}  # fmt: skip


@pytest.mark.parametrize("offset", [0, 1.5])
@pytest.mark.parametrize("name", BEGINS)
def test_the_stream_begins_with_its_first_sample(name, offset, tmp_path):
    source = ["-f", "lavfi", "-i", "sine=r=48000:d=1", "-output_ts_offset", offset]
    code, _, text = media.run(*source, *BEGINS[name], tmp_path / name)
    assert code == 0, text
    begin = AudioDecoder(tmp_path / name).metadata.begin_stream_seconds
    first = AudioDecoder(tmp_path / name).get_samples_played_in_range(begin, begin + 0.01)
    assert first.pts_seconds == begin == AudioDecoder(tmp_path / name).get_all_samples().pts_seconds
    assert first.data.equal(AudioDecoder(tmp_path / name)[:480])
