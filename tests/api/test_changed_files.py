"""Files that change while a decoder uses them: frames of one file, or an error."""

import os
import pickle
import shutil

import audio_media
import media
import oracle
import pytest
import torch
from forks import in_child

import cycodec
from cycodec.batch import decode_batch
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder

NAMES = ["h264_plain.mp4", "h264.mkv", "h264.ts", "h264.avi", "mpeg2.vob"]
STALE = r"v\.bin'?>?: the file has changed since the decoder .*make a new decoder"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "v.bin"


def put(path, name):
    path.write_bytes(media.path(name).read_bytes())


def replace(path, name):
    """Renames another file over the path, as package managers and encoders do."""
    other = path.with_suffix(".new")
    put(other, name)
    os.replace(other, path)


def rewrite(path, name):
    with open(path, "r+b") as file:
        file.write(media.path(name).read_bytes())
        file.truncate()


def cut(path, name):
    os.truncate(path, path.stat().st_size // 3)


def grow(path, name):
    with open(path, "ab") as file:
        file.write(b"more")


def touch(path, name):
    """Bytes in the middle change, and neither the size nor the ends do."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(bytes(100))
    os.utime(path, ns=(1, 1))


IN_PLACE = [rewrite, cut, grow, touch]


@pytest.mark.parametrize("name", NAMES)
def test_replaced(path, name):
    """All readers and a forked process see the file that was opened."""
    digests = oracle.reference(media.path(name)).digests
    put(path, name)
    decoder = VideoDecoder(path, dimension_order="NHWC", num_threads=4)
    decoder[0]
    replace(path, "h264_long_gop.mp4")
    assert [oracle.digest(frame) for frame in decoder[:]] == list(digests)
    assert [oracle.digest(frame) for frame in decoder[::-1]] == list(digests)[::-1]

    def work():
        assert [oracle.digest(frame) for frame in decoder[[5, 40, 2]]] == [digests[n] for n in (5, 40, 2)]

    assert in_child(work) == ""
    assert decoder.confirm()
    path.unlink()
    work()
    assert in_child(work) == ""


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("name", NAMES)
def test_rewritten(path, name, change):
    put(path, name)
    decoders = [VideoDecoder(path, num_threads=n) for n in (1, 4)]
    decoders.append(VideoDecoder(path, seek_mode="approximate"))
    decoders.append(VideoDecoder(path, on_error="mask"))
    for decoder in decoders:
        decoder[0]
    change(path, "h264_long_gop.mp4")
    for decoder in decoders:
        for request in (
            lambda d: d[:],
            lambda d: d[0],
            lambda d: d.get_frame_at(3),
            lambda d: d.t[d.metadata.begin_stream_seconds + 0.5],
            lambda d: d.get_frames_played_at([d.metadata.begin_stream_seconds]),
            lambda d: decode_batch([(d, 1)]),
        ):
            with pytest.raises(cycodec.StaleIndexError, match=STALE):
                request(decoder)
        said = in_child(lambda decoder=decoder: decoder[0])
        assert said.startswith("StaleIndexError")
        assert "v.bin" in said
    assert issubclass(cycodec.StaleIndexError, cycodec.FFmpegError)


def test_rewritten_while_an_open_file_is_read(path):
    put(path, "h264.ts")
    with path.open("rb") as file:
        decoder = VideoDecoder(file)
        decoder[0]
        touch(path, None)
        with pytest.raises(cycodec.StaleIndexError, match=STALE):
            decoder[0]


@pytest.mark.parametrize("name", ["pcm_s16le.wav", "flac.flac", "aac.m4a", "mp3_vbr.mp3"])
@pytest.mark.parametrize("change", ["cut", "touch", "replace"])
def test_sounds(path, name, change):
    path.write_bytes(audio_media.path(name).read_bytes())
    whole = AudioDecoder(audio_media.path(name))[...]
    kinds = [AudioDecoder, WavDecoder] if name.endswith(".wav") else [AudioDecoder]
    decoders = [kind(path) for kind in kinds]
    for decoder in decoders:
        decoder[0:10]
    if change == "replace":
        other = path.with_suffix(".new")
        other.write_bytes(audio_media.path("flac.flac").read_bytes()[:50_000])
        os.replace(other, path)
        for decoder in decoders:
            assert torch.equal(decoder[...], whole)
        return
    {"cut": cut, "touch": touch}[change](path, None)
    for decoder in decoders:
        for request in (
            lambda d: d[...],
            lambda d: d[100:200],
            lambda d: d.t[0.1:0.2],
            lambda d: d.get_all_samples(),
        ):
            with pytest.raises(cycodec.StaleIndexError, match=STALE):
                request(decoder)


@pytest.mark.parametrize("change", [replace, *IN_PLACE])
@pytest.mark.parametrize("options", [{}, {"seek_mode": "approximate"}, {"num_threads": 4}])
def test_pickled_before_the_change(path, change, options):
    put(path, "h264.ts")
    kept = pickle.dumps(VideoDecoder(path, **options))
    assert len(pickle.loads(kept)) == 50
    change(path, "h264_long_gop.mp4")
    with pytest.raises(cycodec.StaleIndexError, match=r"v\.bin"):
        pickle.loads(kept)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(kept)


@pytest.mark.parametrize("change", [replace, *IN_PLACE])
def test_sounds_pickled_before_the_change(path, change):
    path.write_bytes(audio_media.path("flac.flac").read_bytes())
    kept = pickle.dumps(AudioDecoder(path))
    change(path, "h264_long_gop.mp4")
    with pytest.raises(cycodec.StaleIndexError, match=r"v\.bin"):
        pickle.loads(kept)


def test_pickled_and_copied_to_another_machine(path):
    """There the file has another inode and another time, and the same bytes."""
    put(path, "h264.ts")
    kept = pickle.dumps(VideoDecoder(path))
    other = path.with_suffix(".new")
    shutil.copy(path, other)
    os.replace(other, path)
    os.utime(path, ns=(5, 5))
    assert torch.equal(pickle.loads(kept)[7], VideoDecoder(media.path("h264.ts"))[7])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [replace, rewrite, cut, grow])
def test_a_saved_index_of_another_file(path, tmp_path, name, change):
    put(path, name)
    VideoDecoder(path).index.save(tmp_path / "v.idx")
    assert len(VideoDecoder(path, index=tmp_path / "v.idx")[:]) > 0
    change(path, "h264_long_gop.mp4")
    with pytest.raises(cycodec.StaleIndexError, match=r"v\.bin.*index"):
        VideoDecoder(path, index=tmp_path / "v.idx")


def test_a_batch_of_many_files(tmp_path):
    """One of them is replaced while its decoder is open; the others are as before."""
    paths = [tmp_path / f"{i}.bin" for i in range(3)]
    for path in paths:
        put(path, "h264_plain.mp4")
    decoders = [VideoDecoder(path) for path in paths]
    frames = VideoDecoder(media.path("h264_plain.mp4"))[:]
    replace(paths[0], "h264_long_gop.mp4")
    rewrite(paths[1], "h264_long_gop.mp4")
    results = decode_batch([(d, list(range(75))) for d in decoders], on_error="return")
    assert torch.equal(results[0].data, frames)
    assert isinstance(results[1], cycodec.StaleIndexError)
    assert torch.equal(results[2].data, frames)


def test_a_new_decoder_reads_the_new_file(path):
    put(path, "h264.ts")
    VideoDecoder(path)[0]
    rewrite(path, "h264_long_gop.mp4")
    digests = oracle.reference(media.path("h264_long_gop.mp4")).digests
    assert oracle.digest(VideoDecoder(path, dimension_order="NHWC")[9]) == digests[9]
