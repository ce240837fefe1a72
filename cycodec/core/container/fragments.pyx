"""The packets of a fragmented MP4 stream from its `moof` boxes, without reading the samples.

ISO/IEC 14496-12, 8.8: each `moof` tells the times and sizes of the samples in the `mdat` behind it. libavformat has read
all of them when a file is open, or some where a complete `sidx` leads to the others; what it keeps to itself are the
composition offsets. The boxes are walked once more here, and all that libavformat does know must agree. Whatever
is unusual makes `read_fragments` return None, and the caller scans the packets instead: samples outside of fragments,
fragments that overlap in time, offsets that are not the fragment's own, a first packet that does not come out as predicted.
"""

import struct

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from cycodec.core.compat cimport compat_index_count, compat_index_entry
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.packets cimport PACKET_KEY, PACKET_SUSPECT, PacketRecord, PacketTable, first_packet_agrees
from cycodec.core.container.mov import boxes, child, top_boxes

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avformat cimport AVStream


cdef enum:
    # of tfhd
    BASE_DATA_OFFSET = 0x1
    STSD_ID = 0x2
    DEFAULT_DURATION = 0x8
    DEFAULT_SIZE = 0x10
    DEFAULT_FLAGS = 0x20
    BASE_IS_MOOF = 0x20000
    # of trun
    DATA_OFFSET = 0x1
    FIRST_FLAGS = 0x4
    SAMPLE_DURATION = 0x100
    SAMPLE_SIZE = 0x200
    SAMPLE_FLAGS = 0x400
    SAMPLE_OFFSET = 0x800
    SMALLEST_SAMPLE = 64            # bytes, on average
    # of a sample: it is no key frame
    NOT_SYNC = 0x10000
    DEPENDS = 0x1000000

LARGEST_MOOF = 1 << 26


cdef struct Defaults:
    uint32_t duration, size, flags


cdef class Fragments:
    """One track's samples so far."""

    cdef PacketTable table
    cdef int track
    cdef Defaults extends           # of trex
    cdef int64_t end                # decoding time at which the next sample without a time begins
    cdef int64_t limit              # size of the file
    cdef int64_t shift              # the most negative composition offset, which libavformat adds to all times
    cdef int64_t most               # samples that there can be: what libavformat has found, or as many as fit
    cdef bint past_first            # the first fragment is done
    cdef bint has_sidx              # libavformat finds fragments by it that it has not read

    cdef bint add(self, const uint8_t *moof, int size, int64_t position, object data) except -1:
        """Take in a moof box with its header; False: it is unusual."""
        cdef bint first = True
        for kind, begin, end in boxes(data, 8, size):
            if kind != b"traf":
                continue
            header = child(data, begin, end, b"tfhd")
            if header is None or header[1] - header[0] < 8:
                return False
            if avutil.AV_RB32(moof + <int> header[0] + 4) == <uint32_t> self.track:
                if not self.add_track(moof, position, data, begin, end, header, first):
                    return False
            first = False
        return True

    cdef bint add_track(self, const uint8_t *moof, int64_t position, object data, int begin, int end, header,
                        bint first) except -1:
        cdef const uint8_t *at = moof + <int> header[0]
        cdef const uint8_t *stop = moof + <int> header[1]
        cdef Defaults defaults = self.extends
        cdef uint32_t flags = avutil.AV_RB32(at) & 0xFFFFFF
        cdef int64_t base = position
        at += 8
        if flags & BASE_DATA_OFFSET and at + 8 <= stop:
            base = <int64_t> avutil.AV_RB32(at) << 32 | avutil.AV_RB32(at + 4)
            at += 8
        elif not flags & BASE_IS_MOOF and not first:
            return False        # behind the data of the track before
        if flags & STSD_ID:
            at += 4
        if flags & DEFAULT_DURATION and at + 4 <= stop:
            defaults.duration = avutil.AV_RB32(at)
            at += 4
        if flags & DEFAULT_SIZE and at + 4 <= stop:
            defaults.size = avutil.AV_RB32(at)
            at += 4
        if flags & DEFAULT_FLAGS and at + 4 <= stop:
            defaults.flags = avutil.AV_RB32(at)
            at += 4
        if at > stop:
            return False
        time = child(data, begin, end, b"tfdt")
        if time is not None:
            if time[1] - time[0] < (12 if data[time[0]] else 8):
                return False
            (self.end,) = struct.unpack_from(">Q" if data[time[0]] else ">I", data, time[0] + 4)
        for kind, run_begin, run_end in boxes(data, begin, end):
            if kind == b"trun" and run_end - run_begin < 8:
                return False
            if kind == b"trun" and not self.add_run(moof + <int> run_begin, moof + <int> run_end, base, &defaults):
                return False
        return True

    cdef bint add_run(self, const uint8_t *at, const uint8_t *stop, int64_t base, const Defaults *defaults) except -1:
        cdef PacketRecord record
        cdef uint32_t flags = avutil.AV_RB32(at) & 0xFFFFFF
        cdef uint32_t count = avutil.AV_RB32(at + 4)
        cdef uint32_t first_flags = defaults.flags
        cdef uint32_t sample_flags
        cdef int64_t offset
        cdef int columns = 0
        cdef uint32_t i
        for i in range(8, 12):
            columns += flags >> i & 1
        at += 8
        if not flags & DATA_OFFSET or stop - at < 4 + (4 if flags & FIRST_FLAGS else 0):
            return False
        record.pos = base + <int32_t> avutil.AV_RB32(at)
        at += 4
        if flags & FIRST_FLAGS:
            first_flags = avutil.AV_RB32(at)
            at += 4
        if <int64_t> count * columns * 4 > stop - at or self.table.count + <int64_t> count > self.most:
            return False
        record.digest = 0
        for i in range(count):
            record.duration = defaults.duration
            record.size = <int32_t> defaults.size
            sample_flags = defaults.flags if i else first_flags
            offset = 0
            if flags & SAMPLE_DURATION:
                record.duration = avutil.AV_RB32(at)
                at += 4
            if flags & SAMPLE_SIZE:
                record.size = <int32_t> avutil.AV_RB32(at)
                at += 4
            if flags & SAMPLE_FLAGS:
                sample_flags = avutil.AV_RB32(at)
                at += 4
            if flags & SAMPLE_OFFSET:
                offset = <int32_t> avutil.AV_RB32(at)
                at += 4
            if record.size <= 0 or record.pos < 0 or record.pos + record.size > self.limit:
                return False
            if self.table.count and self.end <= self.table.records[self.table.count - 1].dts:
                return False        # libavformat does not show what overlaps
            if -offset > self.shift:
                if self.past_first:
                    return False    # pictures that were read before would have been at another time
                self.shift = -offset
            record.dts = self.end
            record.pts = self.end + offset
            record.flags = 0 if sample_flags & (NOT_SYNC | DEPENDS) else PACKET_KEY
            if self.table.append(&record) < 0:
                raise MemoryError()
            self.end += record.duration
            record.pos += record.size
        return True


def read_fragments(Demuxer demuxer not None, int stream_index):
    """The packets of a stream of a freshly opened fragmented MP4 file, or None where they must be read.

    Returns
    -------
    PacketTable or None
        Without digests. The demuxer still stands at the stream's beginning.
    """
    cdef avformat.AVIOContext *pb = demuxer.ptr.pb
    cdef Fragments fragments
    cdef int64_t here
    if demuxer.format_name != "mov,mp4,m4a,3gp,3g2,mj2" or pb == NULL or not pb.seekable & avformat.AVIO_SEEKABLE_NORMAL:
        return None
    here = avformat.avio_seek(pb, 0, 1)
    try:
        fragments = walk(demuxer, stream_index)
    except (struct.error, IndexError):
        fragments = None
    finally:
        avformat.avio_seek(pb, here, 0)
    if fragments is None or not agree(demuxer.stream(stream_index), fragments):
        return None
    return fragments.table if first_packet_agrees(demuxer, stream_index, fragments.table) else None


cdef Fragments walk(Demuxer demuxer, int stream_index):
    """All samples of a track, or None."""
    cdef Fragments fragments = Fragments()
    cdef bytes moof
    fragments.table = PacketTable()
    fragments.track = demuxer.stream(stream_index).id
    fragments.limit = avformat.avio_size(demuxer.ptr.pb)
    fragments.most = compat_index_count(demuxer.stream(stream_index))
    begun = False
    for kind, position, start, length in top_boxes(demuxer):
        if kind == b"moov":
            if begun or length > LARGEST_MOOF:
                return None
            if not read_extends(fragments, demuxer.read_bytes(position + start, length - start)):
                return None
            begun = True
        elif kind == b"moof":
            if not begun or start != 8 or length > LARGEST_MOOF:
                return None
            moof = demuxer.read_bytes(position, length)
            if len(moof) != length or not fragments.add(<const uint8_t *> <const char *> moof, length, position, moof):
                return None
            fragments.past_first = fragments.table.count > 0
        elif kind == b"sidx":
            fragments.has_sidx = True
            fragments.most = fragments.limit // SMALLEST_SAMPLE
    return fragments if fragments.table.count else None


cdef bint read_extends(Fragments fragments, moov) except -1:
    """The defaults of a track; False: the file is not fragmented, or has samples of the track outside of fragments."""
    extension = child(moov, 0, len(moov), b"mvex")
    if extension is None:
        return False
    found = False
    for kind, begin, _ in boxes(moov, *extension):
        if kind == b"trex":
            values = struct.unpack_from(">IIIIII", moov, begin)
            if values[1] == fragments.track:
                fragments.extends.duration, fragments.extends.size, fragments.extends.flags = values[3:]
                found = True
    for kind, begin, end in boxes(moov, 0, len(moov)):
        header = child(moov, begin, end, b"tkhd") if kind == b"trak" else None
        if header is None:
            continue
        if struct.unpack_from(">I", moov, header[0] + (20 if moov[header[0]] == 1 else 12))[0] != fragments.track:
            continue
        sizes = child(moov, begin, end, b"mdia", b"minf", b"stbl", b"stsz")
        return found and sizes is not None and struct.unpack_from(">I", moov, sizes[0] + 8)[0] == 0
    return False


cdef bint agree(AVStream *stream, Fragments fragments) noexcept:
    """Whether what libavformat knows is what was found; its origin of times and its marks are taken over."""
    cdef PacketTable table = fragments.table
    cdef PacketRecord *record
    cdef int known = compat_index_count(stream)
    cdef int64_t origin = 0
    cdef int64_t time, pos
    cdef int i, size, flags
    if known == 0 or known > table.count or (known < table.count and not fragments.has_sidx):
        return False
    for i in range(known):
        record = &table.records[i]
        if not compat_index_entry(stream, i, &time, &pos, &size, &flags):
            return False
        if i == 0:
            origin = time - record.dts
        if (
            time != record.dts + origin or pos != record.pos or size != record.size
            or bool(flags & avformat.AVINDEX_KEYFRAME) != bool(record.flags & PACKET_KEY)
            or flags & avformat.AVINDEX_DISCARD_FRAME
        ):
            return False
    for i in range(table.count):
        record = &table.records[i]
        record.dts += origin
        record.pts += origin + fragments.shift
        if i:
            record[-1].duration = record.dts - record[-1].dts
        if record.size <= 19 and stream.codecpar.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            record.flags |= PACKET_SUSPECT
    return True
