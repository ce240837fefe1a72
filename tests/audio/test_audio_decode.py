"""AudioDecoder: sources, keys, times, metadata, sharing and closing."""

import gc
import io
import os
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import audio_media as media
import numpy as np
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder, WavDecoder


@pytest.fixture(scope="module")
def flac():
    return media.path("flac.flac")


@pytest.fixture(scope="module")
def whole(flac):
    return AudioDecoder(flac).get_all_samples().data


class Reads(io.RawIOBase):
    """A file-like object that counts the bytes read from it."""

    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.count = 0

    def read(self, size=-1):
        data = self.inner.read(size)
        self.count += len(data)
        return data

    def seek(self, offset, whence=0):
        return self.inner.seek(offset, whence)

    def tell(self):
        return self.inner.tell()


@pytest.mark.parametrize("name", ["flac.flac", "pcm_s16le.wav", "mp3_vbr.mp3"])
def test_every_kind_of_source(name):
    file = media.path(name)
    data = file.read_bytes()
    expected = AudioDecoder(file)[1000:9000]
    sources = [
        str(file),
        data,
        bytearray(data),
        torch.frombuffer(bytearray(data), dtype=torch.uint8),
        io.BytesIO(data),
    ]
    for source in [*sources, Reads(data)]:
        decoder = AudioDecoder(source)
        assert torch.equal(decoder[1000:9000], expected)
        assert torch.equal(decoder[100000:101000], AudioDecoder(file)[100000:101000])
        assert torch.equal(decoder[0:10], AudioDecoder(file)[0:10])
    with open(file, "rb") as stream:
        assert torch.equal(AudioDecoder(stream)[1000:9000], expected)


@pytest.mark.parametrize(
    "key",
    [
        slice(0, 16000), slice(-8000, None), slice(None), slice(5, 5), slice(9, 3), slice(None, None, 7),
        slice(4000, 100, -3), slice(None, None, -1), slice(170000, 10**12), 5, -1, np.int64(7), [5, 1, 1],
        ..., [3, 170000, 8], np.array([[1, 2], [3, 4]]),
        torch.tensor([9, -9]), slice(-10**9, 4), [], torch.tensor(3),
    ],
)  # fmt: skip
def test_keys_are_numpys(key, flac, whole):
    expected = whole.numpy()[:, key.numpy() if isinstance(key, torch.Tensor) else key]
    if isinstance(key, list) and not key:
        expected = whole.numpy()[:, :0]
    got = AudioDecoder(flac)[key]
    assert got.dtype is torch.float32
    assert tuple(got.shape) == expected.shape
    np.testing.assert_array_equal(got.numpy(), expected)


def test_masks(flac, whole):
    mask = np.zeros(whole.shape[1], bool)
    mask[[4, 90000, 176000]] = True
    np.testing.assert_array_equal(AudioDecoder(flac)[mask].numpy(), whole.numpy()[:, mask])
    with pytest.raises(IndexError, match="mask"):
        AudioDecoder(flac)[mask[:-1]]


@pytest.mark.parametrize("key", ["a", 1.5, None, (1, 2), True, [1.5], {1}, b"x"])
def test_keys_of_a_wrong_type(key, flac):
    with pytest.raises((TypeError, IndexError)):
        AudioDecoder(flac)[key]


def test_keys_of_seconds_are_pointed_to_t(flac):
    for key in (slice(1.5, 3), [1.5], 5.0):
        with pytest.raises(TypeError, match=r"\.t(\[\.\.\.\])? takes seconds"):
            AudioDecoder(flac)[key]


@pytest.mark.parametrize("key", [176400, -176401, 10**15, [0, 176400]])
def test_samples_outside(key, flac):
    with pytest.raises(IndexError, match="176400"):
        AudioDecoder(flac)[key]


def test_times(flac, whole):
    decoder = AudioDecoder(flac)
    assert torch.equal(decoder.t[0.5:1.5], whole[:, 22050:66150])
    assert torch.equal(decoder.t[:0.25], whole[:, :11025])
    assert torch.equal(decoder.t[3.5:], whole[:, 154350:])
    assert torch.equal(decoder.t[1.0], whole[:, 44100])
    samples = decoder.get_samples_played_in_range(1.0, 2.0)
    assert (samples.pts_seconds, samples.duration_seconds, samples.sample_rate) == (1.0, 1.0, 44100)
    assert torch.equal(samples.data, whole[:, 44100:88200])
    assert decoder.get_samples_played_in_range().data.shape == whole.shape
    assert decoder.get_samples_played_in_range(3.9, 99.0).data.shape[1] == 4410
    assert decoder.get_samples_played_in_range(1.0, 1.0).data.shape == (2, 0)
    with pytest.raises(ValueError, match="step"):
        decoder.t[0:1:0.5]
    with pytest.raises(IndexError, match="played"):
        decoder.t[4.5]


@pytest.mark.parametrize(
    ("start", "stop"),
    [(2.0, 1.0), (float("nan"), None), (0.0, float("nan")), (-1.0, 0.0), (4.0, None), (99.0, 100.0)],
)
def test_time_ranges_that_make_no_sense(start, stop, flac):
    with pytest.raises(ValueError):
        AudioDecoder(flac).get_samples_played_in_range(start, stop)


def test_times_count_from_the_streams_own_begin():
    decoder = AudioDecoder(media.path("aac.ts"))
    everything = decoder.get_all_samples()
    assert everything.pts_seconds == pytest.approx(1.4)
    assert torch.equal(decoder.t[1.4:2.4], everything.data[:, :44100])
    assert torch.equal(decoder.get_samples_played_in_range(0.0, 2.4).data, decoder.t[1.4:2.4])


def test_metadata():
    meta = AudioDecoder(media.path("flac_s24_96k.flac")).metadata
    assert (meta.sample_rate, meta.num_channels, meta.codec, meta.sample_format) == (96000, 2, "flac", "s32")
    assert meta.duration_seconds == pytest.approx(4.0)
    assert (meta.media_type, meta.stream_index) == ("audio", 0)
    resampled = AudioDecoder(media.path("flac_s24_96k.flac"), sample_rate=8000)
    assert resampled.metadata.sample_rate == 96000  # as stored
    assert resampled.get_all_samples().sample_rate == 8000


def test_delay_and_padding():
    decoder = AudioDecoder(media.path("mp3_cbr.mp3"))
    assert decoder.metadata.encoder_delay == 1105
    assert decoder.metadata.encoder_padding is None
    length = len(decoder)
    assert length == 176400
    assert decoder.metadata.encoder_padding == 1055
    assert AudioDecoder(media.path("opus.opus")).metadata.encoder_delay == 312
    assert AudioDecoder(media.path("aac.m4a")).metadata.encoder_delay == 1024


def test_arguments():
    file = media.path("pcm_s16le.wav")
    for wrong in (
        {"sample_rate": 0},
        {"num_channels": -1},
        {"seek_mode": "fast"},
        {"stream_index": -1},
        {"sample_rate": 2**40},
    ):
        with pytest.raises(ValueError):
            AudioDecoder(file, **wrong)
    for wrong in ({"sample_rate": "44100"}, {"num_channels": 1.0}, {"stream_index": True}):
        with pytest.raises(TypeError):
            AudioDecoder(file, **wrong)


class Unnamed(io.BytesIO):
    """A file-like object that only its own process can read."""


def test_pickle_and_repr(flac, whole):
    decoder = pickle.loads(pickle.dumps(AudioDecoder(flac, sample_rate=16000, num_channels=1)))
    assert decoder[0:100].shape == (1, 100)
    assert "1 channel at 16000 Hz" in repr(decoder)
    with pytest.raises(TypeError, match="file-like"):
        pickle.dumps(AudioDecoder(Unnamed(flac.read_bytes())))


@pytest.mark.parametrize("name", ["flac.flac", "pcm_s16le.wav"])
def test_a_file_opened_as_text(name):
    with open(media.path(name)) as file, pytest.raises(TypeError, match="'rb'"):
        AudioDecoder(file)


@pytest.mark.parametrize("name", ["mp3_vbr.mp3", "pcm_s16le.wav"])
def test_a_decoder_is_freed_when_it_is_dropped(name):
    decoder = AudioDecoder(media.path(name))
    decoder[100_000:100_010]
    session = weakref.ref(decoder._session)
    gc.disable()
    try:
        del decoder
        assert session() is None
    finally:
        gc.enable()


def test_close(flac):
    for source in (flac, media.path("pcm_s16le.wav")):
        with AudioDecoder(source) as decoder:
            kept = decoder[0:100]
        with pytest.raises(cycodec.ClosedError):
            decoder[0:100]
        assert kept.shape == (2, 100)
        decoder.close()


@pytest.mark.parametrize(
    ("kind", "name"),
    [(AudioDecoder, "flac.flac"), (AudioDecoder, "pcm_s16le.wav"), (WavDecoder, "pcm_s16le.wav")],
)
def test_use_after_close(kind, name):
    decoder = kind(media.path(name))
    decoder.close()
    decoder.close()
    uses = [
        lambda: decoder[0],
        lambda: decoder[0:100],
        lambda: decoder.t[0.5],
        lambda: decoder.get_all_samples(),
        lambda: decoder.get_samples_played_in_range(0, 1),
        lambda: decoder.metadata,
        lambda: len(decoder),
        lambda: decoder.__enter__(),
    ]
    for use in uses:
        with pytest.raises(cycodec.ClosedError, match=rf"{name}.*closed"):
            use()
    assert "closed" in repr(decoder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["flac.flac", "pcm_s16le.wav"])
def test_fork(name):
    decoder = AudioDecoder(media.path(name))
    expected = decoder[50000:51000]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b"1" if torch.equal(decoder[50000:51000], expected) else b"0")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"1"
    assert torch.equal(decoder[50000:51000], expected)


def test_threads_share_a_decoder(whole):
    decoder = AudioDecoder(media.path("flac.flac"))
    barrier = threading.Barrier(4)

    def work(seed):
        barrier.wait()
        starts = np.random.default_rng(seed).integers(0, 170000, 25).tolist()
        return all(torch.equal(decoder[s : s + 500], whole[:, s : s + 500]) for s in starts)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_read_on_demand():
    data = media.path("flac.flac").read_bytes()
    source = Reads(data)
    AudioDecoder(source)[0:1000]
    assert source.count < len(data)


def test_a_stream_of_several(tmp_path):
    file = tmp_path / "two.mkv"
    code, _, text = media.run(
        "-i",
        media.path("flac.flac"),
        "-i",
        media.path("mp3_cbr.mp3"),
        "-map",
        0,
        "-map",
        1,
        "-c",
        "copy",
        file,
    )
    assert code == 0, text
    assert AudioDecoder(file, stream_index=0).metadata.codec == "flac"
    second = AudioDecoder(file, stream_index=1)
    assert second.metadata.codec == "mp3"
    np.testing.assert_array_equal(second.get_all_samples().data.numpy(), media.reference(file, stream="a:1"))
    with pytest.raises(cycodec.StreamNotFoundError, match="streams"):
        AudioDecoder(file, stream_index=2)
