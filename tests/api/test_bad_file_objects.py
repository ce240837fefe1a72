"""File-like objects that raise, lie, shrink or never end: their exception comes out, the decoder
stays usable.
"""

import contextlib
import io
import os

import media
import oracle
import pytest
import recipes
from refusal import refused

import cycodec
from cycodec.core.io.readahead import set_limits
from cycodec.decoders import AudioDecoder, VideoDecoder


@pytest.fixture(autouse=True)
def every_read_counts():
    """Switches off the read-ahead, which would read these small files whole and keep them."""
    set_limits(0, 0)
    yield
    set_limits()


class Misbehaving(io.BytesIO):
    """A file-like object that behaves well until `trouble` is set; then `read_badly` answers."""

    trouble = False
    reads = 0

    def __init__(self, data, after=None):
        super().__init__(data)
        self.after = after

    def read(self, size=-1):
        self.reads += 1
        if self.trouble or (self.after is not None and self.reads > self.after):
            return self.read_badly(size)
        return super().read(size)

    def read_badly(self, size):
        raise NotImplementedError


class Raises(Misbehaving):
    def read_badly(self, size):
        raise OSError(5, "the disk is on fire")


class Interrupted(Misbehaving):
    def read_badly(self, size):
        raise KeyboardInterrupt


class ReadsTooMuch(Misbehaving):
    def read_badly(self, size):
        return bytes(size + 1000)


class ReadsText(Misbehaving):
    def read_badly(self, size):
        return "text"


class ReadsNothing(Misbehaving):
    def read_badly(self, size):
        return None


class ReadsNumbers(Misbehaving):
    def read_badly(self, size):
        return 5


TROUBLES = [
    (Raises, OSError, "on fire"),
    (Interrupted, KeyboardInterrupt, None),
    (ReadsTooMuch, ValueError, "more than"),
    (ReadsText, TypeError, "rb"),
    (ReadsNothing, (BlockingIOError, TypeError), "None"),
    (ReadsNumbers, TypeError, "int|bytes|buffer"),
]


@pytest.mark.parametrize(("behaviour", "kind", "message"), TROUBLES)
@pytest.mark.parametrize("name", ["h264_plain.mp4", "h264.mkv", "h264.ts"])
def test_reads_that_go_wrong_while_opening(behaviour, kind, message, name):
    for after in range(2 if name == "h264.mkv" else 3):  # opening needs no more reads
        with pytest.raises(kind, match=message):
            VideoDecoder(behaviour(media.path(name).read_bytes(), after=after))


@pytest.mark.parametrize(("behaviour", "kind", "message"), TROUBLES)
@pytest.mark.parametrize("name", ["h264_long_gop.mp4", "h264.mkv", "h264.ts"])
def test_reads_that_go_wrong_while_decoding(behaviour, kind, message, name):
    """The object's own exception comes out. The decoder works again when the object does."""
    path = media.path(name)
    digests = oracle.reference(path).digests
    file = behaviour(path.read_bytes())
    decoder = VideoDecoder(file, dimension_order="NHWC")
    assert oracle.digest(decoder[0]) == digests[0]
    file.trouble = True
    for _ in range(2):
        with pytest.raises(kind, match=message):
            decoder[::-1]
    file.trouble = False
    numbers = (len(digests) - 1, 0, len(digests) // 2)
    assert [oracle.digest(decoder[n]) for n in numbers] == [digests[n] for n in numbers]
    assert [oracle.digest(frame) for frame in decoder] == list(digests)


def test_a_stream_without_bytes():
    class Stream:
        def read(self, size):
            return b""

    with pytest.raises(cycodec.InvalidDataError, match="Stream"):
        VideoDecoder(Stream())
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(cycodec.InvalidDataError, match="BufferedReader"):
        VideoDecoder(pipe)


@pytest.mark.parametrize("answer", ["text", -5, 2**70, 1.5, b""])
def test_seeks_that_go_wrong(answer):
    class Confused(io.BytesIO):
        confused = False

        def seek(self, offset, whence=os.SEEK_SET):
            position = super().seek(offset, whence)
            return answer if self.confused else position

    path = media.path("h264_long_gop.mp4")
    file = Confused(path.read_bytes())
    decoder = VideoDecoder(file, dimension_order="NHWC")
    decoder[100]
    digests = oracle.reference(path).digests
    file.confused = True
    try:
        frame = decoder[0]
    except (TypeError, ValueError, OverflowError, cycodec.FFmpegError):
        pass
    else:  # nothing used the answer
        assert oracle.digest(frame) == digests[0]
    file.confused = False
    assert oracle.digest(decoder[0]) == digests[0]
    assert oracle.digest(decoder[150]) == digests[150]


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_long_gop.mp4 h264.mkv h264.ts mpeg2.vob
    """
    ),
)
def test_a_file_that_shrinks_while_it_is_read(tmp_path, name):
    path = tmp_path / f"shrinking_{name}"
    data = media.path(name).read_bytes()
    path.write_bytes(data)
    digests = oracle.reference(media.path(name)).digests
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        decoder[0]
        os.truncate(path, len(data) // 3)
        for key in (slice(None, None, -1), len(digests) - 1, 0):
            with pytest.raises(cycodec.StaleIndexError, match=r"shrinking.* has \d+ bytes now.*new decoder"):
                decoder[key]
        path.write_bytes(data)
        with pytest.raises(cycodec.StaleIndexError, match=r"shrinking.*written to"):
            decoder[0]
    assert oracle.digest(VideoDecoder(path, dimension_order="NHWC")[len(digests) - 1]) == digests[-1]


def test_an_endless_file():
    class Endless:
        position = 0
        total = 0

        def read(self, size):
            self.position += size
            self.total += size
            assert self.total < 200_000_000, "read without end"
            return bytes(size)

        def seek(self, offset, whence=os.SEEK_SET):
            self.position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: 2**50}[whence]
            return self.position

    refused(Endless(), "Endless")


def test_a_closed_file(tmp_path):
    with open(media.path("h264_plain.mp4"), "rb") as file:
        pass
    with pytest.raises(ValueError, match="closed"):
        VideoDecoder(file)


def test_a_file_closed_behind_the_decoders_back():
    class File(io.BytesIO):
        pass

    file = File(media.path("h264_long_gop.mp4").read_bytes())
    decoder = VideoDecoder(file)
    decoder[0]
    file.close()
    with pytest.raises(ValueError, match="closed"):
        decoder[::-1]


@pytest.mark.parametrize("kind", ["BytesIO", "open file"])
def test_a_closed_file_whose_bytes_the_decoder_has(kind):
    path = media.path("h264_long_gop.mp4")
    with io.BytesIO(path.read_bytes()) if kind == "BytesIO" else path.open("rb") as file:
        decoder = VideoDecoder(file, dimension_order="NHWC")
    assert [oracle.digest(frame) for frame in decoder] == list(oracle.reference(path).digests)


def test_a_text_file_object(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("hello")
    with open(path) as file, pytest.raises(TypeError, match="rb"):
        VideoDecoder(file)


def test_a_source_that_calls_its_decoder():
    class Recursive(io.BytesIO):
        decoder = None

        def read(self, size=-1):
            if self.decoder is not None:
                self.decoder[0]
            return super().read(size)

    file = Recursive(media.path("h264_long_gop.mp4").read_bytes())
    decoder = VideoDecoder(file)
    decoder[0]
    file.decoder = decoder
    with pytest.raises(RuntimeError, match="decoder"):
        decoder[::-1]
    file.decoder = None
    assert decoder[170].shape[0] == 3


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.m4a", "aac"), ("x.mkv", "libopus"), ("x.mp3", "libmp3lame"), ("x.flac", "flac"), ("x.ts", "mp2")],
)
def test_audio_that_cannot_be_opened_again_for_a_while(tmp_path, name, codec):
    """Windows need the source anew. One that fails once serves the next window."""
    path = tmp_path / name
    recipes.run("-f", "lavfi", "-i", "sine=r=48000:d=3", "-c:a", codec, path)
    with AudioDecoder(path) as decoder:
        truth = decoder.get_all_samples().data
    for gaps in ("silence", "skip"):
        for first in (0, 20_000, 90_000):
            file = Raises(path.read_bytes())
            with AudioDecoder(file, gaps=gaps) as decoder:
                decoder[first : first + 10]
                for start in (60_000, 0, 100_000, 30_000):
                    file.trouble = True
                    for part in (slice(10), slice(start, start + 10), slice(-10, None)):
                        with contextlib.suppress(OSError):
                            decoder[part]
                    assert decoder.metadata.sample_rate == 48000
                    file.trouble = False
                    window = decoder[start : start + 10]
                    assert window.shape == (1, 10)
                    assert (window - truth[:, start : start + 10]).abs().max() < 1e-3
