"""The packets of an MP4 or MOV stream from its sample tables, without reading the samples.

libavformat's own index holds, for each sample, the decoding time (edit list applied), position, size and flags. What it
keeps to itself are the composition offsets that turn decoding times into presentation times. They are read here, from
the track's `ctts` box (ISO/IEC 14496-12, 8.6.1.3), and laid over that index. Whatever is unusual makes `read_mov`
return None, and the caller scans the packets instead: fragments, an index that edits have cut or lengthened, samples
beyond the end of the file, a first packet that does not come out as predicted.
"""

import struct

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.compat cimport compat_index_count, compat_index_entry
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.packets cimport (
    PACKET_DISCARD,
    PACKET_EMPTY,
    PACKET_KEY,
    PACKET_SUSPECT,
    PacketRecord,
    PacketTable,
    first_packet_agrees,
)

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avformat cimport AVStream


cdef str MOV = "mov,mp4,m4a,3gp,3g2,mj2"
MAX_MOOV = 1 << 30


def read_mov(Demuxer demuxer not None, int stream_index):
    """The packets of a stream of a freshly opened MP4 or MOV file, or None where they must be read.

    Returns
    -------
    PacketTable or None
        Without digests. The demuxer still stands at the stream's beginning.
    """
    cdef avformat.AVIOContext *pb = demuxer.ptr.pb
    cdef PacketTable table
    cdef int64_t here
    if demuxer.format_name != MOV or pb == NULL or not pb.seekable & avformat.AVIO_SEEKABLE_NORMAL:
        return None
    here = avformat.avio_seek(pb, 0, 1)
    try:
        offsets = composition_offsets(demuxer, demuxer.stream(stream_index).id)
        size = avformat.avio_size(pb)
    except (struct.error, IndexError):
        offsets = None
    finally:
        avformat.avio_seek(pb, here, 0)
    if offsets is None:
        return None
    samples, runs, last = offsets
    table = lay_over(demuxer.stream(stream_index), samples, runs, last, size)
    if table is None or not first_packet_agrees(demuxer, stream_index, table):
        return None
    return table


def top_boxes(Demuxer demuxer not None):
    """(kind, position, length of the header, length) of the file's outermost boxes; length 0: to the end."""
    cdef int64_t position = 0
    while True:
        head = demuxer.read_bytes(position, 16)
        if len(head) < 8:
            return
        length, kind = struct.unpack_from(">I4s", head)
        start = 8
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
            start = 16
        if length < start and length != 0:
            return
        yield kind, position, start, length
        if length == 0:
            return
        position += length


def find_moov(Demuxer demuxer):
    """The payload of the file's `moov` box, or None."""
    for kind, position, start, length in top_boxes(demuxer):
        if kind == b"moof":
            return None
        if kind == b"moov":
            return demuxer.read_bytes(position + start, length - start) if 0 < length <= MAX_MOOV else None
    return None


def boxes(data, start, end):
    """(kind, begin, end) of the boxes inside a box's payload."""
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        begin = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            begin = start + 16
        elif length == 0:
            length = end - start
        if length < begin - start or start + length > end:
            return
        yield kind, begin, start + length
        start += length


def child(data, begin, end, *path):
    """(begin, end) of the first box down a path, or None."""
    for name in path:
        for kind, inner_begin, inner_end in boxes(data, begin, end):
            if kind == name:
                begin, end = inner_begin, inner_end
                break
        else:
            return None
    return begin, end


cdef object composition_offsets(Demuxer demuxer, int track_id):
    """(number of samples, the runs of its `ctts` box or b"", duration of the last sample) of a track, or None."""
    moov = find_moov(demuxer)
    if moov is None or child(moov, 0, len(moov), b"mvex") is not None:
        return None
    for kind, begin, end in boxes(moov, 0, len(moov)):
        header = child(moov, begin, end, b"tkhd") if kind == b"trak" else None
        if header is None:
            continue
        # version 1 has 64-bit times before the track id
        (number,) = struct.unpack_from(">I", moov, header[0] + (20 if moov[header[0]] == 1 else 12))
        if number != track_id:
            continue
        table = child(moov, begin, end, b"mdia", b"minf", b"stbl")
        if table is None:
            return None
        sizes = child(moov, *table, b"stsz") or child(moov, *table, b"stz2")
        if sizes is None:
            return None
        (samples,) = struct.unpack_from(">I", moov, sizes[0] + 8)
        times = child(moov, *table, b"stts")
        last = struct.unpack_from(">I", moov, times[1] - 4)[0] if times is not None and times[1] - times[0] >= 16 else 0
        runs = b""
        offsets = child(moov, *table, b"ctts")
        if offsets is not None:
            (count,) = struct.unpack_from(">I", moov, offsets[0] + 4)
            if offsets[0] + 8 + 8 * count > offsets[1]:
                return None
            runs = moov[offsets[0] + 8:offsets[0] + 8 + 8 * count]
        return samples, runs, last
    return None


cdef PacketTable lay_over(AVStream *stream, int64_t samples, bytes runs, int64_t last, int64_t file_size):
    """libavformat's index with presentation times, or None where the two do not fit each other.

    `runs`: pairs of 32-bit numbers, for how many samples an offset holds, and the offset. libavformat takes offsets for
    signed whatever the box's version says.
    """
    cdef int count = compat_index_count(stream)
    cdef PacketTable table = PacketTable()
    cdef PacketRecord record
    cdef int64_t shift = 0
    cdef int64_t limit = file_size if file_size > 0 else 1 << 62
    cdef const uint8_t *run = runs
    cdef const uint8_t *end = run + len(runs)
    cdef bint has_runs = run < end
    cdef int i, size, flags
    cdef int64_t total = 0
    cdef int64_t run_left = 0
    cdef int64_t offset = 0
    cdef int64_t previous = 0
    if count != samples or count == 0:
        return None
    while run < end:
        total += avutil.AV_RB32(run)
        # negative offsets shift the decoding times, unless they are too far out to be meant
        shift = max(shift, -<int64_t> <int32_t> avutil.AV_RB32(run + 4))
        run += 8
    if shift > (1 << 28) or (has_runs and total != samples):
        return None
    run = runs
    for i in range(count):
        if not compat_index_entry(stream, i, &record.dts, &record.pos, &size, &flags):
            return None
        while run_left == 0 and run < end:
            run_left = avutil.AV_RB32(run)
            offset = <int32_t> avutil.AV_RB32(run + 4)
            run += 8
        run_left -= 1
        record.size = size
        record.pts = record.dts + shift + offset
        record.digest = 0
        record.flags = 0
        record.duration = 0
        if flags & avformat.AVINDEX_KEYFRAME:
            record.flags |= PACKET_KEY
        if flags & avformat.AVINDEX_DISCARD_FRAME:
            record.flags |= PACKET_DISCARD
        if size == 0:
            record.flags |= PACKET_EMPTY
        elif size <= 19 and stream.codecpar.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            record.flags |= PACKET_SUSPECT
        if record.pos < 0 or record.pos + size > limit or (i and record.dts < previous):
            return None
        if i:
            table.records[i - 1].duration = record.dts - previous
        previous = record.dts
        if table.append(&record) < 0:
            raise MemoryError()
    table.records[count - 1].duration = last
    return table
