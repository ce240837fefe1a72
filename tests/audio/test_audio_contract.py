"""The contract of audio decoding, for every codec that the ffmpeg command can encode and every
shared file.

The whole stream equals what ffmpeg decodes. Windows read in order equal the whole to the bit. A
window anywhere equals the whole to the bit, or within -60 dB if the codec allows no more; with
seek_mode="exact" it equals the whole to the bit.

libcodec2 is left out, because its decoder takes noise from one generator for all streams of a
process.
"""

import subprocess
from itertools import pairwise

import audio_media as media
import numpy as np
import pytest
from audio_media import locate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cycodec.decoders import AudioDecoder

GENERATED = sorted(media.RECIPES)
SHARED = media.shared()
# Where a stream's rate changes, ffmpeg begins a new resampler and loses what the old one held: see
# test_audio_bad.py.
CHANGING = {"flac_changing_samplerate.flac"}
# AAC's decoder makes noise up where the encoder substituted it. A window has other noise of the
# same level.
INVENTED = {"aac", "aac_latm"}
# Codecs whose windows are equal to the bit wherever they begin.
EXACT = {
    "pcm", "flac", "alac", "mp3", "vorbis", "adpcm", "wavpack", "tta", "mlp", "aac_no_pns", "ac3", "eac3", "dts",
    "wma", "wmav2", "amr_wb", "g722", "g726", "nellymoser", "realaudio", "dfpwm",
    "pcm_dvd",
}  # fmt: skip
CONVERSIONS = [(16000, None), (48000, 1), (None, 1), (11025, 2)]
# One file for each kind of reader and decoder, for the tests that take longer.
SOME = [
    "pcm_s16le.wav", "pcm_f64le.wav", "pcm_s16be.aiff", "flac.flac", "alac.m4a", "mp3_vbr.mp3",
    "mp3_8kbps.mp3", "mp3.mkv", "vorbis.ogg", "vorbis.mkv", "aac.m4a", "aac.aac", "aac.ts",
    "aac_51.mp4", "opus.opus", "opus.mkv", "ac3.ac3", "mp2.mp2", "wma2.wma", "adpcm_ima.wav",
    "g722.wav",
]  # fmt: skip


@pytest.fixture(scope="module")
def known():
    """A function that returns what ffmpeg decodes by name and conversion, once for the module."""
    kept = {}

    def ask(name, rate=None, channels=None):
        key = name, rate, channels
        if key not in kept:
            options = [*(["-ar", rate] if rate else []), *(["-ac", channels] if channels else [])]
            file = locate(name)
            kept[key] = media.reference(file, *options, channels=channels or media.probe_channels(file))
        return kept[key]

    return ask


def cuts_of(length, count, seed):
    rng = np.random.default_rng(seed)
    inner = sorted(rng.integers(0, length + 1, count).tolist())
    return list(zip([0, *inner], [*inner, length], strict=True))


def decibel(difference):
    return 20 * np.log10(max(float(np.abs(difference).max()), 1e-12)) if difference.size else -240.0


# The timestamps of these files leave a hole, which ffmpeg closes up and the default fills with
# silence.
WITH_HOLES = ("h264_vfr_rot180_camera.mp4",)


def gaps_of(name):
    """Return the option that gives what ffmpeg gives: the default, where there is no hole."""
    return "skip" if name in WITH_HOLES else "silence"


@pytest.mark.parametrize("name", [*GENERATED, *SHARED])
def test_whole_is_what_ffmpeg_decodes(name, known):
    samples = AudioDecoder(locate(name), gaps=gaps_of(name)).get_all_samples()
    expected = known(name)
    if name in CHANGING:
        assert abs(samples.data.shape[1] - expected.shape[1]) < 200
        return
    assert samples.data.shape == expected.shape
    np.testing.assert_array_equal(samples.data.numpy(), expected)
    assert samples.duration_seconds == pytest.approx(expected.shape[1] / samples.sample_rate)


@pytest.mark.parametrize("name", [*GENERATED, *SHARED])
def test_length_is_known_without_the_whole(name, known):
    whole = AudioDecoder(locate(name)).get_all_samples().data.shape[1]
    assert len(AudioDecoder(locate(name))) == whole


@pytest.mark.parametrize("name", [*GENERATED, *SHARED])
def test_windows_in_order_are_the_whole(name):
    whole = AudioDecoder(locate(name)).get_all_samples().data.numpy()
    decoder = AudioDecoder(locate(name))
    parts = [decoder[start:stop].numpy() for start, stop in cuts_of(whole.shape[1], 12, 5)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
    # the same decoder gives the same again
    np.testing.assert_array_equal(decoder.get_all_samples().data.numpy(), whole)


@pytest.mark.parametrize("name", [*GENERATED, *SHARED])
def test_window_anywhere(name, monkeypatch):
    monkeypatch.setattr("cycodec._audio.session.NEAR_START", 0)  # seek in short files, too
    whole = AudioDecoder(locate(name)).get_all_samples().data.numpy()
    decoder = AudioDecoder(locate(name))
    family = media.family(name) if name in media.RECIPES else decoder.metadata.codec
    rng = np.random.default_rng(11)
    starts = [*rng.integers(0, whole.shape[1], 10).tolist(), max(0, whole.shape[1] - 1000)]
    for number, start in enumerate(starts):
        stop = start + int(rng.integers(1, 6000))
        if number > 6:
            decoder = AudioDecoder(locate(name))
        got, expected = decoder[start:stop].numpy(), whole[:, start:stop]
        assert got.shape == expected.shape, (name, start, stop)
        if family in EXACT or family.startswith("pcm"):
            np.testing.assert_array_equal(got, expected, err_msg=f"{name} from {start}")
        elif family in INVENTED:
            # the noise differs; the rest correlates, and the loudness agrees
            loud = float(np.sqrt(np.mean(expected**2)))
            assert np.sqrt(np.mean(got**2)) == pytest.approx(loud, rel=0.35, abs=1e-3), (name, start)
            if expected.shape[1] > 1500 and loud > 1e-3:
                assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.85, (name, start)
        else:
            assert decibel(got - expected) < -60, (name, start)


@pytest.mark.parametrize("name", [*GENERATED, *SHARED])
def test_exact_mode_is_exact_anywhere(name):
    whole = AudioDecoder(locate(name)).get_all_samples().data.numpy()
    decoder = AudioDecoder(locate(name), seek_mode="exact")
    for start in (whole.shape[1] // 2, whole.shape[1] // 5, max(0, whole.shape[1] - 700), 3):
        np.testing.assert_array_equal(decoder[start : start + 2000].numpy(), whole[:, start : start + 2000])


def test_noise_differs_where_it_was_substituted_and_nothing_else():
    """FFmpeg's encoder substitutes noise only above 4 kHz."""
    length = 8192
    decoder = AudioDecoder(locate("aac.m4a"))
    whole = decoder.get_all_samples().data.numpy()
    frequency = np.fft.rfftfreq(length, 1 / decoder.metadata.sample_rate)
    differences = []
    for start in range(70_000, whole.shape[1] - length, 15_000):
        decoder[0:1]
        difference = decoder[start : start + length].numpy() - whole[:, start : start + length]
        spectrum = np.abs(np.fft.rfft(difference * np.hanning(length))) * 4 / length
        assert decibel(spectrum[:, frequency < 3500]) < -60, start
        differences.append(decibel(spectrum))
    assert max(differences) > -60  # otherwise there was no noise, and the test proves nothing


CHANGES = [(name, *conversion) for name in SOME for conversion in CONVERSIONS]
CHANGES += [(name, 16000, 1) for name in [*GENERATED, *SHARED] if name not in SOME and name not in CHANGING]


@pytest.mark.parametrize(("name", "rate", "channels"), CHANGES)
def test_conversion_is_ffmpegs_and_carries_on(name, rate, channels, known):
    expected = known(name, rate, channels)
    whole = (
        AudioDecoder(locate(name), sample_rate=rate, num_channels=channels, gaps=gaps_of(name))
        .get_all_samples()
        .data.numpy()
    )
    assert whole.shape == expected.shape
    np.testing.assert_array_equal(whole, expected)
    decoder = AudioDecoder(locate(name), sample_rate=rate, num_channels=channels, gaps=gaps_of(name))
    parts = [decoder[start:stop].numpy() for start, stop in cuts_of(whole.shape[1], 9, 6)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
    assert (
        len(AudioDecoder(locate(name), sample_rate=rate, num_channels=channels, gaps=gaps_of(name)))
        == whole.shape[1]
    )


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 48000, 96000, 44101])
@pytest.mark.parametrize("name", ["pcm_s16le.wav", "flac.flac", "mp3_cbr.mp3", "vorbis.ogg"])
def test_resampled_window_anywhere_is_exact(name, rate):
    whole = AudioDecoder(locate(name), sample_rate=rate).get_all_samples().data.numpy()
    decoder = AudioDecoder(locate(name), sample_rate=rate)
    for start in np.random.default_rng(rate).integers(0, whole.shape[1], 8).tolist():
        np.testing.assert_array_equal(decoder[start : start + 3000].numpy(), whole[:, start : start + 3000])


@pytest.mark.parametrize(
    "name", ["pcm_s24le.wav", "flac.mkv", "mp3_vbr.mp3", "vorbis.ogg", "aac.m4a", "opus.opus"]
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_partition_property(name, data):
    whole = AudioDecoder(locate(name)).get_all_samples().data.numpy()
    length = whole.shape[1]
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=6)))
    decoder = AudioDecoder(locate(name))
    if data.draw(st.booleans()):  # earlier reads must make no difference
        decoder[data.draw(st.integers(0, length)) :]
    parts = [decoder[a:b].numpy() for a, b in zip([0, *cuts], [*cuts, length], strict=True)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)


@pytest.mark.parametrize("name", SOME)
def test_partition_by_time(name):
    decoder = AudioDecoder(locate(name))
    whole = decoder.get_all_samples()
    begin = whole.pts_seconds
    times = [begin + 0.37 * i for i in range(9)]
    parts = [decoder.get_samples_played_in_range(a, b) for a, b in pairwise(times)]
    joined = np.concatenate([part.data.numpy() for part in parts], 1)
    np.testing.assert_array_equal(joined, whole.data.numpy()[:, : joined.shape[1]])
    for part, start in zip(parts, times, strict=False):
        assert part.pts_seconds == pytest.approx(start, abs=0.51 / whole.sample_rate)


@pytest.mark.parametrize(
    "name", [*SOME, "wma.mkv", "mp3.ts", "mp2.mpg", "nellymoser.flv", "mp3.avi", *SHARED]
)
def test_pts_is_that_of_the_first_frame(name):
    """The first frame is the first that comes out of the decoder, as ffprobe shows it."""
    probe = [
        media.FFPROBE,
        "-v",
        "error",
        "-select_streams",
        "a:0",
        "-show_entries",
        "frame=pts_time,pkt_pts_time",
    ]
    frames = subprocess.run(
        [*probe, "-read_intervals", "%+#9", "-of", "csv=p=0", locate(name)], capture_output=True, text=True
    )
    stated = frames.stdout.split()[0].split(",")[0] if frames.stdout.split() else "N/A"
    expected = 0.0 if stated == "N/A" else float(stated)
    decoder = AudioDecoder(locate(name))
    assert decoder[0:1].shape[1] == 1
    samples = decoder.get_samples_played_in_range(max(0.0, expected), None)
    assert decoder.get_all_samples().pts_seconds == pytest.approx(expected, abs=1e-6)
    assert samples.pts_seconds == pytest.approx(max(0.0, expected), abs=0.51 / samples.sample_rate)


def test_a_window_does_not_depend_on_what_was_read_before():
    for name in ("aac.m4a", "opus.opus", "ac3.ac3"):
        first, second = AudioDecoder(locate(name)), AudioDecoder(locate(name))
        second[0:50000]
        second[120000:125000]
        np.testing.assert_array_equal(first[100000:104000].numpy(), second[100000:104000].numpy())


@pytest.mark.parametrize(
    ("name", "extension"),
    [("mp3_cbr.mp3", "mp3"), ("aac.m4a", "m4a"), ("opus.opus", "opus"), ("vorbis.ogg", "ogg")],
)
def test_end_of_a_long_file_is_sought(name, extension, tmp_path):
    long = tmp_path / f"long.{extension}"
    code, _, text = media.run("-stream_loop", 200, "-i", locate(name), "-c", "copy", long)
    assert code == 0, text
    decoder = AudioDecoder(long)
    length = len(decoder)
    before = decoder._session.reader.frames_decoded
    tail = decoder[length - 441000 :]
    assert tail.shape[1] == 441000
    assert decoder._session.reader.frames_decoded - before < 1500
    whole = AudioDecoder(long).get_all_samples().data.numpy()
    assert whole.shape[1] == length
    if extension in ("mp3", "ogg"):
        np.testing.assert_array_equal(tail.numpy(), whole[:, -441000:])
