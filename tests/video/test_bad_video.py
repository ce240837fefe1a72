"""Files that lack a video, are cut off or damaged: an FFmpegError names file and remedy, or
ffmpeg's frames come.
"""

import io
import json
import struct

import media
import numpy as np
import oracle
import pytest
import recipes
import torch
from refusal import refused

from cycodec.core.io.readahead import set_limits
from cycodec.decoders import VideoDecoder, get_container_metadata

READ_SINCE = {"heic_still.heic": (7, 1), "webp_animated.webp": (9, 0)}


@pytest.mark.parametrize("name", media.NOT_VIDEOS)
def test_shared_files_without_a_picture(name):
    path = media.shared(name)
    if oracle.version() >= READ_SINCE.get(name, (99, 0)):
        frames = VideoDecoder(path, dimension_order="NHWC")[:]
        assert [oracle.digest(frame) for frame in frames] == list(oracle.reference(path).digests)
        return
    error = refused(path, name)
    assert error.source
    refused(path.read_bytes(), "bytes")


@pytest.mark.parametrize(
    "name", ["bad_fmp4_huge_duration.mp4", "bad_invalid_nalu.mp4", "bad_missing_stsd.mp4"]
)
def test_shared_files_that_ffmpeg_decodes(name):
    path = media.shared(name)
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        reference = oracle.reference(path, decoder.stream_index)
        assert [oracle.digest(frame) for frame in decoder.get_all_frames().data] == list(reference.digests)
        assert len(decoder) == reference.count


GARBAGE = np.random.default_rng(6).integers(0, 256, 100_000, np.uint8).tobytes()
NO_VIDEO = {
    "empty": b"",
    "one byte": b"\0",
    "zeros": bytes(100_000),
    "garbage": GARBAGE,
    "text": b"Never gonna give you up\n" * 1000,
    "short text": b"hello",
    "json": json.dumps({"frames": list(range(1000))}).encode(),
    "html": b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>",
    "a playlist": b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "an ELF file": b"\x7fELF" + GARBAGE[:5000],
    "a zip": b"PK\3\4" + GARBAGE[:5000],
    "ftyp alone": struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom"),
    "an EBML header alone": bytes.fromhex("1a45dfa39342868101"),
    "RIFF alone": b"RIFF\xff\xff\xff\x7fAVI LIST",
    "a TS sync byte now and then": (b"\x47" + bytes(187)) * 300,
}


@pytest.mark.parametrize("ending", [".mp4", ".txt", ".h264", ".ts", ".png"])
@pytest.mark.parametrize("what", NO_VIDEO)
def test_no_video_at_all(tmp_path, what, ending):
    path = tmp_path / f"bad{ending}"
    path.write_bytes(NO_VIDEO[what])
    refused(path, f"bad{ending}")


@pytest.mark.parametrize("what", NO_VIDEO)
def test_no_video_in_memory(what):
    refused(NO_VIDEO[what], "bytes")
    refused(io.BytesIO(NO_VIDEO[what]), "BytesIO")


def test_a_directory(tmp_path):
    error = refused(tmp_path, tmp_path.name, IsADirectoryError)
    assert "file" in str(error)


def test_moov_cut_off(tmp_path):
    data = media.path("h264_plain.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    for part in (0.1, 0.6, 0.95):
        path.write_bytes(data[: int(len(data) * part)])
        refused(path, "cut.mp4", ValueError)


@pytest.mark.parametrize(
    "name",
    media.names("""
    h264_plain.mp4 h264_faststart.mp4 h264.mkv h264.ts h264.avi mpeg2.vob h264_annexb.h264
    animation.gif vp9.webm theora.ogv
    """),
)
def test_cut_anywhere(tmp_path, name):
    """Every prefix of a file decodes as far as with ffmpeg, or is refused."""
    data = media.path(name).read_bytes()
    path = tmp_path / f"cut_{name}"
    for size in [*range(0, 300, 37), *(len(data) * part // 9 for part in range(1, 9))]:
        path.write_bytes(data[:size])
        count = oracle.reference(path).count
        if not count:
            refused(path, "cut_")
            continue
        with VideoDecoder(path) as decoder:
            assert len(list(decoder)) == count, size
            assert len(decoder) == count


def test_audio_only(tmp_path):
    path = tmp_path / "audio.mp4"
    recipes.run("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", path)
    error = refused(path, "audio.mp4", LookupError)
    assert "video" in str(error)
    assert "audio" in str(error)  # what there is instead
    assert get_container_metadata(path).best_video_stream is None


def test_an_empty_stream():
    """A track without a single sample."""
    path = media.shared("mp4_empty_second_video_track.mp4")
    refused(path, "mp4_empty_second_video_track.mp4", stream_index=1)
    assert len(VideoDecoder(path)) == 30


def test_a_file_of_headers_alone(tmp_path):
    for name, size in (("h264_no_cues.mkv", 600), ("mpeg4_bframes.avi", 5700), ("h264_fragmented.mp4", 800)):
        path = tmp_path / f"headers_{name}"
        path.write_bytes(media.path(name).read_bytes()[:size])
        refused(path, "headers_")


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    ts_hole_mpeg2.ts ts_hole_h264.ts avi_cut_end.avi h264_dead_frame.mp4 faststart_cut_end.mp4
    """
    ),
)
def test_masked_damage(name):
    path = media.path(name)
    with VideoDecoder(path, dimension_order="NHWC", on_error="mask") as decoder:
        batch = decoder.get_all_frames()
        reference = oracle.reference(path, decoder.stream_index)
        assert batch.valid.dtype == torch.bool
        assert tuple(batch.valid.shape) == (len(batch.data),)
        good = [oracle.digest(f) for f, valid in zip(batch.data, batch.valid, strict=True) if valid]
        assert set(good) <= set(reference.digests)
        assert len(good) >= reference.count // 2
        bad = (~batch.valid).nonzero()[:, 0].tolist()
        assert bad or name in ("ts_hole_h264.ts", "faststart_cut_end.mp4")
        assert all(torch.equal(batch.data[n], batch.data[n - 1]) for n in bad if n)
    with VideoDecoder(path) as decoder:
        assert decoder.get_frames_at([0]).valid is None


def test_masked_frames_repeat_the_last_good_one():
    """All frames of an intact file are valid; those that are lost after it shrank are filled."""
    data = media.path("h264_long_gop.mp4").read_bytes()

    class Shrinking(io.BytesIO):
        pass

    file = Shrinking(data)
    set_limits(0, 0)  # otherwise the read-ahead keeps the whole file
    try:
        with VideoDecoder(file, on_error="mask") as decoder:
            assert decoder.get_all_frames().valid.all()
            file.truncate(len(data) // 2)
            batch = decoder.get_frames_at(range(0, 180, 10))
    finally:
        set_limits()
    assert not batch.valid.all()
    first_bad = batch.valid.tolist().index(False)
    assert first_bad > 0
    assert torch.equal(batch.data[first_bad], batch.data[first_bad - 1])


def test_audio_files_are_valid_throughout():
    with VideoDecoder(media.path("h264_plain.mp4"), on_error="mask") as decoder:
        assert decoder.get_frames_at([5, 1, 70]).valid.tolist() == [True, True, True]
        assert decoder.get_frames_at([]).valid.tolist() == []
