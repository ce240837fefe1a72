"""Indices from MP4 sample tables and Matroska block headers equal those from every packet."""

import os
import subprocess

import media
import pytest
import recipes

from cycodec._shared import threads as _threads
from cycodec.core.bitstream.sps import may_have_fields
from cycodec.core.container import matroska
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.fragments import read_fragments
from cycodec.core.container.matroska import read_matroska
from cycodec.core.container.mov import read_mov
from cycodec.core.container.packets import scan_packets
from cycodec.core.io.source import IOContext
from cycodec.decoders import VideoDecoder

KEY_AND_SHOWN = 0b111  # key, discarded, hidden


def tables(path):
    """Returns the packets by the headers (None if they do not suffice) and by a scan, as (pts,
    flags).
    """
    demuxer = Demuxer(IOContext(str(path)))
    stream = demuxer.select_video()
    by_header = None
    for read in (read_mov, read_fragments, read_matroska):
        by_header = by_header or read(demuxer, stream)
    demuxer = Demuxer(IOContext(str(path)))
    demuxer.select_video(stream)
    scan = scan_packets(demuxer, stream)
    return [
        None if table is None else [(row[0], row[4] & KEY_AND_SHOWN) for row in table.rows()]
        for table in (by_header, scan)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "h264_plain.mp4",
        "h264_sound.mp4",
        "h264_bpyramid.mp4",
        "h264_open_gop.mp4",
        "h264_negative_offsets.mp4",
        "h264_faststart.mp4",
        "h264.mov",
        "hevc.mp4",
        "vfr_jitter.mp4",
        "edit_inside_gop.mp4",
        "h264_fragmented.mp4",
        "h264_fragmented_sound.mp4",
        "h264_fragmented_sidx.mp4",
        "h264_fragmented_dash.mp4",
        "h264_fragmented_cmaf.mp4",
        "h264_fragmented_every_frame.mp4",
        "h264_fragmented_late.mp4",
        "hevc_fragmented.mp4",
        "h264.mkv",
        "h264_no_cues.mkv",
        "h264_live.mkv",
        "h264_small_clusters.mkv",
        "h264_bpyramid_deep.mkv",
        "hevc.mkv",
        "vp8_hidden.webm",
        "vp9_hidden.webm",
        "vp9_alpha.webm",
    ],
)
def test_headers_tell_what_a_scan_tells(name):
    by_header, scan = tables(media.path(name))
    assert by_header == scan


@pytest.mark.parametrize(
    "name",
    [
        "h264_fragmented_moov_samples.mp4",
        "fragmented_cut_end.mp4",
        "edit_two_parts.mp4",
        "edit_repeats.mp4",
        "faststart_cut_end.mp4",
        "mkv_cut_end.mkv",
        "two_videos.mkv",
    ],
)
def test_what_is_unusual_is_scanned(name):
    by_header, _ = tables(media.path(name))
    assert by_header is None
    assert VideoDecoder(media.path(name)).index.origin in ("scan", "decoded")


@pytest.mark.parametrize(("name", "end"), [("h264_sound.mp4", 2), ("h264_plain.mp4", 3), ("h264.mkv", 3)])
def test_the_last_frame_ends_when_the_video_does(name, end):
    assert VideoDecoder(media.path(name)).index.end_seconds == pytest.approx(end, abs=2e-3)


class Counting:
    """A file that counts the bytes read from it."""

    def __init__(self, path):
        self.file = open(path, "rb")  # noqa: SIM115
        self.bytes = 0
        self.reads = 0

    def read(self, size):
        data = self.file.read(size)
        self.bytes += len(data)
        self.reads += 1
        return data

    def seek(self, offset, whence):
        return self.file.seek(offset, whence)


@pytest.mark.parametrize("movflags", ["+faststart", ""], ids=["index first", "index last"])
def test_opening_reads_under_a_percent(tmp_path, movflags):
    path = tmp_path / "big.mp4"
    command = [
        recipes.FFMPEG,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=1280x720:r=30:d=3,noise=alls=60",
    ]
    options = ["-movflags", movflags] if movflags else []
    subprocess.run([*command, "-c:v", "mjpeg", "-q:v", "1", *options, str(path)], check=True)
    size = path.stat().st_size
    assert size > 30_000_000
    file = Counting(path)
    decoder = VideoDecoder(file)
    assert len(decoder) == 90
    assert decoder.index.origin == "headers"
    # opening inspects the first packet, and keeps it for the first frame
    first = size / 90
    assert file.bytes - first < size / 100
    assert file.reads < 20


def bytes_read():
    """Returns the bytes read by the system calls of this process, pread included."""
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts what Linux counts")
def test_opening_a_matroska_file_reads_under_a_percent(tmp_path):
    path = tmp_path / "big.mkv"
    source = "testsrc2=s=640x360:r=300:d=1,noise=alls=60"
    subprocess.run(
        [recipes.FFMPEG, "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mjpeg", "-q:v", "1", str(path)],
        check=True,
    )
    VideoDecoder(path)  # the first call also reads modules that are imported once
    size = path.stat().st_size
    assert size > 30_000_000
    before = bytes_read()
    decoder = VideoDecoder(path)
    assert bytes_read() - before < size / 100
    assert len(decoder) == 300
    assert decoder.index.origin == "headers"


CLUSTERS = ["h264_clusters.mkv", "vp9_clusters.webm", "vp8_hidden.webm"]


def walked(path, threads, monkeypatch):
    """Returns (packets by the headers, number of parallel parts of each walk)."""
    stretches = []

    def run(jobs, limit):
        stretches.append(len(jobs))
        _threads.run(jobs, limit)

    monkeypatch.setattr(matroska, "WORTH_A_THREAD", 0)
    demuxer = Demuxer(IOContext(str(path)))
    table = read_matroska(demuxer, demuxer.select_video(), run, threads)
    return None if table is None else table.rows(), stretches


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("name", CLUSTERS)
def test_a_matroska_file_is_walked_from_several_places(name, threads, monkeypatch):
    path = media.path(name)
    alone, none = walked(path, 1, monkeypatch)
    together, stretches = walked(path, threads, monkeypatch)
    assert together == alone is not None
    assert none == []
    assert 2 <= stretches[0] <= threads
    assert len(stretches) == 1


def with_cues_at(data, change):
    """Returns a Matroska file whose cues name other places."""
    data = bytearray(data)
    at = data.rindex(b"\x1c\x53\xbb\x6b")
    changed = 0
    while (at := data.find(b"\xf1", at + 1)) >= 0:
        length = data[at + 1] & 0x7F
        if data[at + 1] & 0x80 and 1 <= length <= 8 and data[at - 3] == 0xF7:  # behind the track's number
            place = int.from_bytes(data[at + 2 : at + 2 + length], "big")
            data[at + 2 : at + 2 + length] = min(max(change(place), 0), 256**length - 1).to_bytes(
                length, "big"
            )
            changed += 1
    assert changed > 2
    return bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: place + 1,
        lambda place: place - 3,
        lambda place: 0,
        lambda place: 2**64,
        lambda place: place // 2,
    ],
    ids=["behind", "before", "nowhere", "outside", "elsewhere"],
)
def test_wrong_cues_cost_nothing_but_time(change, tmp_path, monkeypatch):
    path = media.path("h264_clusters.mkv")
    spoilt = tmp_path / "spoilt.mkv"
    spoilt.write_bytes(with_cues_at(path.read_bytes(), change))
    assert walked(spoilt, 3, monkeypatch)[0] == walked(path, 1, monkeypatch)[0]


def test_what_is_unusual_is_found_in_whichever_stretch_it_is(tmp_path, monkeypatch):
    path = media.path("h264_clusters.mkv")
    data = path.read_bytes()
    rows, _ = walked(path, 1, monkeypatch)
    spoilt = tmp_path / "spoilt.mkv"
    for row in (rows[len(rows) // 5], rows[-2]):
        laced = bytearray(data)
        laced[row[2] + 3] |= 0b110  # behind the track's number and the time
        spoilt.write_bytes(laced)
        assert walked(spoilt, 2, monkeypatch)[0] is None


def test_opening_walks_by_as_many_threads_as_the_decoder_has(monkeypatch):
    path = media.path("h264_clusters.mkv")
    plain = VideoDecoder(path, num_threads=1).index
    used = []
    run = _threads.run
    monkeypatch.setattr(matroska, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(_threads, "run", lambda jobs, limit: (used.append(limit), run(jobs, limit)))
    for threads in (1, 2, 3):
        assert VideoDecoder(path, num_threads=threads).index == plain
    assert used == [2, 3]


@pytest.mark.skipif(not hasattr(os, "O_NOATIME"), reason="the time of access is Linux's to leave alone")
def test_headers_of_a_file_that_another_user_owns(monkeypatch):
    path = media.path("h264.mkv")
    by_header, _ = tables(path)
    open_file = os.open
    asked = []

    def refuse(path, flags, *more, **named):
        """Fails as the kernel does for a user who is not the owner."""
        asked.append(flags)
        if flags & os.O_NOATIME:
            raise PermissionError(1, "Operation not permitted")
        return open_file(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    assert tables(path)[0] == by_header is not None
    # the decoder's own descriptor serves instead
    assert [bool(flags & os.O_NOATIME) for flags in asked] == [False, True, False]


def test_field_coding_by_the_parameter_set():
    # baseline, 3.0, frame_mbs_only_flag 1; and the same with 0 (written by hand from ITU-T H.264,
    # 7.3.2.1.1)
    fields = "010000100000000000011110"  # profile, constraints, level
    head = fields + "111101000010100110"  # id, frame num, poc type 0, its bits, refs, gaps, size
    for flag, expected in (("1", False), ("0", True)):
        bits = head + flag + "1" + "0" * 16
        bits += "0" * (-len(bits) % 8)
        data = bytes([0x67]) + int(bits, 2).to_bytes(len(bits) // 8, "big")
        assert may_have_fields(data) is expected
    assert may_have_fields(b"\x67") is True
