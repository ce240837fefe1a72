"""Time: the frames that are played at an instant, in a range, at a rate; on files with unusual
times.
"""

import math

import media
import numpy as np
import oracle
import pytest
import torch

from cycodec.decoders import VideoDecoder

# Files with uneven, shifted, cut or wrapped times.
TIMED = media.names("""
h264_plain.mp4 h264_bpyramid.mp4 h264_negative_offsets.mp4 h264.mkv h264.ts h264.flv h264_fragmented.mp4 h264_no_cues.mkv
h264_one_frame.mp4 hevc_open_gop.mp4 vp8_hidden.webm vp9_hidden.webm mpeg2.vob mpeg1.mpg wmv2.wmv animation.gif
vfr_dropped.mp4 vfr_dropped.mkv vfr_jitter.mp4 vfr_jitter.ts vfr_slow.webm ntsc.mp4 one_frame_a_minute.mp4 fast_240.mkv
starts_at_10s.mp4 starts_at_10s.mkv starts_at_1000s.ts starts_below_zero.mp4 clock_wraps.ts
late_video.mp4 edit_inside_gop.mp4 edit_open_gop.mp4 edit_sound.mp4 edit_to.mp4 cut_at_end.mp4 cut_inside_gop.mkv
edit_gap_before.mp4 edit_between_frames.mp4 h264_fields.ts ts_cut_start.ts
h264_vfr_rot180_camera.mp4 h264_startpts_10s.mp4 mkv_chapters_negative_start.mkv h264_start1.4s.ts h264_srt_subtitles.mkv
h264_editlist_iibbibb.mp4 vp9_alpha_no_duration.webm h264_hls_segment_720p.ts
""")


@pytest.fixture(scope="module", params=TIMED)
def timed(request):
    """Yields (path, decoder) of a file of TIMED."""
    path = media.locate(request.param)
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        yield path, decoder


@pytest.fixture
def uneven():
    with VideoDecoder(media.path("vfr_jitter.mp4"), dimension_order="NHWC") as decoder:
        yield decoder


def some(count, most=40):
    """Returns up to `most` numbers below `count`, with the first and the last ones among them."""
    if count <= most:
        return range(count)
    return sorted({*range(4), *range(count - 4, count), *range(0, count, -(-count // (most - 8)))})


def intervals(decoder):
    """Returns [begin, end) of every frame in seconds, from the index."""
    index = decoder.index
    begins = [float(pts * index.time_base) for pts in index.pts.tolist()]
    ends = [
        float((pts + duration) * index.time_base)
        for pts, duration in zip(index.pts.tolist(), index.durations.tolist(), strict=True)
    ]
    return begins, ends


def test_frames_begin_when_ffprobe_says(timed):
    path, decoder = timed
    theirs = oracle.frame_times(path, decoder.stream_index)
    ours, _ = intervals(decoder)
    assert len(ours) == len(theirs)
    assert None not in theirs
    assert ours == pytest.approx(theirs, abs=2e-6)
    for number in some(len(decoder), 12):
        frame = decoder.get_frame_at(number)
        assert frame.pts_seconds == pytest.approx(theirs[number], abs=2e-6)


def test_a_stream_is_covered_without_gaps(timed):
    """Durations are positive, and a frame is played until the next one begins."""
    _, decoder = timed
    begins, ends = intervals(decoder)
    assert all(begin < end for begin, end in zip(begins, ends, strict=True))
    assert ends[:-1] == pytest.approx(begins[1:], abs=1e-9)
    assert begins[0] == decoder.metadata.begin_stream_seconds
    assert ends[-1] == decoder.metadata.end_stream_seconds


@pytest.mark.slow
def test_every_boundary(timed):
    """The instants are a frame's start, its middle, and the last float before the next frame."""
    _, decoder = timed
    begins, ends = intervals(decoder)
    index = decoder.index
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        assert index.index_at(begin) == number
        assert index.index_at(math.nextafter(end, -math.inf)) == number
        assert index.index_at((begin + end) / 2) == number
    for number in some(len(begins), 10):
        begin, end = begins[number], ends[number]
        for instant in (begin, math.nextafter(end, -math.inf), (begin + end) / 2):
            frame = decoder.get_frame_played_at(instant)
            assert frame.pts_seconds == begin
            assert frame.duration_seconds == pytest.approx(end - begin, abs=1e-9)
            assert torch.equal(decoder.t[instant], frame.data)
        assert torch.equal(decoder[number], frame.data)


@pytest.mark.slow
def test_float32_copies_of_the_limits_do_not_raise(timed):
    _, decoder = timed
    begins, ends = intervals(decoder)
    begin, end = np.float32(begins[0]), np.float32(ends[-1])
    first, last = decoder[0], decoder[-1]
    for number in (begin, float(begin), torch.tensor(float(begin), dtype=torch.float32)):
        assert torch.equal(decoder.get_frame_played_at(number).data, first)
        assert torch.equal(decoder.t[number], first)
    for number in (end, float(end), torch.tensor(float(end), dtype=torch.float32)):
        assert torch.equal(decoder.get_frame_played_at(number).data, last)
        assert torch.equal(decoder.t[number], last)
    both = decoder.get_frames_played_at(torch.tensor([float(begin), float(end)], dtype=torch.float32))
    assert torch.equal(both.data[0], first)
    assert torch.equal(both.data[1], last)
    if len(decoder) <= 100:
        everything = decoder.get_frames_played_in_range(begin, end)
        assert everything.pts_seconds.tolist() == begins
        assert decoder.t[begin:end].shape[0] == len(decoder)


def test_float32_copies_of_every_begin_mean_that_frame_or_its_neighbour(timed):
    """float32 may round an instant into the previous frame, but not further and not out of the
    stream.
    """
    _, decoder = timed
    begins, _ = intervals(decoder)
    for number, begin in enumerate(begins):
        found = decoder.index.index_at(float(np.float32(begin)))
        assert found in (number, max(0, number - 1))


def test_outside_is_an_index_error(timed):
    _, decoder = timed
    begins, ends = intervals(decoder)
    for instant in (begins[0] - 1, ends[-1] + 1, begins[0] - 0.01, ends[-1] + 0.01, 1e12, -1e12):
        for access in (decoder.get_frame_played_at, decoder.t.__getitem__, decoder.index.index_at):
            with pytest.raises(IndexError, match="s"):
                access(instant)
        with pytest.raises(IndexError):
            decoder.get_frames_played_at([begins[0], instant])
    assert torch.equal(decoder.get_frame_played_at(begins[0]).data, decoder[0])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_finite_is_a_value_error(uneven, value):
    for access in (uneven.get_frame_played_at, uneven.t.__getitem__, uneven.index.index_at):
        with pytest.raises(ValueError, match="finite"):
            access(value)
    with pytest.raises(ValueError, match="finite"):
        uneven.get_frames_played_at([0.5, value])
    for start, stop in ((value, 1.0), (0.5, value)):
        with pytest.raises(ValueError, match="finite"):
            uneven.get_frames_played_in_range(start, stop)
        with pytest.raises(ValueError, match="finite"):
            uneven.t[start:stop]
    with pytest.raises(ValueError):
        uneven.get_frames_played_in_range(0.5, 1.0, fps=value)


@pytest.mark.parametrize("value", ["1.0", None, True, [0.5, "x"], b"1", 1j, {}])
def test_no_number_is_a_type_error(uneven, value):
    with pytest.raises(TypeError):
        uneven.get_frame_played_at(value)
    with pytest.raises(TypeError):
        uneven.t[value]


# ---- ranges ----


def played_in(decoder, start, stop):
    """Returns the numbers of the frames played in [start, stop), by the definition."""
    begins, ends = intervals(decoder)
    return [n for n, (b, e) in enumerate(zip(begins, ends, strict=True)) if b < stop and e > start]


@pytest.mark.slow
def test_ranges_give_what_is_played_in_them(timed):
    _, decoder = timed
    begins, ends = intervals(decoder)
    begin, end = begins[0], ends[-1]
    n = len(begins)
    cuts = sorted({begin, begins[n // 3], (begins[n // 2] + ends[n // 2]) / 2, begins[-1], end})
    if n * decoder[0].numel() > 10_000_000:  # a short part of a long or large file
        n = n // 2 * 2 - 24 if n > 24 else 2
        cuts = [begins[n // 2], (begins[n // 2 + 1] + ends[n // 2 + 1]) / 2, begins[n // 2 + 5]]
    for start in cuts:
        for stop in cuts:
            if start >= stop:
                continue
            numbers = played_in(decoder, start, stop)
            batch = decoder.get_frames_played_in_range(start, stop)
            assert batch.pts_seconds.tolist() == [begins[k] for k in numbers], (start, stop)
            assert torch.equal(batch.data, decoder[numbers])
            assert torch.equal(batch.data, decoder.t[start:stop])


def test_an_empty_range_is_an_empty_batch(timed):
    _, decoder = timed
    begins, ends = intervals(decoder)
    shape = (0, *decoder[0].shape)
    for instant in (begins[0], begins[len(begins) // 2], (begins[0] + ends[0]) / 2):
        batch = decoder.get_frames_played_in_range(instant, instant)
        assert tuple(batch.data.shape) == shape
        assert batch.data.dtype == torch.uint8
        assert tuple(batch.pts_seconds.shape) == tuple(batch.duration_seconds.shape) == (0,)
        assert tuple(decoder.t[instant:instant].shape) == shape
    empty = decoder.get_frames_played_at([])
    assert tuple(empty.data.shape) == shape


def test_impossible_ranges_are_value_errors(timed):
    _, decoder = timed
    begins, ends = intervals(decoder)
    begin, end = begins[0], ends[-1]
    middle = (begin + end) / 2
    for start, stop in (
        (begin - 1, middle),
        (middle, end + 1),
        (end, middle),
        (end + 1, end + 2),
        (begin - 2, begin - 1),
    ):
        with pytest.raises(ValueError, match=r"range|outside|beyond|backwards"):
            decoder.get_frames_played_in_range(start, stop)
        with pytest.raises(ValueError):
            decoder.t[start:stop]
    assert torch.equal(decoder.t[begin], decoder[0])


def test_open_time_slices(uneven):
    begins, _ = intervals(uneven)
    assert torch.equal(uneven.t[:], uneven[:])
    assert torch.equal(uneven.t[begins[20] :], uneven[20:])
    assert torch.equal(uneven.t[: begins[20]], uneven[:20])


def test_time_slices_with_a_step(uneven):
    begins, ends = intervals(uneven)
    for start, stop, step in (
        (begins[0], ends[-1], 0.25),
        (0.5, 1.5, 0.1),
        (0.3, 1.9, 1 / 7),
        (0.4, 0.5, 0.01),
    ):
        instants = [start + k * step for k in range(math.ceil((stop - start) / step - 1e-9))]
        expected = uneven.get_frames_played_at(instants)
        assert torch.equal(uneven.t[start:stop:step], expected.data)
    for step in (0, -0.25, math.nan):
        with pytest.raises(ValueError):
            uneven.t[0.5:1.5:step]


def test_lists_of_instants_keep_their_order(uneven):
    instants = [1.2, 0.3, 0.3, 1.9, 0.31]
    numbers = [uneven.index.index_at(s) for s in instants]
    for key in (instants, np.array(instants), torch.tensor(instants, dtype=torch.float64)):
        assert torch.equal(uneven.t[key], uneven[numbers])
        batch = uneven.get_frames_played_at(key)
        assert torch.equal(batch.data, uneven[numbers])
        assert batch.pts_seconds.tolist() == [uneven.index.pts_seconds(n) for n in numbers]


def test_time_keys_reach_into_the_frame(uneven):
    assert torch.equal(uneven.t[0.5:1.0, 10:20, 30:50], uneven.t[0.5:1.0][:, 10:20, 30:50])
    assert torch.equal(uneven.t[0.7, 3], uneven.t[0.7][3])
    assert torch.equal(uneven.t[[1.2, 0.3], ..., 0], uneven.t[[1.2, 0.3]][..., 0])


# ---- another frame rate ----


@pytest.mark.parametrize("fps", [1, 7.5, 10, 25, 30, 60, 1000 / 7])
@pytest.mark.parametrize(
    "name",
    media.names(
        """
    vfr_jitter.mp4 h264_plain.mp4 starts_at_10s.mkv ntsc.mp4 vfr_slow.webm
    """
    ),
)
def test_resampling_shows_what_is_played_at_each_instant(name, fps):
    with VideoDecoder(media.path(name), dimension_order="NHWC") as decoder:
        begins, ends = intervals(decoder)
        start, stop = begins[0], min(ends[-1], begins[0] + 2)
        expected = [start + k / fps for k in range(math.ceil((stop - start) * fps - 1e-6))]
        batch = decoder.get_frames_played_in_range(start, stop, fps=fps)
        assert batch.pts_seconds.tolist() == pytest.approx(expected, abs=1e-9)
        assert batch.duration_seconds.tolist() == pytest.approx([1 / fps] * len(expected))
        assert torch.equal(batch.data, decoder.get_frames_played_at(batch.pts_seconds).data)


def test_resampling_the_whole_stream(uneven):
    begins, ends = intervals(uneven)
    whole = uneven.get_all_frames(fps=10)
    part = uneven.get_frames_played_in_range(begins[0], ends[-1], fps=10)
    assert torch.equal(whole.data, part.data)
    assert whole.pts_seconds.tolist() == part.pts_seconds.tolist()
    assert len(uneven.get_all_frames(fps=1000)) == pytest.approx((ends[-1] - begins[0]) * 1000, abs=1)


@pytest.mark.parametrize("fps", [0, -1])
def test_impossible_rates_are_value_errors(uneven, fps):
    with pytest.raises(ValueError, match="fps"):
        uneven.get_all_frames(fps=fps)
    with pytest.raises(ValueError, match="fps"):
        uneven.get_frames_played_in_range(0.5, 1.0, fps=fps)


# ---- approximate mode, and times that lie ----


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_plain.mp4 h264_sound.mp4 h264.mkv vp9.webm mpeg2.mkv starts_at_10s.mp4
    """
    ),
)
def test_approximate_mode_finds_the_same_frames_by_time(name):
    path = media.path(name)
    with VideoDecoder(path) as exact, VideoDecoder(path, seek_mode="approximate") as approximate:
        begins, ends = intervals(exact)
        for number in (0, 20, 7, len(begins) - 1, 33):
            instant = (begins[number] + ends[number]) / 2
            frame = approximate.get_frame_played_at(instant)
            assert torch.equal(frame.data, exact[number])
            assert frame.pts_seconds == pytest.approx(begins[number], abs=1e-3)


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    doubled_pts.mkv one_doubled_pts.mkv same_time_twice.ts pts_missing.nut lying_pts.mp4
    edit_repeats.mp4 starts_below_zero.mkv
    """
    ),
)
def test_doubtful_times_still_rise(name):
    """Frames that share a time or have none all exist, in order, and each has its number."""
    path = media.path(name)
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        reference = oracle.reference(path, decoder.stream_index)
        batch = decoder.get_all_frames()
        assert [oracle.digest(frame) for frame in batch.data] == list(reference.digests)
        times = batch.pts_seconds.tolist()
        assert times == sorted(times)
        assert oracle.digest(decoder[len(decoder) - 2]) == reference.digests[-2]


def test_one_doubled_time_does_not_spoil_the_others():
    """Frames 19 and 20 share a time; all others keep the times of the file."""
    with VideoDecoder(media.path("one_doubled_pts.mkv")) as decoder:
        times = decoder.get_all_frames().pts_seconds.tolist()
        others = [n for n in range(50) if n not in (19, 20)]
        assert [times[n] for n in others] == pytest.approx([0.06 * n for n in others], abs=2e-3)
        assert 0.06 * 18 < times[19] <= times[20] < 0.06 * 21


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_annexb.h264 hevc_annexb.hevc mpeg4_bframes.avi h264.avi mpeg2_raw.m2v mpeg4_raw.m4v
    """
    ),
)
def test_times_are_made_where_a_stream_has_none(name):
    """Raw streams and AVI give at most a frame rate, so times rise evenly from frame 0 on."""
    with VideoDecoder(media.path(name)) as decoder:
        batch = decoder.get_all_frames()
        steps = batch.pts_seconds.diff()
        assert bool((steps > 0).all())
        assert steps.tolist() == pytest.approx([float(steps[0])] * len(steps), rel=0.02)
        assert float(steps[0]) == pytest.approx(1 / 25, rel=0.02)
