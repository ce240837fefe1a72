"""``decoder.chunks(seconds)``, and ranges of time at the edges of a stream."""

import io

import audio_media as media
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder, WavDecoder

FILES = ["pcm_s16le.wav", "flac.flac", "aac.m4a", "mp3_vbr.mp3", "opus.opus", "vorbis.ogg"]


@pytest.mark.parametrize("options", [{}, {"sample_rate": 16000}, {"num_channels": 1}])
@pytest.mark.parametrize("seconds", [0.1, 1.0, 1 / 3, 100.0])
@pytest.mark.parametrize("name", FILES)
def test_chunks_are_the_whole(name, seconds, options):
    whole = AudioDecoder(media.path(name), **options).get_all_samples()
    decoder = AudioDecoder(media.path(name), **options)
    chunks = list(decoder.chunks(seconds))
    assert torch.equal(torch.cat([chunk.data for chunk in chunks], 1), whole.data)
    rate = whole.sample_rate
    position = 0
    for number, chunk in enumerate(chunks):
        assert position == round(number * seconds * rate)
        assert chunk.pts_seconds == pytest.approx(whole.pts_seconds + position / rate)
        assert chunk.duration_seconds == pytest.approx(chunk.data.shape[1] / rate)
        assert chunk.sample_rate == rate
        position += chunk.data.shape[1]
    assert 0 < chunks[-1].data.shape[1] <= round(seconds * rate) + 1


def test_an_exact_number_of_chunks():
    path = media.path("pcm_s16le.wav")
    for decoder in (AudioDecoder(path), WavDecoder(path)):
        assert [chunk.data.shape for chunk in decoder.chunks(0.5)] == [(2, 22050)] * 8
        assert len(list(decoder.chunks(1 / 44100 * 100))) == 1764


def test_chunks_of_two_loops():
    """Loops do not disturb each other, nor does a read in between."""
    decoder = AudioDecoder(media.path("flac.flac"))
    whole = AudioDecoder(media.path("flac.flac"))[...]
    parts = []
    for one, other in zip(decoder.chunks(0.3), decoder.chunks(0.3), strict=True):
        assert torch.equal(one.data, other.data)
        decoder[5]
        parts.append(one.data)
    assert torch.equal(torch.cat(parts, 1), whole)


QUESTIONS = {
    "len": len,
    "gaps": lambda decoder: decoder.gaps,
    "metadata": lambda decoder: decoder.metadata.duration_seconds,
    "a time": lambda decoder: decoder.get_samples_played_in_range(0.3, 0.3),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("gaps", ["silence", "skip"])
@pytest.mark.parametrize("name", FILES)
def test_questions_between_chunks(name, gaps, question):
    """A question moves the decoder, whose codec may keep a history; the chunks remain the whole."""
    whole = AudioDecoder(media.path(name), gaps=gaps)[...]
    decoder = AudioDecoder(media.path(name), gaps=gaps)
    parts = []
    for number, chunk in enumerate(decoder.chunks(0.5)):
        parts.append(chunk.data)
        if number == 1:
            QUESTIONS[question](decoder)
    assert torch.equal(torch.cat(parts, 1), whole)


@pytest.mark.parametrize("rate", [None, 16000])
@pytest.mark.parametrize("name", FILES)
def test_chunks_without_gaps(name, rate):
    whole = AudioDecoder(media.path(name), sample_rate=rate)[...]
    chunks = AudioDecoder(media.path(name), sample_rate=rate, gaps="skip").chunks(0.5)
    assert torch.equal(torch.cat([chunk.data for chunk in chunks], 1), whole)


def test_a_question_makes_no_later_window_slow():
    decoder = AudioDecoder(media.path("mp3_vbr.mp3"))
    decoder[0:1000]
    assert len(decoder) > 150_000
    reader = decoder._session.reader
    before = reader.frames_decoded
    assert torch.equal(
        decoder[150_000:151_000], AudioDecoder(media.path("mp3_vbr.mp3"))[...][:, 150_000:151_000]
    )
    assert reader.frames_decoded - before < 30


def test_chunks_with_gaps_and_damage(tmp_path):
    path = tmp_path / "holed.mkv"
    tone = "sine=r=8000:d=3,aselect='not(between(t,1,1.9999))'"
    code, _, text = media.run("-f", "lavfi", "-i", tone, "-c:a", "pcm_s16le", path)
    assert code == 0, text
    times = [chunk.pts_seconds for chunk in AudioDecoder(path).chunks(0.5)]
    assert times == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5], abs=0.01)
    times = [chunk.pts_seconds for chunk in AudioDecoder(path, gaps="skip").chunks(0.5)]
    assert times[-1] == pytest.approx(2.5, abs=0.2)
    assert len(times) in (4, 5)
    data = bytearray(media.path("flac.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    chunks = list(AudioDecoder(bytes(data), on_error="mask").chunks(0.5))
    assert [bool(chunk.valid.all()) for chunk in chunks].count(False) in (1, 2)
    with pytest.raises(cycodec.InvalidDataError, match="is damaged"):
        list(AudioDecoder(bytes(data)).chunks(0.5))


def test_chunks_of_a_stream():
    class Forward:
        def __init__(self, data):
            self.file = io.BytesIO(data)

        def read(self, size):
            return self.file.read(min(size, 1000))

    data = media.path("flac.flac").read_bytes()
    chunks = [chunk.data for chunk in AudioDecoder(Forward(data)).chunks(0.7)]
    assert torch.equal(torch.cat(chunks, 1), AudioDecoder(data)[...])


@pytest.mark.parametrize("seconds", [0, -1.0, 1e-9, float("nan"), float("inf"), 1e300])
def test_lengths_that_are_refused(seconds):
    with pytest.raises(ValueError, match=r"seconds|chunks"):
        AudioDecoder(media.path("flac.flac")).chunks(seconds)


@pytest.mark.parametrize("seconds", ["1", None, True, [1]])
def test_what_is_no_length(seconds):
    with pytest.raises(TypeError, match="seconds"):
        AudioDecoder(media.path("flac.flac")).chunks(seconds)


def test_a_closed_decoder():
    decoder = AudioDecoder(media.path("flac.flac"))
    chunks = decoder.chunks(0.1)
    next(chunks)
    decoder.close()
    with pytest.raises(cycodec.ClosedError):
        next(chunks)
    with pytest.raises(TypeError, match=r"decoder\.chunks"):
        iter(decoder)


# ---- ranges of time at the edges ----


@pytest.fixture(scope="module", params=["flac.flac", "pcm_s16le.wav", "late.mkv", "early.mkv"])
def path(request, tmp_path_factory):
    """A file whose audio begins at 0, at 1.5 s or at -0.5 s."""
    offset = {"late.mkv": "1.5", "early.mkv": "-0.5"}.get(request.param)
    if offset is None:
        return media.path(request.param)
    path = tmp_path_factory.mktemp("edges") / request.param
    code, _, text = media.run(
        "-i",
        media.path("flac.flac"),
        "-c",
        "copy",
        "-avoid_negative_ts",
        "disabled",
        "-output_ts_offset",
        offset,
        path,
    )
    assert code == 0, text
    return path


def test_a_range_that_begins_before_the_stream_is_clipped(path):
    whole = AudioDecoder(path).get_all_samples()
    begin = whole.pts_seconds
    rate = whole.sample_rate
    for start in (begin, begin - 0.001, begin - 1, -5.0, -1e9):
        if start > begin:
            continue
        samples = AudioDecoder(path).get_samples_played_in_range(start, begin + 0.5)
        assert torch.equal(samples.data, whole.data[:, : round(0.5 * rate)])
        assert samples.pts_seconds == begin
        assert torch.equal(AudioDecoder(path).get_samples_played_in_range(start).data, whole.data)
        assert torch.equal(AudioDecoder(path).t[start : begin + 0.5], samples.data)


def test_equal_bounds_are_empty(path):
    begin = AudioDecoder(path).get_all_samples().pts_seconds
    for at in (begin - 3, -5.0, begin, begin + 1, begin + 100):
        samples = AudioDecoder(path).get_samples_played_in_range(at, at)
        assert samples.data.shape == (2, 0)
        assert samples.duration_seconds == 0


def test_a_range_before_the_first_sample(path):
    begin = AudioDecoder(path).get_all_samples().pts_seconds
    for start, stop in ((begin - 2, begin - 1), (begin - 2, begin), (begin - 1e6, begin - 0.01)):
        for kind in (ValueError, RuntimeError):
            with pytest.raises(kind, match=rf"{path.name}.*before the first sample"):
                AudioDecoder(path).get_samples_played_in_range(start, stop)


def test_a_range_behind_the_end(path):
    begin = AudioDecoder(path).get_all_samples().pts_seconds
    for kind in (ValueError, RuntimeError):
        with pytest.raises(kind, match=rf"{path.name}.*after the end"):
            AudioDecoder(path).get_samples_played_in_range(begin + 10, begin + 11)
    with pytest.raises(ValueError, match="backwards"):
        AudioDecoder(path).get_samples_played_in_range(begin + 1, begin + 0.5)
    assert AudioDecoder(path).get_samples_played_in_range(begin + 3.9, 1e6).data.shape[1] == 4410
