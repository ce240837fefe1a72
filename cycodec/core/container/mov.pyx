"""The packets of an MP4 or MOV stream from its sample tables, without reading the samples.

libavformat's own index holds the decoding time (with the edit list applied), position, size and
flags of each sample. It does not publish the composition offsets, which turn decoding times into
presentation times. This module reads them from the track's `ctts` box (ISO/IEC 14496-12, 8.6.1.3)
and adds them to that index.

`read_mov` returns None for an unusual file, and the caller scans the packets instead. Unusual are
fragments, an index that edits have cut or lengthened, samples beyond the end of the file, and a
first packet that differs from the table.
"""

import struct

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.bitstream.mpeg cimport may_be_uncoded_mpeg4
from cycodec.core.compat cimport compat_index_count, compat_index_entry
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time
from cycodec.core.container.packets cimport (
    PACKET_DISCARD,
    PACKET_EMPTY,
    PACKET_KEY,
    PACKET_SUSPECT,
    PacketRecord,
    PacketTable,
    first_packet_agrees,
)
from cycodec.core.container.boxes import find_box, find_track, has_boxes, top_boxes

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avformat cimport AVStream


cdef int64_t LONGEST_MOOV = 1 << 30     # bytes
cdef int64_t LARGEST_SHIFT = 1 << 28    # a larger offset of times is not meant


cdef struct Offsets:
    # The next run: two 32-bit numbers, its length in samples and their offset.
    const uint8_t *next
    const uint8_t *end
    int64_t left                # samples of the current run that are still to come
    int64_t offset              # composition offset of the current run


def read_mov(Demuxer demuxer not None, int stream_index):
    """Return the packets of a stream of a freshly opened MP4 or MOV file.

    Returns
    -------
    PacketTable or None
        A table without digests; None if the packets must be scanned. The demuxer is at the stream's
        beginning.
    """
    cdef PacketTable table
    cdef int64_t here, file_size
    if not has_boxes(demuxer):
        return None
    here = demuxer.byte_position()
    try:
        track = read_track(demuxer, demuxer.stream(stream_index).id)
        file_size = demuxer.byte_size()
    except (struct.error, IndexError):
        track = None
    finally:
        demuxer.go_to_byte(here)
    if track is None:
        return None
    num_samples, runs, last_duration = track
    table = combine(demuxer.stream(stream_index), num_samples, runs, last_duration, file_size)
    if table is None or not first_packet_agrees(demuxer, stream_index, table):
        return None
    return table


cdef bytes read_moov(Demuxer demuxer):
    """Return the payload of the `moov` box before the first fragment; None if there is none."""
    for kind, position, header, length in top_boxes(demuxer):
        if kind == b"moof":
            return None
        if kind == b"moov":
            return demuxer.read_bytes(position + header, length - header) if length <= LONGEST_MOOV else None
    return None


cdef tuple read_track(Demuxer demuxer, int track_id):
    """Return (number of samples, runs of `ctts` or b"", duration of the last sample), or None."""
    moov = read_moov(demuxer)
    if moov is None or find_box(moov, 0, len(moov), b"mvex") is not None:
        return None
    track = find_track(moov, track_id)
    tables = find_box(moov, *track, b"mdia", b"minf", b"stbl") if track is not None else None
    if tables is None:
        return None
    sizes = find_box(moov, *tables, b"stsz") or find_box(moov, *tables, b"stz2")
    if sizes is None:
        return None
    (num_samples,) = struct.unpack_from(">I", moov, sizes[0] + 8)
    times = find_box(moov, *tables, b"stts")
    has_runs = times is not None and times[1] - times[0] >= 16
    last_duration = struct.unpack_from(">I", moov, times[1] - 4)[0] if has_runs else 0
    offsets = find_box(moov, *tables, b"ctts")
    if offsets is None:
        return num_samples, b"", last_duration
    (num_runs,) = struct.unpack_from(">I", moov, offsets[0] + 4)
    begin = offsets[0] + 8
    end = begin + 8 * num_runs
    return (num_samples, moov[begin:end], last_duration) if end <= offsets[1] else None


cdef bint find_shift(bytes runs, int64_t num_samples, int64_t *shift) noexcept:
    """Find by how much libavformat shifts all presentation times, so that no offset is negative.

    libavformat reads offsets as signed numbers in either version of the box. Return False if the
    offset of a run is too large to be meant, or the runs do not cover all samples.
    """
    cdef const uint8_t *run = runs
    cdef const uint8_t *end = run + len(runs)
    cdef int64_t total = 0
    shift[0] = 0
    if run == end:
        return True
    while run < end:
        total += avutil.AV_RB32(run)
        shift[0] = max(shift[0], -<int64_t> <int32_t> avutil.AV_RB32(run + 4))
        run += 8
    return shift[0] <= LARGEST_SHIFT and total == num_samples


cdef int64_t next_offset(Offsets *offsets) noexcept nogil:
    """Return the composition offset of the next sample."""
    while offsets.left == 0 and offsets.next < offsets.end:
        offsets.left = avutil.AV_RB32(offsets.next)
        offsets.offset = <int32_t> avutil.AV_RB32(offsets.next + 4)
        offsets.next += 8
    offsets.left -= 1
    return offsets.offset


cdef bint read_entry(AVStream *stream, int number, PacketRecord *record) noexcept nogil:
    """Describe a sample as libavformat's index does; return False if the index has no such sample.

    The presentation time and the duration come later.
    """
    cdef int size, flags
    if not compat_index_entry(stream, number, &record.dts, &record.pos, &size, &flags):
        return False
    record.size = size
    record.digest = 0
    record.duration = 0
    record.flags = 0
    if flags & avformat.AVINDEX_KEYFRAME:
        record.flags |= PACKET_KEY
    if flags & avformat.AVINDEX_DISCARD_FRAME:
        record.flags |= PACKET_DISCARD
    if record.size == 0:
        record.flags |= PACKET_EMPTY
    elif stream.codecpar.codec_id == avcodec.AV_CODEC_ID_MPEG4 and may_be_uncoded_mpeg4(record.size):
        record.flags |= PACKET_SUSPECT
    return True


cdef PacketTable combine(AVStream *stream, int64_t num_samples, bytes runs, int64_t last_duration, int64_t file_size):
    """Return libavformat's index with presentation times, or None if index and runs do not fit."""
    cdef PacketTable table = PacketTable()
    cdef PacketRecord record
    cdef Offsets offsets
    cdef int count = compat_index_count(stream)
    cdef int64_t limit = file_size if file_size > 0 else 1 << 62
    cdef int64_t shift
    cdef int64_t previous = 0
    cdef int i
    if count != num_samples or count == 0 or not find_shift(runs, num_samples, &shift):
        return None
    offsets.next = runs
    offsets.end = offsets.next + len(runs)
    offsets.left = offsets.offset = 0
    for i in range(count):
        if not read_entry(stream, i, &record):
            return None
        if not is_sane_time(record.dts) or (i and record.dts < previous):
            return None
        record.pts = record.dts + shift + next_offset(&offsets)
        if record.pos < 0 or record.size < 0 or record.pos > limit - record.size:
            return None
        if i:
            table.records[i - 1].duration = record.dts - previous
        previous = record.dts
        if table.append(&record) < 0:
            raise MemoryError()
    table.records[count - 1].duration = last_duration
    return table
