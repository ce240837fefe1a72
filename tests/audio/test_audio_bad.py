"""Bad audio files raise typed errors, in bounded time and memory."""

import subprocess
import sys

import audio_media as media
import numpy as np
import pytest

import cycodec
from cycodec.decoders import AudioDecoder

needs_shared = pytest.mark.skipif(not media.SHARED.is_dir(), reason=f"no shared media at {media.SHARED}")


@needs_shared
@pytest.mark.parametrize(
    "name", sorted(p.name for p in media.SHARED.glob("bad_*")) if media.SHARED.is_dir() else []
)
def test_bad_files_end_in_a_typed_error_or_in_what_ffmpeg_makes_of_them(name):
    try:
        decoder = AudioDecoder(media.SHARED / name, gaps="skip")
        got = decoder.get_all_samples().data.numpy()
    except cycodec.FFmpegError as error:
        if "is damaged" in str(error):
            assert_damage_is_masked(media.SHARED / name)
            return
        if name not in str(error):
            pytest.fail(f"the error does not name its source: {error}")
        if name != "bad_fuzz.flac":  # its only frame has a wrong checksum, which ffmpeg does not look at
            expected = media.reference(media.SHARED / name, channels=1)
            assert expected is None or expected.size == 0
        return
    expected = media.reference(media.SHARED / name)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


def assert_damage_is_masked(file):
    """Damaged samples are silent, and the length is the same before and after reading.

    Returns the samples.
    """
    decoder = AudioDecoder(file, gaps="skip", on_error="mask")
    before = len(AudioDecoder(file, gaps="skip", on_error="mask"))
    samples = decoder.get_all_samples()
    assert len(decoder) == before == samples.data.shape[1] == len(samples.valid)
    assert not samples.valid.all()
    assert not samples.data[:, ~samples.valid].any()
    return samples


def patched_flac(total):
    """Return a FLAC file whose header promises `total` samples."""
    data = bytearray(media.path("flac.flac").read_bytes())
    data[21] = data[21] & 0xF0 | total >> 32
    data[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
    return data


def test_bad_files_take_little_time_and_memory(tmp_path):
    """One process reads all of them in 60 s. Its memory may grow by 600 MB of addresses and 200 MB
    of pages.
    """
    (tmp_path / "vast.flac").write_bytes(patched_flac((1 << 36) - 1))
    data = media.path("pcm_s16le.wav").read_bytes()
    (tmp_path / "vast.wav").write_bytes(data[:40] + b"\xf0\xff\xff\xff" + data[44:2000])
    (tmp_path / "vast.w64").write_bytes(media.path("pcm_w64.w64").read_bytes()[:2000])
    code = """
import sys, resource, cycodec
from cycodec.decoders import AudioDecoder
AudioDecoder(sys.argv[1])[0:3]  # load everything before memory is measured
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.platform == "linux":
    limit = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (600 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for name in sys.argv[2:]:
    for mode in ("approximate", "exact"):
        try:
            decoder = AudioDecoder(name, seek_mode=mode)
            decoder[100_000:100_100], len(decoder), decoder.get_all_samples()
        except cycodec.FFmpegError:
            pass
unit = 1 if sys.platform == "darwin" else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit)
"""
    files = [*tmp_path.iterdir(), *(media.SHARED.glob("bad_*") if media.SHARED.is_dir() else [])]
    command = [sys.executable, "-c", code, media.path("flac.flac"), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200 << 20


def test_a_header_that_counts_too_many_samples():
    whole = AudioDecoder(media.path("flac.flac")).get_all_samples().data
    data = bytes(patched_flac((1 << 36) - 1))
    decoder = AudioDecoder(data)
    assert decoder.get_all_samples().data.equal(whole)
    assert len(AudioDecoder(data)) == whole.shape[1]
    assert AudioDecoder(data)[150_000:151_000].equal(whole[:, 150_000:151_000])


@needs_shared
def test_a_changing_sample_rate_keeps_the_form_of_the_beginning():
    file = media.SHARED / "flac_changing_samplerate.flac"
    decoder = AudioDecoder(file)
    assert decoder.metadata.sample_rate == 32000
    samples = decoder.get_all_samples()
    assert samples.sample_rate == 32000
    expected = media.reference(file)
    # at each change the ffmpeg command drops a few dozen samples that its resampler holds; cycodec
    # keeps them
    assert 0 <= samples.data.shape[1] - expected.shape[1] < 200
    same = np.all(samples.data.numpy()[:, : expected.shape[1]] == expected, axis=0)
    assert same[:100000].all()
    # windows are still equal to the whole
    for start in (0, 200000, 600000):
        assert (decoder[start : start + 3000].numpy() == samples.data[:, start : start + 3000].numpy()).all()


@pytest.mark.parametrize(
    "name", ["flac.flac", "mp3_vbr.mp3", "aac.aac", "vorbis.ogg", "opus.opus", "aac.ts", "alac.mkv"]
)
@pytest.mark.parametrize("part", [0.02, 0.5, 0.97])
def test_cut_off_files(name, part, tmp_path):
    data = media.path(name).read_bytes()
    file = tmp_path / name
    file.write_bytes(data[: int(len(data) * part)])
    expected = media.reference(file, channels=2)
    try:
        got = AudioDecoder(file).get_all_samples().data.numpy()
    except cycodec.FFmpegError:
        assert expected is None or expected.size == 0
        return
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "name", ["flac.flac", "mp3_cbr.mp3", "aac.aac", "opus.opus", "vorbis.mkv", "pcm.mov"]
)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_files(name, seed, tmp_path):
    data = bytearray(media.path(name).read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(len(data) // 10, len(data), 12).tolist():
        data[at] ^= int(rng.integers(1, 256))
    file = tmp_path / name
    file.write_bytes(data)
    expected = media.reference(file, channels=2)
    try:
        decoder = AudioDecoder(file, gaps="skip")
        got = decoder.get_all_samples().data.numpy()
        decoder[len(decoder) // 2 : len(decoder) // 2 + 100]
    except cycodec.FFmpegError as error:
        if "is damaged" in str(error):
            samples = assert_damage_is_masked(file)
            if name == "flac.flac":  # its checksums find all damage
                good = AudioDecoder(media.path(name))[...]
                assert samples.data.shape == good.shape
                assert samples.data[:, samples.valid].equal(good[:, samples.valid])
        else:
            assert expected is None or expected.size == 0
        return
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


def test_no_audio(tmp_path):
    file = tmp_path / "silent.mp4"
    code, _, text = media.run("-f", "lavfi", "-i", "testsrc=d=0.2:s=64x64", "-c:v", "mpeg4", file)
    assert code == 0, text
    with pytest.raises(cycodec.StreamNotFoundError, match=r"no audio stream.*VideoDecoder"):
        AudioDecoder(file)


@pytest.mark.parametrize("data", [b"", b"\0" * 1000, b"no sound at all" * 100])
def test_what_is_no_media(data):
    with pytest.raises(cycodec.InvalidDataError):
        AudioDecoder(data)


def test_a_mix_that_is_impossible():
    with pytest.raises(cycodec.UnsupportedError, match="60 channels"):
        AudioDecoder(media.path("flac.flac"), num_channels=60).get_all_samples()


def test_an_exception_of_the_source_comes_through():
    class Failing:
        def __init__(self, data):
            self.data, self.at, self.good = data, 0, 4

        def read(self, size):
            self.good -= 1
            if self.good < 0:
                raise OSError("the network is gone")
            part = self.data[self.at : self.at + size]
            self.at += len(part)
            return part

        def seek(self, offset, whence=0):
            self.at = offset + (0, self.at, len(self.data))[whence]
            return self.at

    with pytest.raises(OSError, match="the network is gone"):
        AudioDecoder(Failing(media.path("flac.flac").read_bytes())).get_all_samples()
