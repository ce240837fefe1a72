"""AudioEncoder: lossless files come back to the bit, lossy ones are aligned and as good as
ffmpeg's.
"""

import io
import subprocess
import sys
import warnings

import audio_media as media
import numpy as np
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder
from cycodec.encoders import AudioEncoder, Encoder

LOSSLESS = ["wav", "flac", "aiff", "caf", "wv"]
LOSSY = ["mp3", "m4a", "opus", "ogg", "webm", "mka"]


def tone(rate=48000, channels=2, seconds=2.0):
    """Samples that int16 holds exactly."""
    return (torch.from_numpy(media.signal(rate, channels, seconds)) * 32767).round() / 32768


def lag(decoded, original):
    """The number of samples by which the first channel is late."""
    n = min(decoded.shape[1], original.shape[1])
    a, b = decoded[0, :n].double().numpy(), original[0, :n].double().numpy()
    curve = np.fft.irfft(np.fft.rfft(a, 2 * n) * np.conj(np.fft.rfft(b, 2 * n)))
    peak = int(np.argmax(curve))
    return peak if peak < n else peak - 2 * n


def snr(decoded, original):
    n = min(decoded.shape[1], original.shape[1])
    a, b = decoded[:, :n].double(), original[:, :n].double()
    return float(10 * torch.log10((b**2).sum() / ((a - b) ** 2).sum().clamp_min(1e-30)))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("format", LOSSLESS)
def test_int16_material_comes_back_to_the_bit(format, channels, tmp_path):
    samples = tone(channels=channels, seconds=1.0)
    file = tmp_path / f"x.{format}"
    AudioEncoder(samples, sample_rate=48000).to_file(file)
    back = AudioDecoder(file).get_all_samples()
    assert back.sample_rate == 48000
    assert torch.equal(back.data, samples)


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.float64])
@pytest.mark.parametrize("streaming", [False, True])
def test_samples_of_other_dtypes_are_scaled(dtype, streaming):
    """int16 and int32 are PCM: their full scale is 1.0."""
    samples = tone(seconds=0.5)
    scale = {torch.int16: 1 << 15, torch.int32: 1 << 31, torch.float64: 1}[dtype]
    given = (samples.double() * scale).to(dtype)
    if dtype is torch.int16:
        given[:, 0], samples[:, 0] = -32768, -1.0  # the whole range
    if streaming:
        file, encoder = io.BytesIO(), Encoder()
        stream = encoder.add_audio(sample_rate=48000, num_channels=2)
        with encoder.open_file_like(file, format="wav"):
            stream.add_samples(given)
        data = file.getvalue()
    else:
        data = AudioEncoder(given, sample_rate=48000).to_tensor("wav")
    assert torch.equal(AudioDecoder(data)[...], samples)


def test_refused_dtype_says_what_to_do():
    with pytest.raises(ValueError, match=r"not torch\.int64 .scale them"):
        AudioEncoder(torch.zeros(1, 8, dtype=torch.int64), sample_rate=8000)


@pytest.mark.parametrize("bit_rate", [None, 96000])
@pytest.mark.parametrize("format", LOSSY)
def test_lossy_lines_up_and_is_as_good_as_ffmpegs(format, bit_rate, tmp_path):
    samples = tone()
    ours, theirs = tmp_path / f"ours.{format}", tmp_path / f"theirs.{format}"
    AudioEncoder(samples, sample_rate=48000).to_file(ours, bit_rate=bit_rate)
    options = ["-b:a", bit_rate] if bit_rate else []
    pcm = np.ascontiguousarray(samples.numpy().T).tobytes()
    code, _, text = media.run("-f", "f32le", "-ar", 48000, "-ac", 2, "-i", "-", *options, theirs, data=pcm)
    assert code == 0, text
    decoded = AudioDecoder(ours).get_all_samples().data
    reference = AudioDecoder(theirs).get_all_samples().data
    assert lag(decoded, samples) == 0
    assert decoded.shape == reference.shape
    assert snr(decoded, samples) > snr(reference, samples) - 1


def test_bit_rate_changes_the_size():
    samples = tone()
    encoder = AudioEncoder(samples, sample_rate=48000)
    assert len(encoder.to_tensor("mp3", bit_rate=32000)) < len(encoder.to_tensor("mp3", bit_rate=256000)) / 4


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a", "ogg", "opus"])
def test_the_three_destinations_agree(format, tmp_path):
    samples = tone(seconds=0.5)
    encoder = AudioEncoder(samples, sample_rate=48000)
    encoder.to_file(tmp_path / f"x.{format}")
    memory = io.BytesIO()
    encoder.to_file_like(memory, format)
    tensor = encoder.to_tensor(format)
    assert tensor.dtype is torch.uint8
    assert tensor.ndim == 1
    expected = AudioDecoder(tmp_path / f"x.{format}").get_all_samples().data
    assert torch.equal(AudioDecoder(memory.getvalue()).get_all_samples().data, expected)
    assert torch.equal(AudioDecoder(tensor).get_all_samples().data, expected)


@pytest.mark.parametrize(("rate", "channels"), [(16000, None), (44100, 1), (None, 1), (8000, 2)])
def test_output_rate_and_channels_are_ffmpegs(rate, channels, tmp_path):
    samples = tone(seconds=0.7)
    file = tmp_path / "x.wav"
    AudioEncoder(samples, sample_rate=48000).to_file(file, sample_rate=rate, num_channels=channels)
    options = [*(["-ar", rate] if rate else []), *(["-ac", channels] if channels else [])]
    pcm = np.ascontiguousarray(samples.numpy().T).tobytes()
    theirs = tmp_path / "theirs.wav"
    code, _, text = media.run("-f", "f32le", "-ar", 48000, "-ac", 2, "-i", "-", *options, theirs, data=pcm)
    assert code == 0, text
    back, reference = AudioDecoder(file).get_all_samples(), AudioDecoder(theirs).get_all_samples()
    assert back.sample_rate == (rate or 48000)
    assert back.data.shape == reference.data.shape
    assert (back.data - reference.data).abs().max() <= 1.01 / 32768


def test_layouts_of_samples(tmp_path):
    mono = tone(channels=1)[0]
    expected = AudioEncoder(mono[None], sample_rate=8000).to_tensor("wav")
    assert torch.equal(AudioEncoder(mono, sample_rate=8000).to_tensor("wav"), expected)
    stereo = tone()
    strided = stereo.T.contiguous().T
    assert torch.equal(
        AudioEncoder(strided, sample_rate=8000).to_tensor("wav"),
        AudioEncoder(stereo, sample_rate=8000).to_tensor("wav"),
    )
    part = AudioEncoder(stereo[:, 100:900], sample_rate=8000).to_tensor("wav")
    assert torch.equal(AudioDecoder(part)[:], stereo[:, 100:900])


def test_loud_samples_are_clipped_and_said_to_be():
    samples = tone(seconds=0.2) * 4
    encoder = AudioEncoder(samples, sample_rate=48000)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        data = encoder.to_tensor("wav")
        encoder.to_tensor("flac")
    assert len(said) == 1
    assert (said[0].category, said[0].filename) == (UserWarning, __file__)
    assert "clipped" in str(said[0].message)
    assert AudioDecoder(data)[:].abs().max() <= 1.0
    np.testing.assert_allclose(AudioDecoder(data)[:].numpy(), samples.clamp(-1, 1).numpy(), atol=1.01 / 32768)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AudioEncoder(tone(seconds=0.2), sample_rate=48000).to_tensor("wav")


@pytest.mark.parametrize("count", [1, 7, 1151, 1152, 1153, 4096, 70000])
@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_any_number_of_samples(format, count):
    samples = tone()[:, :count] if count <= 96000 else tone(seconds=3.0)[:, :count]
    back = AudioDecoder(AudioEncoder(samples, sample_rate=48000).to_tensor(format)).get_all_samples().data
    # FFmpeg does not trim the end of such a short MP3 file to the sample; nothing is lost
    if format == "mp3":
        assert count <= back.shape[1] <= count + 1152
    else:
        assert back.shape[1] == count
    if format in ("wav", "flac"):
        assert torch.equal(back, samples)


def test_what_a_codec_does_not_support_is_named():
    encoder = AudioEncoder(tone(rate=44100), sample_rate=44100)
    with pytest.raises(ValueError, match=r"44100 Hz.*sample_rate=.*48000"):
        encoder.to_tensor("opus")
    with pytest.raises(ValueError, match=r"9 channels.*num_channels=.*1, 2"):
        encoder.to_tensor("mp3", num_channels=9)
    # encoders that do not list what they support are tried
    with pytest.raises(ValueError, match=r"9 channels.*num_channels= one of 1, 2, .*8\)"):
        AudioEncoder(torch.zeros(9, 100), sample_rate=48000).to_tensor("flac")
    # above the largest number of the header, whose limit FFmpeg 9 raised
    with pytest.raises(ValueError, match=r"2000000 Hz.*sample_rate= one of .*48000"):
        AudioEncoder(torch.zeros(1, 100), sample_rate=2_000_000).to_tensor("flac")
    with pytest.raises(ValueError, match=r"bit rate of 1 .*leave it out"):
        encoder.to_tensor("ogg", bit_rate=1)
    with pytest.raises(cycodec.UnsupportedError, match=r"\[num_channels, num_samples\]"):
        AudioEncoder(torch.zeros(100, 2), sample_rate=48000).to_tensor("wav")
    with pytest.raises(cycodec.CodecNotFoundError, match=r"nonsense.*'wav'"):
        encoder.to_tensor("nonsense")
    with pytest.raises(cycodec.UnsupportedError, match="no audio"):
        encoder.to_tensor("gif")
    with pytest.raises(cycodec.UnsupportedError, match="experimental"):
        encoder.to_tensor("truehd")


def test_a_failed_encode_leaves_nothing(tmp_path):
    encoder = AudioEncoder(tone(rate=44100), sample_rate=44100)
    for name in ("x.opus", "x.nonsense", "x.gif"):
        with pytest.raises(cycodec.FFmpegError):
            encoder.to_file(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    kept = tmp_path / "kept.opus"
    kept.write_bytes(b"precious")
    with pytest.raises(cycodec.FFmpegError):
        encoder.to_file(kept)
    assert kept.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.opus"]
    with pytest.raises(FileNotFoundError, match="no directory"):
        encoder.to_file(tmp_path / "nowhere" / "x.wav")


@pytest.mark.parametrize("format", ["hls", "dash", "null"])
def test_formats_of_many_files_are_refused(format, tmp_path, monkeypatch):
    """FFmpeg would write the parts of such formats into the current folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cycodec.UnsupportedError, match="no single file"):
        AudioEncoder(tone(seconds=0.2), sample_rate=48000).to_tensor(format)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_becomes_full(tmp_path):
    """Files of the process may not grow beyond 100 kB, so that encoding fails in the middle."""
    code = """
import resource, signal, sys, torch, cycodec
from cycodec.encoders import AudioEncoder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
encoder = AudioEncoder(torch.rand(2, 480_000) - 0.5, sample_rate=48000)
for name in sys.argv[1:]:
    try:
        encoder.to_file(name)
    except cycodec.FFmpegError as error:
        print(error)
"""
    kept = tmp_path / "kept.wav"
    kept.write_bytes(b"precious")
    names = [kept, tmp_path / "new.flac", tmp_path / "new.m4a"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, names)], capture_output=True, text=True)
    assert done.stdout.count("File too large") == 3, done.stdout + done.stderr
    assert kept.read_bytes() == b"precious"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.wav"]


def test_encoders_write_nothing_to_stderr():
    code = """
import torch
from cycodec.encoders import AudioEncoder
AudioEncoder(torch.zeros(2, 99), sample_rate=48000).to_tensor("opus")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_repr():
    encoder = AudioEncoder(torch.zeros(2, 99), sample_rate=8000)
    assert repr(encoder) == "AudioEncoder(2 channels, 99 samples at 8000 Hz)"


def test_destinations_that_fail(tmp_path):
    class Full:
        def write(self, data):
            raise OSError("the disk is full")

        def seek(self, offset, whence=0):
            return 0

    with pytest.raises(OSError, match="the disk is full"):
        AudioEncoder(tone(), sample_rate=48000).to_file_like(Full(), "wav")
    with pytest.raises(TypeError, match="write"):
        AudioEncoder(tone(), sample_rate=48000).to_file_like(object(), "wav")
    with pytest.raises(TypeError, match="to_file"):
        AudioEncoder(tone(), sample_rate=48000).to_file_like("x.wav", "wav")
    with open(tmp_path / "text", "w") as file, pytest.raises(TypeError, match="'wb'"):
        AudioEncoder(tone(), sample_rate=48000).to_file_like(file, "wav")
    with pytest.raises(TypeError, match="format"):
        AudioEncoder(tone(), sample_rate=48000).to_tensor(None)


@pytest.mark.parametrize(
    ("samples", "error"),
    [
        (np.zeros((1, 8), np.float32), TypeError), (torch.zeros(1, 8, dtype=torch.int64), ValueError),
        (torch.zeros(1, 1, 8), ValueError), (torch.zeros(1, 0), ValueError), (torch.zeros(0, 8), ValueError),
        (torch.full((1, 8), float("nan")), ValueError),
    ],
)  # fmt: skip
def test_samples_that_are_refused(samples, error):
    with pytest.raises(error):
        AudioEncoder(samples, sample_rate=8000)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"bit_rate": 0}, ValueError),
        ({"bit_rate": 1.5}, TypeError),
        ({"num_channels": 0}, ValueError),
        ({"sample_rate": -1}, ValueError),
    ],
)
def test_arguments(arguments, error):
    with pytest.raises(error):
        AudioEncoder(torch.zeros(1, 8), sample_rate=8000).to_tensor("wav", **arguments)
    with pytest.raises(ValueError):
        AudioEncoder(torch.zeros(1, 8), sample_rate=0)
