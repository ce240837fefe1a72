"""FrameIndex: its answers, saving and loading, and the refusal of another file's index."""

import io
import json
import pickle
import random
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import media
import numpy as np
import oracle
import pytest
import recipes
import torch

import cycodec
from cycodec.decoders import VideoDecoder

NAMES = media.names("""
h264_plain.mp4 h264_open_gop.mp4 h264.mkv h264.ts h264_annexb.h264 h264.avi h264_fragmented.mp4 hevc_open_gop.mp4
vp8_hidden.webm av1_hidden_split.mkv mpeg2.vob mpeg4_packed_bframes.avi edit_inside_gop.mp4 edit_two_parts.mp4
ts_cut_start.ts h264_fields.ts vfr_jitter.mp4 mjpeg.avi doubled_pts.mkv h264_one_frame.mp4
""")


@pytest.fixture(params=NAMES)
def path(request):
    return media.path(request.param)


@pytest.fixture
def plain(tmp_path):
    """(path of a copy that tests may damage, its saved index)."""
    copy = tmp_path / "video.mp4"
    # its tables are at the front, so it opens even when it is cut
    copy.write_bytes(media.path("h264_faststart.mp4").read_bytes())
    saved = tmp_path / "video.idx"
    VideoDecoder(copy).index.save(saved)
    return copy, saved


def packets(path, stream):
    """Returns ffprobe's packets of a stream."""
    command = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    done = subprocess.run(
        [command, "-v", "error", "-select_streams", str(stream), "-of", "json"]
        + ["-show_entries", "packet=pts,duration,flags,pos", str(path)],
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)["packets"]


def test_what_an_index_says(path):
    with VideoDecoder(path) as decoder:
        index = decoder.index
        assert isinstance(index, cycodec.FrameIndex)
        assert len(index) == len(decoder) == len(index.pts) == len(index.durations)
        assert index.pts.dtype == index.durations.dtype == np.int64
        assert isinstance(index.time_base, Fraction)
        assert bool((np.diff(index.pts) >= 0).all())
        assert bool((index.durations >= (path.name not in media.EQUAL_TIMES)).all())
        keys = index.key_frames.tolist()
        assert keys == sorted(set(keys))
        assert keys
        assert keys[0] >= 0
        assert keys[-1] < len(index)
        batch = decoder.get_frames_at(range(0, len(decoder), 7))
        seconds = (index.pts[::7] * float(index.time_base)).tolist()
        assert batch.pts_seconds.tolist() == pytest.approx(seconds, abs=1e-9)
        assert batch.duration_seconds.tolist() == pytest.approx(
            (index.durations[::7] * float(index.time_base)).tolist(), abs=1e-9
        )
        assert str(len(index)) in repr(index)


@pytest.mark.parametrize(
    "name",
    media.names(
        """
    h264_plain.mp4 h264_no_bframes.mp4 hevc.mp4 h264.mkv vp9.webm vfr_jitter.mp4 h264_faststart.mp4
    h264_negative_offsets.mp4 h264_bpyramid_deep.mkv
    """
    ),
)
def test_shortcuts_equal_the_full_scan(name):
    """Indices from sample tables or headers equal those from reading all packets."""
    path = media.path(name)
    with VideoDecoder(path) as decoder:
        scanned = sorted(
            (p["pts"], "K" in p["flags"], int(p["pos"]))
            for p in packets(path, decoder.stream_index)
            if "D" not in p["flags"]
        )
        index = decoder.index
        assert index.pts.tolist() == [pts for pts, _, _ in scanned]
        # except in open GOPs, a key packet is a key frame
        assert index.key_frames.tolist() == [n for n, (_, key, _) in enumerate(scanned) if key]
        assert index.key_offsets.tolist() == [place for _, key, place in scanned if key]


def test_saved_and_loaded(path, tmp_path):
    with VideoDecoder(path, dimension_order="NHWC") as decoder:
        digests = [oracle.digest(frame) for frame in decoder]
        original = decoder.index
        original.save(tmp_path / "x.idx")
    loaded = cycodec.FrameIndex.load(tmp_path / "x.idx")
    assert len(loaded) == len(original)
    assert loaded.pts.tolist() == original.pts.tolist()
    assert loaded.durations.tolist() == original.durations.tolist()
    assert loaded.key_frames.tolist() == original.key_frames.tolist()
    assert loaded.key_offsets.tolist() == original.key_offsets.tolist()
    assert loaded.time_base == original.time_base
    order = random.Random(1).sample(range(len(digests)), len(digests))
    for given in (original, loaded, tmp_path / "x.idx", str(tmp_path / "x.idx")):
        with VideoDecoder(path, dimension_order="NHWC", index=given) as decoder:
            assert len(decoder) == len(digests)
            wrong = [n for n in order[:40] if oracle.digest(decoder[n]) != digests[n]]
            assert wrong == []


def test_an_index_fits_any_way_to_the_same_bytes(plain):
    path, saved = plain
    data = path.read_bytes()
    expected = VideoDecoder(path)[40]
    for source in (
        data,
        io.BytesIO(data),
        torch.frombuffer(bytearray(data), dtype=torch.uint8),
        f"file:{path}",
    ):
        assert torch.equal(VideoDecoder(source, index=saved)[40], expected)
    VideoDecoder(data).index.save(saved)
    assert torch.equal(VideoDecoder(path, index=saved)[40], expected)


def test_an_index_pickles(plain):
    path, _ = plain
    index = VideoDecoder(path).index
    copy = pickle.loads(pickle.dumps(index))
    assert copy.pts.tolist() == index.pts.tolist()
    assert len(VideoDecoder(path, index=copy)) == len(index)


def test_a_saved_index_is_small():
    """An index takes a few bytes for each frame, so that indices for a large archive are small."""
    path = media.path("h264_long_gop.mp4")
    with VideoDecoder(path) as decoder:
        assert index_size(decoder.index) < 1000 + 4 * len(decoder)


def index_size(index):
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder, "x.idx"))
        return Path(folder, "x.idx").stat().st_size


def test_a_saved_index_of_a_long_file_is_small():
    path = media.shared("h264_long_1080p30_6min_lowbitrate.mp4")
    with VideoDecoder(path) as decoder:
        assert index_size(decoder.index) < 4 * len(decoder)


def test_opening_with_an_index_reads_little():
    class Counting(io.BytesIO):
        total = 0

        def read(self, size=-1):
            data = super().read(size)
            self.total += len(data)
            return data

    path = media.shared("h264_hls_segment_720p.ts")
    index = VideoDecoder(path).index
    without, given = Counting(path.read_bytes()), Counting(path.read_bytes())
    VideoDecoder(without)
    decoder = VideoDecoder(given, index=index)
    assert given.total < without.total
    assert decoder.counters.frames_decoded == 0


# ---- lookups ----


def test_index_at():
    index = VideoDecoder(media.path("h264_plain.mp4")).index
    assert [index.index_at(s) for s in (0, 0.0, 0.02, 0.04, 1.0, 2.99)] == [0, 0, 0, 1, 25, 74]
    assert index.index_at(np.float32(1.0)) == 25
    assert index.index_at(Fraction(1, 2)) == 12
    for outside in (-0.5, 3.5):
        with pytest.raises(IndexError, match="0 s to 3 s"):
            index.index_at(outside)
    with pytest.raises(ValueError):
        index.index_at(float("nan"))
    with pytest.raises(TypeError):
        index.index_at("1")


def test_arrays_are_the_callers_own():
    """Changes that a caller makes to them do not reach the decoder."""
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    expected = decoder[40]
    for name in ("pts", "durations", "key_frames", "key_offsets"):
        array = getattr(decoder.index, name)
        try:
            array[:] = 0
        except ValueError:
            assert not array.flags.writeable
    assert torch.equal(decoder[40], expected)
    assert decoder.index.pts[1] > 0


# ---- an index that is not the file's ----


STALE = {
    "another file": lambda data: media.path("h264_bpyramid.mp4").read_bytes(),
    "cut": lambda data: data[:-1000],
    "longer": lambda data: data + b"\0\0\0\x08free",
    "head edited": lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    "tail edited": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
}


@pytest.mark.parametrize("what", STALE)
def test_a_stale_index_is_refused(plain, what):
    path, saved = plain
    path.write_bytes(STALE[what](path.read_bytes()))
    for given in (saved, cycodec.FrameIndex.load(saved)):
        with pytest.raises(cycodec.StaleIndexError) as caught:
            VideoDecoder(path, index=given)
        message = str(caught.value)
        assert "video.mp4" in message
        assert "index" in message
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, cycodec.FFmpegError)


def test_an_index_of_another_stream_is_refused():
    path = media.path("two_videos.mp4")
    index = VideoDecoder(path, stream_index=1).index
    with pytest.raises(cycodec.StaleIndexError):
        VideoDecoder(path, stream_index=0, index=index)


def test_a_touched_file_is_not_stale(plain):
    path, saved = plain
    path.touch()
    assert len(VideoDecoder(path, index=saved)) == 50


CORRUPT = {
    "empty": lambda data: b"",
    "text": lambda data: b"hello\n" * 100,
    "a video": lambda data: media.path("h264_plain.mp4").read_bytes(),
    "cut": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "one byte more": lambda data: data + b"\0",
    "head only": lambda data: data[:8],
}


@pytest.mark.parametrize("what", CORRUPT)
def test_a_corrupt_index_is_refused(plain, what):
    path, saved = plain
    saved.write_bytes(CORRUPT[what](saved.read_bytes()))
    for use in (lambda: cycodec.FrameIndex.load(saved), lambda: VideoDecoder(path, index=saved)):
        with pytest.raises(ValueError, match=r"video\.idx") as caught:
            use()
        assert isinstance(caught.value, cycodec.FFmpegError)


def test_no_flipped_bit_gets_through(plain):
    _, saved = plain
    data = saved.read_bytes()
    dice = random.Random(2)
    for _ in range(200):
        place = dice.randrange(len(data))
        spoilt = bytearray(data)
        spoilt[place] ^= 1 << dice.randrange(8)
        saved.write_bytes(spoilt)
        with pytest.raises(ValueError):
            cycodec.FrameIndex.load(saved)


def test_a_missing_index_is_not_found(plain, tmp_path):
    path, _ = plain
    with pytest.raises(FileNotFoundError, match="nowhere"):
        VideoDecoder(path, index=tmp_path / "nowhere.idx")
    with pytest.raises(FileNotFoundError):
        cycodec.FrameIndex.load(tmp_path / "nowhere.idx")


@pytest.mark.parametrize("wrong", [5, 1.5, [1, 2], {}])
def test_what_is_no_index_is_a_type_error(plain, wrong):
    with pytest.raises(TypeError, match="index"):
        VideoDecoder(plain[0], index=wrong)


@pytest.mark.parametrize("wrong", [b"", b"bytes", bytearray(100)])
def test_bytes_of_no_index(plain, wrong):
    with pytest.raises(cycodec.InvalidDataError, match="index"):
        VideoDecoder(plain[0], index=wrong)


def test_saving_replaces_a_file_whole(plain, tmp_path):
    path, saved = plain
    before = saved.read_bytes()
    VideoDecoder(path).index.save(saved)
    assert saved.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["video.idx", "video.mp4"]
    with pytest.raises(FileNotFoundError):
        VideoDecoder(path).index.save(tmp_path / "no" / "folder" / "x.idx")


def test_one_way_to_the_index_at_a_time(plain):
    path, saved = plain
    mappings = json.dumps({"frames": []})
    for options in (
        {"index": saved, "seek_mode": "approximate"},
        {"index": saved, "custom_frame_mappings": mappings},
        {"custom_frame_mappings": mappings, "seek_mode": "approximate"},
    ):
        with pytest.raises(ValueError, match="index"):
            VideoDecoder(path, **options)


def test_approximate_mode_has_no_index(plain):
    assert VideoDecoder(plain[0], seek_mode="approximate").index is None


# ---- ffprobe's JSON ----


def frames_json(path, stream=0, names=("pts", "duration", "key_frame")):
    """Returns ffprobe's frames; entries may have the names of older versions."""
    command = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    wanted = "pts,duration,pkt_duration,key_frame"
    done = subprocess.run(
        [
            command,
            "-v",
            "error",
            "-select_streams",
            str(stream),
            "-show_entries",
            f"frame={wanted}",
            "-of",
            "json",
        ]
        + [str(path)],
        capture_output=True,
        check=True,
    )
    frames = []
    for frame in json.loads(done.stdout)["frames"]:
        values = (frame["pts"], frame.get("duration", frame.get("pkt_duration")), frame["key_frame"])
        # ffprobe omits unknown values
        frames.append({name: v for name, v in zip(names, values, strict=True) if v is not None})
    return json.dumps({"frames": frames})


MAPPED = [
    "h264_plain.mp4",
    "h264.mkv",
    "h264_open_gop.mp4",
    "hevc_open_gop.mp4",
    "vfr_jitter.mp4",
    "edit_inside_gop.mp4",
    "vp9.webm",
    "h264.ts",
]


@pytest.mark.parametrize("name", MAPPED)
def test_mappings_from_ffprobe(name):
    path = media.path(name)
    reference = oracle.reference(path)
    text = frames_json(path)
    with VideoDecoder(path, dimension_order="NHWC", custom_frame_mappings=text) as decoder:
        assert (decoder.index.key_offsets == -1).all()
        assert len(decoder) == reference.count
        for number in random.Random(3).sample(range(reference.count), min(reference.count, 25)):
            assert oracle.digest(decoder[number]) == reference.digests[number]
        assert decoder.index.pts.tolist() == VideoDecoder(path).index.pts.tolist()


@pytest.mark.parametrize(
    "names", [("pts", "duration", "key_frame"), ("pkt_pts", "pkt_duration", "key_frame")]
)
def test_kinds_and_names_of_mappings(names):
    path = media.path("h264_plain.mp4")
    text = frames_json(path, names=names)
    expected = VideoDecoder(path)[50]
    for mappings in (text, text.encode(), io.StringIO(text), io.BytesIO(text.encode())):
        decoder = VideoDecoder(path, custom_frame_mappings=mappings)
        assert len(decoder) == 75
        assert torch.equal(decoder[50], expected)


def test_the_order_of_mappings_does_not_matter():
    path = media.path("h264_bpyramid.mp4")
    frames = json.loads(frames_json(path))["frames"]
    random.Random(4).shuffle(frames)
    decoder = VideoDecoder(path, dimension_order="NHWC", custom_frame_mappings=json.dumps({"frames": frames}))
    digests = oracle.reference(path).digests
    assert [oracle.digest(decoder[n]) for n in (40, 3, 17)] == [digests[n] for n in (40, 3, 17)]


WRONG_MAPPINGS = {
    "no JSON": "{",
    "no frames": "{}",
    "an empty list": '{"frames": []}',
    "frames are no list": '{"frames": 3}',
    "a frame is no object": '{"frames": [1, 2]}',
    "no pts": '{"frames": [{"duration": 512, "key_frame": 1}]}',
    "no key_frame": '{"frames": [{"pts": 0, "duration": 512}]}',
    "pts is text": '{"frames": [{"pts": "x", "duration": 512, "key_frame": 1}]}',
    "a list": "[]",
    "not UTF-8": b"\xff\xfe\x00{",
}


@pytest.mark.parametrize("what", WRONG_MAPPINGS)
def test_wrong_mappings_are_value_errors(what):
    with pytest.raises(ValueError, match=r"mapping|frame|JSON|json|pts|key"):
        VideoDecoder(media.path("h264_plain.mp4"), custom_frame_mappings=WRONG_MAPPINGS[what])


@pytest.mark.parametrize("wrong", [5, ["frames"], 1.5])
def test_mappings_of_another_kind_are_type_errors(wrong):
    with pytest.raises(TypeError, match="custom_frame_mappings"):
        VideoDecoder(media.path("h264_plain.mp4"), custom_frame_mappings=wrong)


def test_mappings_of_another_file_never_give_a_wrong_frame():
    """They are refused, at the latest when a promised frame does not come."""
    text = frames_json(media.path("vfr_jitter.mp4"))
    with pytest.raises(ValueError, match=r"mapping|index"):
        VideoDecoder(media.path("h264_plain.mp4"), custom_frame_mappings=text)[:]


@pytest.mark.parametrize(
    "name",
    [
        "h264_hls_segment_720p.ts",
        "hevc_hls_segment_portrait.ts",
        "h264_start1.4s.ts",
        "mpeg4_720p.avi",
        "mpeg2_not_seekable.ts",
        "h264.ts",
    ],
)
def test_what_is_seen_to_hold_one_picture_a_packet_is_not_decoded_to_open_it(name):
    decoder = VideoDecoder(media.locate(name))
    assert decoder.counters.frames_decoded == 0
    assert not decoder.index.confirmed
    assert decoder.confirm()


@pytest.mark.parametrize(
    "name",
    [
        "mpeg4_asp_packed_bframes.avi",  # two pictures in one packet, none in the next
        "h264_fields_reordered.h264",  # two packets for one frame
        "mpeg2_in_program_stream.m2v",  # packets without a time
        "h264_in_program_stream.mpeg",
    ],
)
def test_what_leaves_doubt_is_decoded_when_it_is_opened(name):
    decoder = VideoDecoder(media.locate(name))
    assert decoder.counters.frames_decoded > 0
