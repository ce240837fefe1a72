"""Count, order and bytes of all frames equal those of ``ffmpeg -i FILE -pix_fmt rgb24``."""

from itertools import islice

import media
import oracle
import pytest
import torch

from cycodec.decoders import VideoDecoder

pytestmark = pytest.mark.usefixtures("oracle_version")

ALL = (*media.GENERATED, *media.SHARED_VIDEOS)

# Files that ffmpeg itself decodes wrongly: name -> (what is wrong, the right number of frames).
EXPECTED_DIFFERENCES: dict[str, tuple[str, int]] = {}

# The tests read a larger file frame by frame; they read only its beginning and its end as batches.
BATCH = 100_000_000


def reference_of(path, decoder):
    """Returns the oracle for the stream that the decoder chose."""
    return oracle.reference(path, decoder.stream_index)


def differences(digests, expected, name=""):
    """Returns the numbers of the first frames that differ, for a readable failure."""
    wrong = [n for n, (ours, theirs) in enumerate(zip(digests, expected, strict=False)) if ours != theirs]
    # reading rebuilds the index of such a file half-way, and continues from another place
    damaged = media.DAMAGED.get(name, ()) if name in media.REBUILT else ()
    return [n for n in wrong if n not in damaged][:10]


@pytest.fixture(params=ALL)
def opened(request):
    """Yields (name, path, decoder of NHWC frames, reference) of every file that ffmpeg decodes."""
    name = request.param
    path = media.locate(name)
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        reference = reference_of(path, decoder)
        assert reference.count, "ffmpeg decodes no frame of this file: it does not belong here"
        if name in EXPECTED_DIFFERENCES:
            reason, count = EXPECTED_DIFFERENCES[name]
            assert len(decoder) == count, reason
            pytest.skip(f"ffmpeg itself is wrong: {reason}")
        yield name, path, decoder, reference


def test_one_by_one(opened):
    name, _, decoder, reference = opened
    first = next(iter(decoder))
    assert first.dtype == torch.uint8
    assert tuple(first.shape) == (reference.height, reference.width, 3)
    if reference.complete:
        digests = [oracle.digest(frame) for frame in decoder]
        assert differences(digests, reference.digests, name) == []
        assert len(digests) == reference.count
    else:
        digests = [oracle.digest(frame) for frame in islice(decoder, 60)]
        assert differences(digests, reference.digests[:60]) == []
        last = reference.numbers[-1]
        assert oracle.digest(decoder[last]) == reference.digests[-1]
    assert len(decoder) == reference.count


def test_in_batches(opened):
    name, _, decoder, reference = opened
    assert len(decoder) == reference.count or name in media.REBUILT
    size_of_frame = reference.width * reference.height * 3
    if reference.complete and reference.count * size_of_frame <= BATCH:
        places = range(reference.count)
        batch = decoder.get_all_frames()
        assert tuple(batch.data.shape) == (reference.count, reference.height, reference.width, 3)
    else:
        some = BATCH // size_of_frame
        places = [*range(some), *range(len(reference.numbers) - 3, len(reference.numbers))]
        batch = decoder.get_frames_at([reference.numbers[place] for place in places])
    digests = [oracle.digest(frame) for frame in batch.data]
    assert differences(digests, [reference.digests[place] for place in places], name) == []
    assert batch.pts_seconds.dtype == batch.duration_seconds.dtype == torch.float64
    assert batch.pts_seconds.tolist() == sorted(batch.pts_seconds.tolist())
    least = 0 if name in media.EQUAL_TIMES else 1e-9
    assert bool((batch.duration_seconds >= least).all())
    assert len(decoder) == reference.count


@pytest.mark.parametrize("threads", [0, 2, 3])
@pytest.mark.parametrize(
    "name",
    media.names("""
    h264_bpyramid.mp4 h264_open_gop.ts h264_mbaff.mp4 hevc_open_gop.mp4 vp8_hidden.webm vp9_hidden.webm av1_aom.mkv
    mpeg2.ts mpeg4_bframes.avi mpeg4_packed_bframes.avi ffv1.mkv prores.mov h264_fields_reordered.ts
    ts_cut_start_open_gop.ts
    """),
)
def test_threads_change_nothing(name, threads):
    path = media.path(name)
    for options in ({"num_ffmpeg_threads": threads}, {"num_threads": threads or None}):
        with VideoDecoder(path, dimension_order="NHWC", **options) as decoder:
            reference = reference_of(path, decoder)
            digests = [oracle.digest(frame) for frame in decoder]
            assert differences(digests, reference.digests) == [], options
            assert len(digests) == reference.count
            backwards = [oracle.digest(frame) for frame in decoder[::-1]]
            assert backwards == digests[::-1], options


@pytest.mark.parametrize("name", ["two_videos.mp4", "two_videos.mkv", "two_videos.ts"])
def test_every_video_stream(name):
    path = media.path(name)
    sizes = set()
    for stream in (0, 1):
        with VideoDecoder(path, stream_index=stream, dimension_order="NHWC") as decoder:
            assert decoder.stream_index == stream
            reference = oracle.reference(path, stream)
            assert len(decoder) == reference.count
            assert [oracle.digest(frame) for frame in decoder] == list(reference.digests)
            sizes.add(tuple(decoder[0].shape))
    assert sizes == {(96, 128, 3), (48, 64, 3)}


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_plain.mp4 hevc_10bit.mp4 ffv1_odd_121x81.mkv rot90.mp4 raw_rgb24.nut
    """
    ),
)
def test_dimension_orders_hold_the_same(name):
    path = media.path(name)
    rows_last = VideoDecoder(path)
    rows_first = VideoDecoder(path, dimension_order="NHWC")
    assert torch.equal(rows_last[:].permute(0, 2, 3, 1), rows_first[:])
    assert torch.equal(rows_last[3].permute(1, 2, 0), rows_first[3])
    frame = rows_last.get_frame_at(2)
    assert frame.data.ndim == 3
    assert frame.data.shape[0] == 3


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    resolution_change.h264 resolution_change.ts resolution_change.m2v resolution_change.mkv
    """
    ),
)
def test_frames_of_another_size_are_scaled_to_the_first(name):
    with VideoDecoder(media.path(name)) as decoder:
        shapes = {tuple(frame.shape) for frame in decoder}
        assert shapes == {tuple(decoder[-1].shape)}
        assert decoder[:].shape[0] == len(decoder)
