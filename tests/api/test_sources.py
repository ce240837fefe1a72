"""Paths, bytes, tensors, file-like objects and URLs give the same frames, whatever the file's name
is.
"""

import errno
import io
import os
import pathlib
import pickle

import audio_media
import media
import numpy as np
import oracle
import pytest
import torch

import cycodec
from cycodec.core.io.readahead import set_limits
from cycodec.decoders import AudioDecoder, VideoDecoder, get_container_metadata

# One file for each way to an index: sample tables, a header walk, fragments, scans, stamps.
NAMES = [
    "h264_plain.mp4",
    "h264.mkv",
    "h264_fragmented.mp4",
    "h264.ts",
    "h264.avi",
    "mpeg2.vob",
    "h264_annexb.h264",
    "still.png",
    "animation.gif",
]


class CountingFile:
    """A seekable file-like object that is neither an io.IOBase nor a real file. It counts the bytes
    read.
    """

    def __init__(self, data):
        self.data = data
        self.position = 0
        self.bytes_read = 0
        self.largest_read = 0

    def read(self, size):
        self.largest_read = max(self.largest_read, size)
        piece = self.data[self.position : self.position + size]
        self.position += len(piece)
        self.bytes_read += len(piece)
        return piece

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: len(self.data)}[whence]
        self.position = base + offset
        return self.position


class ShortReads(CountingFile):
    """Returns fewer bytes than requested, as sockets do."""

    def read(self, size):
        return super().read(min(size, 1 + size // 7))


class SilentSeek(CountingFile):
    """Its seek() returns nothing; only tell() gives the position."""

    def seek(self, offset, whence=os.SEEK_SET):
        super().seek(offset, whence)

    def tell(self):
        return self.position


class ReadsViews(CountingFile):
    """Its read() returns memoryviews and bytearrays instead of bytes."""

    def read(self, size):
        piece = super().read(size)
        return memoryview(piece) if self.position % 2 else bytearray(piece)


def memory_file(path):
    fsspec = pytest.importorskip("fsspec")
    filesystem = fsspec.filesystem("memory")
    name = f"/cycodec/{path.name}"
    with filesystem.open(name, "wb") as file:
        file.write(path.read_bytes())
    return filesystem.open(name, "rb")


KINDS = {
    "str": str,
    "Path": pathlib.Path,
    "url": lambda path: f"file:{path}",
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "tensor": lambda path: torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8),
    "array": lambda path: np.frombuffer(path.read_bytes(), np.uint8),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "file": lambda path: path.open("rb"),
    "raw file": lambda path: path.open("rb", buffering=0),
    "counting": lambda path: CountingFile(path.read_bytes()),
    "short reads": lambda path: ShortReads(path.read_bytes()),
    "silent seek": lambda path: SilentSeek(path.read_bytes()),
    "views": lambda path: ReadsViews(path.read_bytes()),
    "fsspec": memory_file,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_kind_gives_the_same_frames(name, kind):
    path = media.path(name)
    reference = oracle.reference(path)
    source = KINDS[kind](path)
    with VideoDecoder(source, dimension_order="NHWC") as decoder:
        assert [oracle.digest(frame) for frame in decoder] == list(reference.digests)
        for number in (reference.count - 1, 0, reference.count // 2):
            assert oracle.digest(decoder[number]) == reference.digests[number]
    assert [s.codec for s in get_container_metadata(KINDS[kind](path)).streams] == [
        s.codec for s in get_container_metadata(path).streams
    ]
    if hasattr(source, "close"):
        source.close()


NASTY_NAMES = [
    "with space.mp4",
    "-dash.mp4",
    "a:b.mp4",
    "http:x.mp4",
    "concat:a.mp4",
    "percent%03d.mp4",
    "100%.mp4",
    "%s%n.mp4",
    "quote'\"`$(x).mp4",
    "question?mark#hash&.mp4",
    "[brackets]{1..3}*.mp4",
    "back\\slash.mp4",
    "ümläut_日本語_🎬.mp4",
    "new\nline.mp4",
    "no_extension",
    "wrong_extension.txt",
    "wrong_extension.jpg",
    "wrong_extension.wav",
    "UPPER.MP4",
    "x" * 200 + ".mp4",
]


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_any_name_is_only_a_name(tmp_path, name, monkeypatch):
    path = media.path("h264_plain.mp4")
    copy = tmp_path / name
    copy.write_bytes(path.read_bytes())
    expected = oracle.reference(path).digests[5]
    monkeypatch.chdir(tmp_path)
    for source in (copy, str(copy), name, os.fsencode(copy) and pathlib.PosixPath(name)):
        with VideoDecoder(source, dimension_order="NHWC") as decoder:
            assert oracle.digest(decoder[5]) == expected


@pytest.mark.parametrize("name", ["percent%03d.png", "image1.png", "star*.png"])
def test_a_still_is_not_taken_for_a_sequence(tmp_path, name):
    """FFmpeg's image demuxer would expand patterns and continue with image2.png."""
    (tmp_path / name).write_bytes(media.path("still.png").read_bytes())
    for number in (1, 2, 3):
        (tmp_path / f"percent{number:03}.png").write_bytes(media.path("still.png").read_bytes())
        (tmp_path / f"star{number}.png").write_bytes(media.path("still.png").read_bytes())
        if not (tmp_path / f"image{number}.png").exists():
            (tmp_path / f"image{number}.png").write_bytes(media.path("still.png").read_bytes())
    with VideoDecoder(tmp_path / name, dimension_order="NHWC") as decoder:
        assert len(decoder) == 1
        assert oracle.digest(decoder[0]) == oracle.reference(media.path("still.png")).digests[0]


def test_a_directory_in_the_path_may_have_any_name(tmp_path):
    folder = tmp_path / "odd: dir %d [x]"
    folder.mkdir()
    copy = folder / "v.mp4"
    copy.write_bytes(media.path("h264_plain.mp4").read_bytes())
    assert len(VideoDecoder(copy)) == 75


def test_a_link_is_followed(tmp_path):
    link = tmp_path / "link.mp4"
    link.symlink_to(media.path("h264_plain.mp4"))
    assert len(VideoDecoder(link)) == 75


@pytest.mark.parametrize("name", ["h264_faststart.mp4", "h264_plain.mp4"])
def test_a_file_like_is_read_on_demand(name):
    """Opening reads the tables, and a frame reads its GOP; nothing reads the whole file in one
    call.
    """
    data = (
        media.path("h264_long_gop.mp4").read_bytes()
        if name == "h264_plain.mp4"
        else media.path(name).read_bytes()
    )
    file = CountingFile(data)
    with VideoDecoder(file) as decoder:
        assert len(decoder) > 40
        assert file.bytes_read < len(data)
        assert file.largest_read < 1 << 20
        decoder[0]


def test_a_file_like_starts_at_its_beginning():
    """A file-like object may be passed at any position."""
    file = io.BytesIO(media.path("h264_plain.mp4").read_bytes())
    file.seek(1000)
    assert len(VideoDecoder(file)) == 75


def test_a_file_like_stays_open():
    file = io.BytesIO(media.path("h264_plain.mp4").read_bytes())
    with VideoDecoder(file) as decoder:
        decoder[3]
    assert not file.closed


def test_two_decoders_may_share_bytes():
    data = media.path("h264_plain.mp4").read_bytes()
    one, other = VideoDecoder(data), VideoDecoder(data)
    for number in (60, 2, 33):
        assert torch.equal(one[number], other[74 - number]) == (number == 37)
        assert torch.equal(one[number], other[number])


def test_bytes_are_not_copied_and_kept_alive():
    buffer = bytearray(media.path("h264_plain.mp4").read_bytes())
    decoder = VideoDecoder(buffer)
    with pytest.raises(BufferError):
        buffer.append(0)  # it is still in use
    decoder.close()
    buffer.append(0)


def test_tensor_sources():
    data = torch.frombuffer(bytearray(media.path("h264_plain.mp4").read_bytes()), dtype=torch.uint8)
    assert torch.equal(VideoDecoder(data)[7], VideoDecoder(media.path("h264_plain.mp4"))[7])
    for wrong in (data.to(torch.int32), data.reshape(1, -1), data[:0], data[::2]):
        with pytest.raises((TypeError, ValueError)):
            VideoDecoder(wrong)


@pytest.mark.parametrize("wrong", [None, 5, 1.5, ["a.mp4"], {"path": 1}, object(), ("a", "b")])
def test_what_is_no_source_is_a_type_error(wrong):
    with pytest.raises(TypeError, match=r"source|path"):
        VideoDecoder(wrong)


def test_missing_file(tmp_path):
    path = tmp_path / "missing.mp4"
    for source in (path, str(path), f"file:{path}"):
        with pytest.raises(FileNotFoundError) as caught:
            VideoDecoder(source)
        assert isinstance(caught.value, cycodec.FFmpegError)
        assert isinstance(caught.value, RuntimeError)
        assert "missing.mp4" in str(caught.value)
        assert caught.value.errno in (errno.ENOENT, -errno.ENOENT)
        assert "missing.mp4" in caught.value.source


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="directory"):
        VideoDecoder(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "secret.mp4"
    path.write_bytes(media.path("h264_plain.mp4").read_bytes())
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"secret\.mp4"):
        VideoDecoder(path)


def test_null_in_a_path():
    with pytest.raises(ValueError, match="null"):
        VideoDecoder("a\0b.mp4")


def test_unknown_protocol():
    with pytest.raises(cycodec.FFmpegError, match="nosuch"):
        VideoDecoder("nosuch://host/video.mp4")


# ---- copies of a decoder ----


@pytest.mark.parametrize("kind", ["str", "Path", "bytes", "tensor"])
def test_pickles_carry_source_options_and_index(kind):
    path = media.path("h264.ts")
    decoder = VideoDecoder(KINDS[kind](path), dimension_order="NHWC", num_ffmpeg_threads=2)
    copy = pickle.loads(pickle.dumps(decoder))
    assert len(copy) == len(decoder)
    assert torch.equal(copy[::-3], decoder[::-3])
    assert copy.index.pts.tolist() == decoder.index.pts.tolist()


def test_a_pickle_of_a_file_like_is_refused():
    with pytest.raises(TypeError, match="file-like"):
        pickle.dumps(VideoDecoder(CountingFile(media.path("h264_plain.mp4").read_bytes())))


def test_errors_travel_between_processes():
    with pytest.raises(FileNotFoundError) as caught:
        VideoDecoder("/nowhere/at/all.mp4")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is type(caught.value)
    assert str(copy) == str(caught.value)
    assert copy.source == caught.value.source


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("kind", ["str", "bytes"])
def test_a_decoder_survives_fork(kind):
    path = media.path("h264_plain.mp4")
    digests = oracle.reference(path).digests
    decoder = VideoDecoder(KINDS[kind](path), dimension_order="NHWC")
    decoder[30]
    children = []
    for seed in range(3):
        child = os.fork()
        if child == 0:
            order = [(n * 7 + seed * 11) % 75 for n in range(30)]
            good = all(oracle.digest(decoder[n]) == digests[n] for n in order)
            os._exit(0 if good else 1)
        children.append(child)
    assert oracle.digest(decoder[31]) == digests[31]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert oracle.digest(decoder[2]) == digests[2]


class Far(io.BytesIO):
    """A file that counts each read as a round trip."""

    requests = 0
    bytes_read = 0

    def read(self, size=-1):
        self.requests += 1
        data = super().read(size)
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize(
    "name",
    [
        "h264_bench_camera_768x432_139s.mp4",
        "h264_long_1080p30_6min_lowbitrate.mp4",  # its sample tables are at the end
        "h264_startpts_10s.mp4",
        "vp8_bbb_720p_30s.webm",
        "h264_srt_subtitles.mkv",
        "h264_hls_segment_720p.ts",
        "mpeg4_720p.avi",
    ],
)
def test_opening_and_a_frame_of_a_far_file_take_few_requests(name):
    data = media.shared(name).read_bytes()
    file = Far(data)
    decoder = VideoDecoder(file)
    frame = decoder[0]
    assert file.requests < 10
    assert file.bytes_read <= 2 * len(data)
    assert torch.equal(frame, VideoDecoder(data)[0])
    last = len(decoder) - 1
    assert torch.equal(decoder[[last, 3]], VideoDecoder(data)[[last, 3]])


def test_a_far_file_is_not_read_beyond_need():
    """Reads that jump stay small: 64 KiB for each place."""
    name = "h264_bench_camera_768x432_139s.mp4"
    file = Far(media.shared(name).read_bytes())
    decoder = VideoDecoder(file)
    for number in (0, 500, 1000, 250):
        decoder[number]
    assert file.bytes_read < len(file.getbuffer()) / 2


def test_a_file_that_somebody_else_moves():
    file = Far(media.path("h264_plain.mp4").read_bytes())
    frames = VideoDecoder(media.path("h264_plain.mp4"))[:]
    decoder = VideoDecoder(file)
    set_limits(0, 0)  # nothing is kept
    try:
        for number in (5, 40, 20, 71):
            file.seek(number)
            assert torch.equal(decoder[number], frames[number])
    finally:
        set_limits()


def test_index_errors_name_the_source():
    path = media.path("h264_plain.mp4")
    decoder = VideoDecoder(path)
    for request in (
        lambda: decoder[75],
        lambda: decoder[-76],
        lambda: decoder[[3, 80]],
        lambda: decoder[0, 5],
        lambda: decoder[..., ...],
        lambda: decoder[torch.ones(3, dtype=torch.bool)],
        lambda: decoder["x"],
        lambda: decoder.get_frame_at(75),
        lambda: decoder.get_frames_at([75]),
        lambda: decoder.get_frame_played_at(100),
        lambda: decoder.get_frames_played_at([100]),
        lambda: decoder.t[100.0],
        lambda: VideoDecoder(path, seek_mode="approximate")[75],
        lambda: VideoDecoder(path, seek_mode="approximate").t[100.0],
    ):
        with pytest.raises(IndexError, match=r"h264_plain\.mp4: "):
            request()
    with pytest.raises(IndexError, match=r"^<\d+ bytes>: index 75 "):
        VideoDecoder(path.read_bytes())[75]
    sound = audio_media.path("flac.flac")
    audio = AudioDecoder(sound)
    length = len(audio)
    for request in (
        lambda: audio[length],
        lambda: audio[[length]],
        lambda: audio[torch.ones(3, dtype=torch.bool)],
        lambda: audio["x"],
        lambda: audio.t[100.0],
    ):
        with pytest.raises(IndexError, match=r"flac\.flac: "):
            request()
