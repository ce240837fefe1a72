"""Streams whose pictures change their size: all frames have the size of frame 0."""

import random

import first_reads
import oracle
import pytest
import recipes
import sample_tables

from cycodec import FrameIndex
from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")


def encoded(path, size, encoder, *options, frames=12):
    source = f"testsrc2=s={size}:r=25,noise=alls=6:allf=t"
    recipes.run(
        "-f", "lavfi", "-i", source, "-frames:v", str(frames), "-c:v", *encoder.split(), *options, path
    )
    return path.read_bytes()


@pytest.mark.parametrize("sizes", ["64x48 96x64", "96x64 64x48", "64x48 96x64 64x48"])
@pytest.mark.parametrize("frames", [7, 12])
def test_mpeg4_forgets_a_picture(tmp_path, sizes, frames):
    """The decoder of MPEG-4 drops the picture that B-frames delay where the size changes."""
    parts = [tmp_path / f"{number}.ts" for number in range(len(sizes.split()))]
    for part, size in zip(parts, sizes.split(), strict=True):
        encoded(part, size, "mpeg4 -bf 2 -g 6", frames=frames)
    names = tmp_path / "names.txt"
    names.write_text("".join(f"file '{part.name}'\n" for part in parts))
    path = tmp_path / "clip.ts"
    recipes.run("-f", "concat", "-i", names, "-c", "copy", path)
    assert len(first_reads.frames_of(path)) < frames * len(parts)
    outcome = first_reads.read(path, random.Random(1))
    assert outcome.reads
    assert not outcome.wrong


@pytest.mark.parametrize("encoder", ["libx264", "mjpeg -pix_fmt yuvj420p"])
@pytest.mark.parametrize("is_saved", [False, True])
@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_header_states_the_size_of_later_frames(tmp_path, encoder, is_saved, mode):
    """A first read of a later frame does not prove the size in the header."""
    if is_saved and mode == "approximate":
        pytest.skip("approximate mode uses no index")
    path = tmp_path / "clip.mp4"
    scale = ["-g", "6", "-video_track_timescale", "12800"]
    parts = [encoded(tmp_path / f"{size}.mp4", size, encoder, *scale) for size in ("64x48", "96x64")]
    path.write_bytes(sample_tables.joined(*parts))
    truth = first_reads.frames_of(path)
    options = {"dimension_order": "NHWC", "seek_mode": mode}
    if is_saved:
        with VideoDecoder(path) as decoder:
            options["index"] = FrameIndex.from_bytes(decoder.index.to_bytes())
    with VideoDecoder(path, **options) as decoder:
        assert oracle.digest(decoder[18]) == truth[18]
        assert decoder[18].shape == (48, 64, 3)


@pytest.mark.parametrize("extension", ["nut", "asf"])
def test_mpeg4_with_the_headers_of_other_pictures(tmp_path, extension):
    """A fresh decoder of MPEG-4 finds the damage of pictures that do not fit the first header.

    The decoder excuses pictures that do not end with their packet until it has seen others.
    """
    parts = [tmp_path / f"{number}.{extension}" for number in range(2)]
    for part, size in zip(parts, ("64x48", "96x64"), strict=True):
        encoded(part, size, "mpeg4 -g 6 -threads 1")
    names = tmp_path / "names.txt"
    names.write_text("".join(f"file '{part.name}'\n" for part in parts))
    path = tmp_path / f"clip.{extension}"
    recipes.run("-f", "concat", "-i", names, "-c", "copy", path)
    outcome = first_reads.read(path, random.Random(1))
    assert outcome.reads
    assert not outcome.wrong
    with VideoDecoder(path, on_error="mask") as decoder:
        valid = decoder.get_frames_in_range(0, len(decoder)).valid.tolist()
    assert not all(valid)
    for number, is_valid in enumerate(valid):
        with VideoDecoder(path, on_error="mask") as decoder:
            assert decoder.get_frames_at([number]).valid.tolist() == [is_valid], number


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_pictures_are_larger_than_the_limit(tmp_path, order):
    """They give no frames, so that the header states the size of none; frame 0 has another one.

    The decoder of MPEG-2 keeps 280 rows with a border, which count, too.
    """
    parts = [
        encoded(tmp_path / f"{size}.m2v", size, "mpeg2video -g 6 -bf 2", "-f", "mpeg2video")
        for size in ("256x32", "64x48")
    ]
    with VideoDecoder(b"".join(parts), max_pixels=80_000, dimension_order="NHWC") as decoder:
        numbers = list(range(len(decoder)))[::order]
        assert numbers
        if order > 0:
            assert (decoder.metadata.width, decoder.metadata.height) == (64, 48)
        assert {tuple(decoder[number].shape) for number in numbers} == {(48, 64, 3)}
        assert (decoder.metadata.width, decoder.metadata.height) == (64, 48)
