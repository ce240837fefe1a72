"""Cropping that the container asks for: MP4's `clap` and Matroska's `PixelCrop`.

The ffmpeg command crops since version 7.1; cycodec does what the version in use does.
"""

import media
import oracle
import pytest
import torch

import cycodec
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

CROPS = oracle.version() >= (7, 1)
STORED = {"clap_444.mp4": (81, 121)}
# log2 of the columns and rows that share a chroma sample
SHARED = {"clap_444.mp4": (0, 0), "clap_422_10bit.mp4": (1, 0)}


def expected_size(name):
    height, width = STORED.get(name, (80, 128))
    if not CROPS:
        return height, width
    left, right, top, bottom = media.CROPPED[name]
    across, down = SHARED.get(name, (1, 1))
    return (height - top - bottom) >> down << down, (width - left - right) >> across << across


@pytest.mark.parametrize("name", media.CROPPED)
def test_frames_are_those_of_the_command(name):
    path = media.path(name)
    reference = oracle.reference(path)
    metadata = VideoDecoder(path).metadata
    assert (metadata.height, metadata.width) == (reference.height, reference.width) == expected_size(name)
    for order in (range(25), (24, 3, 17)):
        decoder = VideoDecoder(path, dimension_order="NHWC")
        assert [oracle.digest(decoder[i]) for i in order] == [reference.digests[i] for i in order]


@pytest.mark.parametrize("name", media.CROPPED)
def test_float_frames(name):
    path = media.path(name)
    decoder = VideoDecoder(path, dimension_order="NHWC", output_dtype=torch.float32)
    assert torch.equal(decoder[:], torch.from_numpy(oracle.floats(path, *expected_size(name))))


def test_cropping_comes_before_rotation():
    path = media.path("clap_turned.mp4")
    reference = oracle.reference(path)
    decoder = VideoDecoder(path, dimension_order="NHWC")
    assert (reference.height, reference.width) == ((104, 74) if CROPS else (128, 80))
    assert [oracle.digest(frame) for frame in decoder] == list(reference.digests)


def test_regions_and_transforms_count_from_the_cropped_frame():
    path = media.path("clap_even.mp4")
    height, width = expected_size("clap_even.mp4")
    whole = VideoDecoder(path, transforms=[Resize((height, width))])[5]
    assert torch.equal(whole, VideoDecoder(path)[5])
    decoder = VideoDecoder(path)
    assert torch.equal(decoder[5, :, 10:30, 7:50], whole[:, 10:30, 7:50])
    assert decoder.metadata.rotation is None


def test_approximate_mode_crops():
    path = media.path("pixel_crop_even.mkv")
    approximate = VideoDecoder(path, seek_mode="approximate")
    assert torch.equal(approximate[7], VideoDecoder(path)[7])


def test_several_threads_crop():
    path = media.path("clap_odd.mp4")
    threaded = VideoDecoder(path, num_ffmpeg_threads=4)
    assert torch.equal(threaded[:], VideoDecoder(path)[:])


def test_cuts_that_leave_nothing_are_an_error():
    path = media.path("pixel_crop_all.mkv")
    reference = oracle.reference(path)
    assert (reference.count == 0) == CROPS
    if CROPS:
        with pytest.raises(cycodec.InvalidDataError, match="pixel_crop_all"):
            VideoDecoder(path)[0]
    else:
        frames = VideoDecoder(path, dimension_order="NHWC")
        assert [oracle.digest(frame) for frame in frames] == list(reference.digests)
