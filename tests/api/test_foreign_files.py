"""Files that FFmpeg does not read: the error says what they are, and calls none of them damaged."""

import gzip
import io
import json
import tarfile
import zipfile

import media
import numpy as np
import pytest
import recipes
from PIL import Image

import cycodec
from cycodec.core.container.demux import Demuxer
from cycodec.core.io.source import IOContext
from cycodec.decoders import AudioDecoder, VideoDecoder


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "text")
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return buffer.getvalue()


def array():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(100))
    return buffer.getvalue()


def moving_webp():
    buffer = io.BytesIO()
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    pictures[0].save(buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=100)
    return buffer.getvalue()


FOREIGN = {
    "zip": (zipped(), "a ZIP archive"),
    "gzip": (gzip.compress(bytes(1000)), "a gzip archive"),
    "tar": (tarred(), "a tar archive"),
    "numpy": (array(), "an array of NumPy"),
    "pdf": (b"%PDF-1.7\n" + bytes(1000), "a PDF document"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(1000), "an HDF5 file"),
    "parquet": (b"PAR1" + bytes(1000), "a Parquet file"),
    "html": (b"<!DOCTYPE html>\n<html><body>404</body></html>" + b" " * 900, "an HTML page"),
    "json": (json.dumps({"a": [1.5] * 300}).encode(), "a text file"),
    "python": (b"import os\n" * 100, "a text file"),
    "utf8": ("gr\u00fc\u00df dich\n".encode() * 1000, "a text file"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "git lfs pull"),
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"><rect width="8" height="6" fill="red"/></svg>'
UNSUPPORTED = {
    "midi": (b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(50), "a MIDI file"),
}


@pytest.mark.parametrize("kind", [VideoDecoder, AudioDecoder])
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("as_path", [True, False])
def test_foreign_file(kind, name, as_path, tmp_path):
    data, words = FOREIGN[name]
    (tmp_path / name).write_bytes(data)
    source = tmp_path / name if as_path else data
    with pytest.raises(cycodec.InvalidDataError, match="not a media file") as error:
        kind(source)
    assert words in str(error.value)
    assert "damaged" not in str(error.value)
    assert (str(tmp_path / name) if as_path else "bytes") in str(error.value)


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_file(name):
    data, words = UNSUPPORTED[name]
    with pytest.raises(cycodec.UnsupportedError, match="not supported") as error:
        VideoDecoder(data)
    assert words in str(error.value)
    assert "damaged" not in str(error.value)


def test_svg(tmp_path):
    """FFmpeg 7.1 and later read SVG without an XML declaration, if they have librsvg."""
    path = tmp_path / "drawing"
    path.write_bytes(SVG)
    pixels = recipes.run("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-", check=False).stdout
    if pixels:
        frame = VideoDecoder(path, dimension_order="NHWC")[0]
        assert frame.numpy().tobytes() == pixels
        return
    with pytest.raises(cycodec.UnsupportedError, match="an SVG drawing"):
        VideoDecoder(path)


class WithoutDecoders(Demuxer):
    """A demuxer of an FFmpeg that has no decoder of what the file holds."""

    def best_stream(self, media_type):
        return None


@pytest.mark.parametrize("begin", [b'<?xml version="1.0"?>\n', b""])
def test_svg_without_a_decoder(begin):
    """The demuxer may know SVG where no decoder does; the error is the same."""
    with pytest.raises(cycodec.UnsupportedError, match="an SVG drawing"):
        WithoutDecoders(IOContext(begin + SVG)).select_video()


def test_moving_webp(tmp_path):
    """FFmpeg 9 decodes it."""
    path = tmp_path / "moving.webp"
    path.write_bytes(moving_webp())
    pixels = recipes.run("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-", check=False).stdout
    if pixels:
        frames = VideoDecoder(moving_webp(), dimension_order="NHWC")[:]
        assert frames.shape == (3, 32, 32, 3)
        assert frames.numpy().tobytes() == pixels
        return
    with pytest.raises(cycodec.UnsupportedError, match="an animated WebP image"):
        VideoDecoder(moving_webp())


def test_still_heic():
    try:
        assert VideoDecoder(media.locate("heic_still.heic"))[0].ndim == 3
    except cycodec.UnsupportedError as error:
        assert cycodec.ffmpeg_major_version < 8
        assert "a HEIC image" in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("kind", [VideoDecoder, AudioDecoder])
def test_empty_file(kind, tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    for source in (path, b""):
        with pytest.raises(cycodec.InvalidDataError, match="empty") as error:
            kind(source)
        assert "damaged" not in str(error.value)


def test_saved_index_as_source():
    index = VideoDecoder(media.locate("h264_plain.mp4")).index
    with pytest.raises(cycodec.InvalidDataError, match="pass the video as source, and this as index="):
        VideoDecoder(index.to_bytes())


def test_noise_may_be_damaged():
    noise = np.random.default_rng(1).integers(0, 256, 5000, np.uint8)
    with pytest.raises(cycodec.InvalidDataError, match="may be damaged"):
        VideoDecoder(noise.tobytes())
