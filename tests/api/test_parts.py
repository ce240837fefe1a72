"""Parts of files: (path or URL, offset, length) is a source like the bytes of that part."""

import io
import os
import pathlib
import pickle
import tarfile

import audio_media
import media
import numpy as np
import oracle
import pytest
import servers
import torch
from forks import in_child

import cycodec
from cycodec.batch import decode_batch
from cycodec.datasets import VideoClips
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder, get_container_metadata
from cycodec.samplers import clips_at_regular_indices

# one file for each way to an index
NAMES = [
    "h264_plain.mp4", "h264.mkv", "h264_fragmented.mp4", "h264.ts", "h264.avi", "mpeg2.vob", "h264_annexb.h264",
    "vp9_clusters.webm", "still.png", "animation.gif",
]  # fmt: skip
SOUNDS = ["pcm_s16le.wav", "flac.flac", "mp3_vbr.mp3", "opus.opus", "aac.m4a"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A tar file of videos and sounds; returns (path, {name: (offset, length)})."""
    path = tmp_path_factory.mktemp("archive") / "shard.tar"
    with tarfile.open(path, "w") as tar:
        for name in NAMES:
            tar.add(media.path(name), name)
        for name in SOUNDS:
            tar.add(audio_media.path(name), name)
    with tarfile.open(path) as tar:
        return path, {member.name: (member.offset_data, member.size) for member in tar}


@pytest.mark.parametrize("kind", [str, pathlib.Path])
@pytest.mark.parametrize("name", NAMES)
def test_videos(archive, name, kind):
    path, places = archive
    digests = oracle.reference(media.path(name)).digests
    source = (kind(path), *places[name])
    for number in (len(digests) - 1, 0, len(digests) // 2):
        assert oracle.digest(VideoDecoder(source, dimension_order="NHWC")[number]) == digests[number]
    decoder = VideoDecoder(source, dimension_order="NHWC", num_threads=3)
    assert [oracle.digest(frame) for frame in decoder[:]] == list(digests)
    assert decoder.index.pts.tolist() == VideoDecoder(media.path(name)).index.pts.tolist()
    assert [s.codec for s in get_container_metadata(source).streams] == [
        s.codec for s in get_container_metadata(media.path(name)).streams
    ]
    if name not in ("still.png", "h264_annexb.h264"):  # their headers do not say how long they are
        approximate = VideoDecoder(source, seek_mode="approximate")
        assert torch.equal(approximate[0], VideoDecoder(media.path(name), seek_mode="approximate")[0])


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds(archive, name):
    path, places = archive
    decoder = pickle.loads(pickle.dumps(AudioDecoder((path, *places[name]))))
    whole = AudioDecoder(audio_media.path(name))[...]
    assert torch.equal(decoder[...], whole)
    assert torch.equal(
        AudioDecoder((path, *places[name]))[-5000:], AudioDecoder(audio_media.path(name))[-5000:]
    )
    if name.endswith(".wav"):
        assert torch.equal(WavDecoder((path, *places[name]))[100:200], whole[:, 100:200])


@pytest.mark.parametrize("has_ranges", [True, False])
def test_urls(archive, has_ranges):
    path, places = archive
    with servers.serving(path.parent, has_ranges=has_ranges) as server:
        for name in ("h264_plain.mp4", "h264.ts", "h264.mkv"):
            source = (f"{server.address}/{path.name}", *places[name])
            digests = oracle.reference(media.path(name)).digests
            if has_ranges:
                decoder = VideoDecoder(source, dimension_order="NHWC")
            else:
                with pytest.warns(UserWarning, match=r"shard\.tar.*temporary file"):
                    decoder = VideoDecoder(source, dimension_order="NHWC")
            numbers = (len(digests) - 1, 0, len(digests) // 2)
            assert [oracle.digest(decoder[n]) for n in numbers] == [digests[n] for n in numbers]
        if has_ranges:
            wav = AudioDecoder((f"{server.address}/{path.name}", *places["pcm_s16le.wav"]))
            assert torch.equal(wav[...], AudioDecoder(audio_media.path("pcm_s16le.wav"))[...])
            wav = WavDecoder((f"{server.address}/{path.name}", *places["pcm_s16le.wav"]))
            assert torch.equal(wav[...], AudioDecoder(audio_media.path("pcm_s16le.wav"))[...])
            with pytest.raises(ValueError, match="beyond the file"):
                VideoDecoder((f"{server.address}/{path.name}", 10, 1 << 40))


def test_pickles_forks_batches_and_datasets(archive):
    path, places = archive
    name = "h264_plain.mp4"
    source = (path, *places[name])
    digests = oracle.reference(media.path(name)).digests
    decoder = VideoDecoder(source, dimension_order="NHWC")
    copy = pickle.loads(pickle.dumps(decoder))
    assert oracle.digest(copy[40]) == digests[40]

    def work():
        assert oracle.digest(decoder[41]) == digests[41]

    assert in_child(work) == ""
    batch = decode_batch(
        [(source, 3), ((str(path), *places["h264.ts"]), 0), ((path, *places[name]), slice(4, 6))]
    )
    assert torch.equal(batch[0].data, VideoDecoder(media.path(name))[3])
    assert torch.equal(batch[1].data, VideoDecoder(media.path("h264.ts"))[0])
    assert torch.equal(batch[2].data, VideoDecoder(media.path(name))[4:6])
    clips = VideoClips([source, media.path(name)], clips_at_regular_indices)
    assert torch.equal(clips[0]["data"], clips[1]["data"])


def test_an_index_of_a_part(archive, tmp_path):
    path, places = archive
    index = VideoDecoder((path, *places["h264.ts"])).index
    index.save(tmp_path / "part.idx")
    decoder = VideoDecoder((path, *places["h264.ts"]), index=tmp_path / "part.idx")
    assert torch.equal(decoder[7], VideoDecoder(media.path("h264.ts"))[7])
    # the same bytes elsewhere have the same index
    assert torch.equal(VideoDecoder(media.path("h264.ts"), index=index)[7], decoder[7])
    with pytest.raises(cycodec.StaleIndexError):
        VideoDecoder((path, *places["h264.mkv"]), index=index)


@pytest.mark.parametrize(
    ("offset", "length", "kind", "message"),
    [
        (-1, 10, ValueError, "offset"),
        (0, 0, ValueError, "length"),
        (0, -5, ValueError, "length"),
        (0, 1 << 62, ValueError, "length"),
        (1 << 70, 5, ValueError, "offset"),
        (0, 1 << 40, ValueError, "beyond the file"),
        (1 << 40, 1, ValueError, "beyond the file"),
        ("0", 10, TypeError, "offset"),
        (0, 1.5, TypeError, "length"),
        (None, 10, TypeError, "offset"),
        (True, 10, TypeError, "offset"),
    ],
)
@pytest.mark.parametrize("decoder", [VideoDecoder, AudioDecoder, WavDecoder, get_container_metadata])
def test_bounds(archive, decoder, offset, length, kind, message):
    with pytest.raises(kind, match=message) as caught:
        decoder((archive[0], offset, length))
    assert "shard.tar" in str(caught.value)


def test_whole_numbers_of_numpy(archive):
    path, places = archive
    source = (path, *np.array(places["h264_plain.mp4"]))
    assert len(VideoDecoder(source)) == 75


@pytest.mark.parametrize("source", [(), ("a",), ("a", 1), ("a", 1, 2, 3), (b"a", 0, 1), (io.BytesIO(), 0, 1)])
def test_other_tuples(source):
    with pytest.raises(TypeError, match="source"):
        VideoDecoder(source)


def test_what_has_no_parts(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.tar"):
        VideoDecoder((tmp_path / "none.tar", 0, 10))
    with pytest.raises(IsADirectoryError):
        VideoDecoder((tmp_path, 0, 10))
    with pytest.raises(cycodec.UnsupportedError, match="parts"):
        VideoDecoder(("rtmp://127.0.0.1/x", 0, 10))


def test_nothing_beyond_a_part_is_read(tmp_path):
    """A video that is cut off by its bounds is as short as its cut bytes."""
    data = media.path("h264.ts").read_bytes()
    path = tmp_path / "two.bin"
    path.write_bytes(b"x" * 1000 + data + data)
    half = len(data) // 2
    one, other = VideoDecoder((path, 1000, half)), VideoDecoder(data[:half])
    assert len(one) == len(other)
    assert torch.equal(one[:], other[:])


@pytest.mark.parametrize("name", ["v.m3u8", "v.ffconcat", "v.mp4"])
def test_playlists_reach_nothing(tmp_path, name):
    (tmp_path / "v.ts").write_bytes(media.path("h264.ts").read_bytes())
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3.0,\n{tmp_path}/v.ts\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{tmp_path}/v.ts'\n",
    ):
        path = tmp_path / name
        path.write_bytes(b"junk" + text.encode())
        with pytest.raises(PermissionError, match="opens others"):
            VideoDecoder((path, 4, len(text)))


def test_a_changed_file(tmp_path):
    data = media.path("h264_plain.mp4").read_bytes()
    path = tmp_path / "shard.bin"
    path.write_bytes(b"head" + data)
    decoder = VideoDecoder((path, 4, len(data)))
    kept = pickle.dumps(decoder)
    decoder[3]
    os.utime(path, ns=(1, 1))
    with pytest.raises(cycodec.StaleIndexError, match=r"shard\.bin.*new decoder"):
        decoder[3]
    with pytest.raises(cycodec.StaleIndexError, match=r"shard\.bin.*new decoder"):
        pickle.loads(kept)
