"""Sources that cannot seek are read forward: pipes, sockets, tar streams, servers without ranges.

File-like objects that can be opened again are used in other processes.
"""

import io
import multiprocessing
import os
import pickle
import socket
import subprocess
import tarfile
import tempfile
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor

import audio_media
import media
import numpy as np
import oracle
import pytest
import servers
import torch
from forks import in_child

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder, get_container_metadata

# "h264_plain.mp4" has its tables behind the pictures
NAMES = [
    "h264_plain.mp4", "h264_faststart.mp4", "h264_fragmented.mp4", "h264.mkv", "h264.ts", "h264.avi", "mpeg2.vob",
    "vp9.webm", "h264_annexb.h264", "animation.gif",
]  # fmt: skip
SOUNDS = ["pcm_s16le.wav", "flac.flac", "mp3_vbr.mp3", "opus.opus", "aac.m4a", "aac.aac"]


class Forward:
    """A file-like object with nothing but read()."""

    def __init__(self, data):
        self.file = io.BytesIO(data)
        self.bytes_read = 0

    def read(self, size):
        data = self.file.read(min(size, 5000))
        self.bytes_read += len(data)
        return data


class SaysNo(Forward):
    def seek(self, offset, whence=0):
        raise io.UnsupportedOperation("seek")


class IsNotSeekable(Forward):
    def seekable(self):
        return False

    def seek(self, offset, whence=0):
        raise AssertionError("seek was called")


def fed(write, data):
    """Writes data from another thread."""

    def work():
        try:
            with write:
                write.write(data)
        except OSError:
            pass

    threading.Thread(target=work, daemon=True).start()


def pipe(data):
    reading, writing = os.pipe()
    fed(os.fdopen(writing, "wb"), data)
    return os.fdopen(reading, "rb")


def raw_pipe(data):
    reading, writing = os.pipe()
    fed(os.fdopen(writing, "wb"), data)
    return os.fdopen(reading, "rb", buffering=0)


def connection(data):
    here, there = socket.socketpair()
    fed(there.makefile("wb"), data)
    there.close()
    return here.makefile("rb")


def tar_stream(data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("first", "second"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    tar = tarfile.open(fileobj=buffer, mode="r|")  # noqa: SIM115 - its member outlives this call
    tar.next()
    return tar.extractfile(tar.next())


KINDS = {
    "read only": Forward,
    "unsupported": SaysNo,
    "not seekable": IsNotSeekable,
    "pipe": pipe,
    "raw pipe": raw_pipe,
    "socket": connection,
    "tar": tar_stream,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_videos(name, kind):
    path = media.path(name)
    digests = oracle.reference(path).digests
    data = path.read_bytes()
    decoder = VideoDecoder(KINDS[kind](data), dimension_order="NHWC")
    assert [oracle.digest(frame) for frame in decoder] == list(digests)
    fresh = VideoDecoder(KINDS[kind](data), dimension_order="NHWC")
    for number in (len(digests) - 1, 0, len(digests) // 2):
        assert oracle.digest(fresh[number]) == digests[number]
    if name in ("h264_faststart.mp4", "h264.mkv", "vp9.webm"):  # the others do not say how long they are
        decoder = VideoDecoder(KINDS[kind](data), seek_mode="approximate", dimension_order="NHWC")
        assert [oracle.digest(decoder[n]) for n in (0, 20, 2)] == [digests[n] for n in (0, 20, 2)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SOUNDS)
def test_sounds(name, kind):
    data = audio_media.path(name).read_bytes()
    whole = AudioDecoder(data)[...]
    decoder = AudioDecoder(KINDS[kind](data))
    assert torch.equal(decoder[1000:2000], whole[:, 1000:2000])
    assert torch.equal(decoder[0:500], whole[:, 0:500])
    assert torch.equal(decoder[...], whole)
    if "aac" not in name:  # its decoder makes noise up
        last = AudioDecoder(KINDS[kind](data))[-3000:]
        np.testing.assert_allclose(last, whole[:, -3000:], rtol=0, atol=1e-3)
    assert len(AudioDecoder(KINDS[kind](data))) == whole.shape[1]


def test_a_wav_stream():
    data = audio_media.path("pcm_s16le.wav").read_bytes()
    with pytest.raises(cycodec.InvalidDataError, match="AudioDecoder"):
        WavDecoder(Forward(data))


def test_a_stream_begins_where_it_stands():
    data = media.path("h264.ts").read_bytes()
    stream = Forward(b"x" * 100 + data)
    stream.read(100)
    assert len(VideoDecoder(stream)) == oracle.reference(media.path("h264.ts")).count


@pytest.mark.parametrize("name", ["h264_faststart.mp4", "h264.mkv"])
def test_no_more_is_read_than_a_frame_needs(name):
    """The first frame comes while the other end still has most of the file."""
    data = media.path(name).read_bytes()
    data += (500_000).to_bytes(4, "big") + b"free" + bytes(499_992)
    stream = Forward(data)
    VideoDecoder(stream, seek_mode="approximate")[0]
    assert stream.bytes_read < len(data) - 300_000


def test_what_needs_the_end():
    with pytest.raises(ValueError, match=r"<Forward>.*use seek_mode='exact'"):
        len(VideoDecoder(Forward(media.path("mpeg2.vob").read_bytes()), seek_mode="approximate"))


def test_sound_of_a_living_stream():
    """A program that never ends writes 10 s; the samples come without waiting for its end."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=8000:d=10", "-f", "mp3", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as out:
        threading.Thread(target=lambda: out.write(data), daemon=True).start()
        with open(reading, "rb") as stream:
            assert AudioDecoder(stream)[0:40_000].shape == (1, 40_000)


def test_a_named_pipe(tmp_path):
    path = tmp_path / "fifo.ts"
    os.mkfifo(path)
    data = media.path("h264.ts").read_bytes()
    threading.Thread(target=lambda: path.write_bytes(data), daemon=True).start()
    decoder = VideoDecoder(path, dimension_order="NHWC")
    digests = oracle.reference(media.path("h264.ts")).digests
    assert [oracle.digest(frame) for frame in decoder] == list(digests)


def test_a_stream_is_bounded():
    data = media.path("h264.ts").read_bytes()
    stream = Forward(data * 50)
    with pytest.raises(cycodec.LimitError, match=r"<Forward>.*max_spool_bytes, 100000"):
        VideoDecoder(stream, max_spool_bytes=100_000)
    assert stream.bytes_read <= 170_000
    before = cycodec.set_limits(max_spool_bytes=1000)
    try:
        with pytest.raises(cycodec.LimitError, match="max_spool_bytes, 1000"):
            AudioDecoder(Forward(audio_media.path("flac.flac").read_bytes()))[...]
    finally:
        cycodec.set_limits(max_spool_bytes=before.max_spool_bytes)


@pytest.mark.parametrize("name", ["h264_plain.mp4", "h264.ts"])
def test_a_stream_breaks_off(name):
    class Broken(Forward):
        def read(self, size):
            if self.bytes_read > 20_000:
                raise ConnectionResetError("the other end is gone")
            return super().read(size)

    with pytest.raises(ConnectionResetError, match="gone"):
        VideoDecoder(Broken(media.path(name).read_bytes()))


def test_what_needs_a_second_reader():
    data = media.path("h264_faststart.mp4").read_bytes()
    decoder = VideoDecoder(Forward(data), seek_mode="approximate")
    with pytest.raises(TypeError, match="Forward"):
        pickle.dumps(decoder)
    assert in_child(lambda: decoder[0]).startswith("TypeError: <Forward>")
    assert decoder[0].shape == decoder[-1].shape


# ---- file-like objects with a descriptor or a path ----


def local_fsspec(path):
    fsspec = pytest.importorskip("fsspec")
    return fsspec.filesystem("file").open(str(path), "rb")


def remote_fsspec(path):
    fsspec = pytest.importorskip("fsspec")
    return fsspec.filesystem("dir", path=str(path.parent), fs=fsspec.filesystem("file")).open(path.name, "rb")


def named_temporary(path):
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller uses it
    file.write(path.read_bytes())
    return file


REOPENABLE = {
    "file": lambda path: path.open("rb"),
    "raw file": lambda path: path.open("rb", buffering=0),
    "update": lambda path: path.open("r+b"),
    "temporary": named_temporary,
    "fsspec": local_fsspec,
    "fsspec dir": remote_fsspec,
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
}


def own(tmp_path, name="h264.ts"):
    path = tmp_path / name
    path.write_bytes(media.path(name).read_bytes())
    return path


def read(decoder, number):
    return oracle.digest(decoder[number])


@pytest.mark.parametrize("kind", REOPENABLE)
def test_other_processes_read_it(kind, tmp_path):
    file = REOPENABLE[kind](own(tmp_path))
    digests = oracle.reference(media.path("h264.ts")).digests
    decoder = VideoDecoder(file, dimension_order="NHWC")
    decoder[3]

    def work():
        for number in (40, 2, 30):
            assert read(decoder, number) == digests[number]

    for _ in range(3):
        assert in_child(work) == ""
        work()
    copy = pickle.loads(pickle.dumps(decoder))
    assert read(copy, 49) == digests[49]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(read, decoder, 41).result(60) == digests[41]


@pytest.mark.parametrize("kind", REOPENABLE)
def test_other_processes_hear_it(kind, tmp_path):
    path = tmp_path / "x.flac"
    path.write_bytes(audio_media.path("flac.flac").read_bytes())
    for name in ("flac.flac", "pcm_s16le.wav"):
        path.write_bytes(audio_media.path(name).read_bytes())
        whole = AudioDecoder(audio_media.path(name))[...].numpy()
        decoder = AudioDecoder(REOPENABLE[kind](path))
        decoder[0:10]

        def work(decoder=decoder, whole=whole):
            np.testing.assert_array_equal(decoder[90_000:91_000].numpy(), whole[:, 90_000:91_000])

        assert in_child(work) == ""
        work(pickle.loads(pickle.dumps(decoder)))


def test_an_unlinked_file(tmp_path):
    path = own(tmp_path)
    file = path.open("rb")
    path.unlink()
    decoder = VideoDecoder(file, dimension_order="NHWC")
    first = read(decoder, 5)

    def work():
        assert read(decoder, 5) == first

    assert in_child(work) == ""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(decoder)


def test_the_position_of_an_open_file_is_not_moved(tmp_path):
    with own(tmp_path).open("rb") as file:
        file.seek(100)
        decoder = VideoDecoder(file)
        decoder[3]
        assert file.tell() == 100


def test_a_file_class_of_somebody_else(tmp_path):
    """What it reads need not be what its descriptor holds."""
    import gzip

    data = media.path("h264.ts").read_bytes()
    path = tmp_path / "v.ts.gz"
    path.write_bytes(gzip.compress(data))
    expected = VideoDecoder(data)[4]
    with gzip.open(path) as file:
        assert torch.equal(VideoDecoder(file)[4], expected)

    class Shifted(io.BufferedReader):
        def read(self, size=-1):
            return bytes(byte ^ 0x55 for byte in super().read(size))

    path.write_bytes(bytes(byte ^ 0x55 for byte in data))
    with Shifted(io.FileIO(path)) as file:
        assert torch.equal(VideoDecoder(file)[4], expected)
    fsspec = pytest.importorskip("fsspec")
    path.write_bytes(gzip.compress(data))
    with fsspec.open(str(path), compression="gzip") as file:
        assert torch.equal(VideoDecoder(file)[4], expected)


def test_unwritten_bytes_count(tmp_path):
    data = media.path("h264.ts").read_bytes()
    with open(tmp_path / "v.ts", "w+b", buffering=1 << 22) as file:
        file.write(data)
        assert len(VideoDecoder(file)) == len(VideoDecoder(data))


# ---- servers without ranges ----


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_server_without_ranges(name, has_length, tmp_path):
    path = own(tmp_path, name)
    digests = oracle.reference(media.path(name)).digests
    with servers.serving(tmp_path, has_ranges=False, has_length=has_length) as server:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            decoder = VideoDecoder(f"{server.address}/{path.name}", dimension_order="NHWC", num_threads=3)
            assert [oracle.digest(frame) for frame in decoder[:]] == list(digests)
            for number in (len(digests) - 1, 0, len(digests) // 2):
                assert read(decoder, number) == digests[number]
        assert [entry.category for entry in warned] == [UserWarning]
        assert "does not send parts of this file" in str(warned[0].message)
        assert len(server.requests) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fresh = pickle.loads(pickle.dumps(decoder))
            assert read(fresh, len(digests) // 2) == digests[len(digests) // 2]
            assert get_container_metadata(f"{server.address}/{path.name}").streams


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_from_a_server_without_ranges(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(audio_media.path(name).read_bytes())
    whole = AudioDecoder(path)[...]
    with servers.serving(tmp_path, has_ranges=False) as server:
        url = f"{server.address}/{name}"
        with pytest.warns(UserWarning, match="does not send parts"):
            decoder = AudioDecoder(url)
        assert torch.equal(decoder[-3000:], AudioDecoder(path)[-3000:])
        assert torch.equal(decoder[0:100], whole[:, 0:100])
        assert len(decoder) == whole.shape[1]
        if name.endswith(".wav"):
            with pytest.warns(UserWarning, match="does not send parts"):
                wav = WavDecoder(url)
            assert torch.equal(wav[...], whole)
        assert len(server.requests) == 1 + name.endswith(".wav")


def test_a_server_without_ranges_is_bounded(tmp_path):
    path = own(tmp_path)
    with servers.serving(tmp_path, has_ranges=False) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(cycodec.LimitError, match="max_spool_bytes, 1000"):
            VideoDecoder(f"{server.address}/{path.name}", max_spool_bytes=1000)


def test_options_of_the_protocol_are_known(tmp_path):
    path = own(tmp_path)
    for has_ranges in (True, False):
        with servers.serving(tmp_path, has_ranges=has_ranges) as server, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoder = VideoDecoder(f"{server.address}/{path.name}", options={"user_agent": "x"})
            assert len(decoder[::-1]) == len(decoder)
            with pytest.raises(ValueError, match="nosuch"):
                VideoDecoder(f"{server.address}/{path.name}", options={"nosuch": "x"})


@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "hf", "abfs", "S3"])
def test_object_stores_name_fsspec(scheme):
    for decoder in (VideoDecoder, AudioDecoder, get_container_metadata):
        with pytest.raises(cycodec.FFmpegError, match=rf"fsspec\.open\('{scheme}://bucket/v\.mp4'\)"):
            decoder(f"{scheme}://bucket/v.mp4")
    with pytest.raises(cycodec.FFmpegError, match="fsspec"):
        VideoDecoder((f"{scheme}://bucket/v.mp4", 0, 10))
