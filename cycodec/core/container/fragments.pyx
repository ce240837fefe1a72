"""The packets of a fragmented MP4 stream from its `moof` boxes, without reading the samples.

ISO/IEC 14496-12, 8.8: each `moof` holds the times and sizes of the samples in the `mdat` behind it.
When a file is open, libavformat has read all of these boxes, or some of them if a complete `sidx`
leads to the others. It does not publish the composition offsets. This module walks the boxes again,
and everything that libavformat knows must agree with the result.

`read_fragments` returns None for an unusual file, and the caller scans the packets instead. Unusual
are samples outside of fragments, fragments that overlap in time, data offsets from elsewhere than
the fragment, and a first packet that differs from the table.
"""

import struct

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from cycodec.core.bitstream.mpeg cimport may_be_uncoded_mpeg4
from cycodec.core.compat cimport compat_index_count, compat_index_entry
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time, largest_time
from cycodec.core.container.packets cimport PACKET_KEY, PACKET_SUSPECT, PacketRecord, PacketTable, first_packet_agrees
from cycodec.core.container.boxes import child_boxes, find_box, find_track, has_boxes, top_boxes

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avformat cimport AVStream


# flags of tfhd
cdef enum:
    BASE_DATA_OFFSET = 0x1
    STSD_ID = 0x2
    DEFAULT_DURATION = 0x8
    DEFAULT_SIZE = 0x10
    DEFAULT_FLAGS = 0x20
    BASE_IS_MOOF = 0x20000

# flags of trun
cdef enum:
    DATA_OFFSET = 0x1
    FIRST_FLAGS = 0x4
    SAMPLE_DURATION = 0x100
    SAMPLE_SIZE = 0x200
    SAMPLE_FLAGS = 0x400
    SAMPLE_OFFSET = 0x800

# flags of a sample that is no key frame
cdef enum:
    NOT_SYNC = 0x10000
    DEPENDS = 0x1000000

cdef int64_t SMALLEST_SAMPLE = 64       # bytes, on average
cdef int64_t LARGEST_MOOF = 1 << 26     # bytes


cdef struct Defaults:
    uint32_t duration
    uint32_t size
    uint32_t flags


cdef struct Sample:
    uint32_t duration
    uint32_t size
    uint32_t flags
    int32_t offset              # from decoding time to presentation time


cdef struct Cursor:
    const uint8_t *at
    const uint8_t *stop


cdef inline void take_field(Cursor *cursor, uint32_t *value) noexcept nogil:
    """Read a 32-bit field and go on behind it; keep the value if there are no four bytes left."""
    if cursor.at + 4 <= cursor.stop:
        value[0] = avutil.AV_RB32(cursor.at)
        cursor.at += 4


cdef void take_sample(Cursor *cursor, uint32_t flags, Sample *sample) noexcept nogil:
    """Read the fields that a run with these flags gives for a sample; keep the other values."""
    if flags & SAMPLE_DURATION:
        take_field(cursor, &sample.duration)
    if flags & SAMPLE_SIZE:
        take_field(cursor, &sample.size)
    if flags & SAMPLE_FLAGS:
        take_field(cursor, &sample.flags)
    if flags & SAMPLE_OFFSET:
        take_field(cursor, <uint32_t *> &sample.offset)


cdef class Fragments:
    """The samples of one track, fragment by fragment."""

    cdef PacketTable table
    cdef int track
    cdef Defaults extends           # from trex
    cdef int64_t end                # decoding time of the next sample, unless its fragment has one
    cdef int64_t limit              # size of the file
    # The most negative composition offset, which libavformat adds to all times.
    cdef int64_t shift
    cdef int64_t most               # largest possible number of samples
    cdef bint past_first            # True if the first fragment with samples is done
    cdef bint has_sidx              # True if libavformat may have left fragments unread

    cdef bint add_fragment(self, const uint8_t *moof, int size, int64_t position, object data) except -1:
        """Add the samples of a moof box, including its header; return False if it is unusual."""
        cdef bint is_first = True
        for kind, begin, end in child_boxes(data, 8, size):
            if kind != b"traf":
                continue
            header = find_box(data, begin, end, b"tfhd")
            if header is None or header[1] - header[0] < 8:
                return False
            if avutil.AV_RB32(moof + <int> header[0] + 4) == <uint32_t> self.track:
                if not self.add_track(moof, position, data, begin, end, header, is_first):
                    return False
            is_first = False
        return True

    cdef bint add_track(self, const uint8_t *moof, int64_t position, object data, int begin, int end, header,
                        bint is_first) except -1:
        """Add the samples of a traf box in data[begin:end]; return False if it is unusual."""
        cdef Defaults defaults = self.extends
        cdef int64_t base = position
        if not read_header(moof + <int> header[0], moof + <int> header[1], is_first, &base, &defaults):
            return False
        time = find_box(data, begin, end, b"tfdt")
        if time is not None:
            if time[1] - time[0] < (12 if data[time[0]] else 8):
                return False
            (value,) = struct.unpack_from(">Q" if data[time[0]] else ">I", data, time[0] + 4)
            if value > largest_time():
                return False
            self.end = value
        for kind, run_begin, run_end in child_boxes(data, begin, end):
            if kind == b"trun" and run_end - run_begin < 8:
                return False
            if kind == b"trun" and not self.add_run(moof + <int> run_begin, moof + <int> run_end, base, &defaults):
                return False
        return True

    cdef bint add_run(self, const uint8_t *begin, const uint8_t *end, int64_t base, const Defaults *defaults) except -1:
        """Add the samples of a trun box; return False if it is unusual."""
        cdef Cursor cursor
        cdef Sample sample
        cdef uint32_t flags = avutil.AV_RB32(begin) & 0xFFFFFF
        cdef uint32_t count = avutil.AV_RB32(begin + 4)
        cdef uint32_t first_flags = defaults.flags
        cdef int64_t position
        cdef int num_fields = 0
        cdef uint32_t i
        for i in range(8, 12):
            num_fields += flags >> i & 1
        cursor.at = begin + 8
        cursor.stop = end
        if not flags & DATA_OFFSET or end - cursor.at < 4 + (4 if flags & FIRST_FLAGS else 0):
            return False
        position = base + <int32_t> avutil.AV_RB32(cursor.at)
        cursor.at += 4
        if flags & FIRST_FLAGS:
            take_field(&cursor, &first_flags)
        if <int64_t> count * num_fields * 4 > end - cursor.at or self.table.count + <int64_t> count > self.most:
            return False
        for i in range(count):
            sample.duration = defaults.duration
            sample.size = defaults.size
            sample.flags = defaults.flags if i else first_flags
            sample.offset = 0
            take_sample(&cursor, flags, &sample)
            if not self.add_sample(&sample, position):
                return False
            position += sample.size
        return True

    cdef bint add_sample(self, const Sample *sample, int64_t position) except -1:
        """Add a sample whose bytes begin at a file position; return False if it is unusual."""
        cdef PacketRecord record
        record.size = <int32_t> sample.size
        record.pos = position
        if record.size <= 0 or position < 0 or position > self.limit - record.size or not is_sane_time(self.end):
            return False
        if self.table.count and self.end <= self.table.records[self.table.count - 1].dts:
            return False            # libavformat does not show samples that overlap
        if -<int64_t> sample.offset > self.shift:
            if self.past_first:
                return False        # libavformat gave earlier packets the times of another shift
            self.shift = -<int64_t> sample.offset
        record.dts = self.end
        record.pts = self.end + sample.offset
        record.duration = sample.duration
        record.digest = 0
        record.flags = 0 if sample.flags & (NOT_SYNC | DEPENDS) else PACKET_KEY
        if self.table.append(&record) < 0:
            raise MemoryError()
        self.end += sample.duration
        return True


cdef bint read_header(const uint8_t *begin, const uint8_t *end, bint is_first, int64_t *base,
                      Defaults *defaults) noexcept nogil:
    """Read a tfhd box: the start of the data and the samples' defaults; False if it is unusual."""
    cdef Cursor cursor
    cdef uint32_t flags = avutil.AV_RB32(begin) & 0xFFFFFF
    cursor.at = begin + 8
    cursor.stop = end
    if flags & BASE_DATA_OFFSET and cursor.at + 8 <= end:
        base[0] = <int64_t> (<uint64_t> avutil.AV_RB32(cursor.at) << 32 | avutil.AV_RB32(cursor.at + 4))
        cursor.at += 8
        if not 0 <= base[0] <= largest_time():
            return False
    elif not flags & BASE_IS_MOOF and not is_first:
        return False                # the data follows that of the track before
    if flags & STSD_ID:
        cursor.at += 4
    if flags & DEFAULT_DURATION:
        take_field(&cursor, &defaults.duration)
    if flags & DEFAULT_SIZE:
        take_field(&cursor, &defaults.size)
    if flags & DEFAULT_FLAGS:
        take_field(&cursor, &defaults.flags)
    return cursor.at <= end


def read_fragments(Demuxer demuxer not None, int stream_index):
    """Return the packets of a stream of a freshly opened fragmented MP4 file.

    Returns
    -------
    PacketTable or None
        A table without digests; None if the packets must be scanned. The demuxer is at the stream's
        beginning.
    """
    cdef Fragments fragments
    cdef int64_t here
    if not has_boxes(demuxer):
        return None
    here = demuxer.byte_position()
    try:
        fragments = walk_boxes(demuxer, stream_index)
    except (struct.error, IndexError):
        fragments = None
    finally:
        demuxer.go_to_byte(here)
    if fragments is None or not adopt_index(demuxer.stream(stream_index), fragments):
        return None
    return fragments.table if first_packet_agrees(demuxer, stream_index, fragments.table) else None


cdef Fragments walk_boxes(Demuxer demuxer, int stream_index):
    """Return all samples of a track, or None."""
    cdef Fragments fragments = Fragments()
    cdef bytes moof
    cdef bint has_moov = False
    fragments.table = PacketTable()
    fragments.track = demuxer.stream(stream_index).id
    fragments.limit = demuxer.byte_size()
    fragments.most = compat_index_count(demuxer.stream(stream_index))
    for kind, position, header, length in top_boxes(demuxer):
        if kind == b"moov":
            if has_moov or length > LARGEST_MOOF:
                return None
            if not read_defaults(fragments, demuxer.read_bytes(position + header, length - header)):
                return None
            has_moov = True
        elif kind == b"moof":
            if not has_moov or header != 8 or length > LARGEST_MOOF:
                return None
            moof = demuxer.read_bytes(position, length)
            if len(moof) != length:
                return None
            if not fragments.add_fragment(<const uint8_t *> <const char *> moof, length, position, moof):
                return None
            fragments.past_first = fragments.table.count > 0
        elif kind == b"sidx":
            fragments.has_sidx = True
            fragments.most = fragments.limit // SMALLEST_SAMPLE
    return fragments if fragments.table.count else None


cdef bint read_defaults(Fragments fragments, moov) except -1:
    """Read a track's trex box.

    Return False if the file is not fragmented, or if the track has samples outside fragments.
    """
    extension = find_box(moov, 0, len(moov), b"mvex")
    if extension is None:
        return False
    found = False
    for kind, begin, _ in child_boxes(moov, *extension):
        if kind == b"trex":
            values = struct.unpack_from(">IIIIII", moov, begin)
            if values[1] == fragments.track:
                fragments.extends.duration, fragments.extends.size, fragments.extends.flags = values[3:]
                found = True
    track = find_track(moov, fragments.track)
    sizes = find_box(moov, *track, b"mdia", b"minf", b"stbl", b"stsz") if track is not None else None
    return found and sizes is not None and struct.unpack_from(">I", moov, sizes[0] + 8)[0] == 0


cdef bint adopt_index(AVStream *stream, Fragments fragments) noexcept:
    """Move the samples to libavformat's origin of times; return False if its index disagrees."""
    cdef PacketTable table = fragments.table
    cdef PacketRecord *record
    cdef int known = compat_index_count(stream)
    cdef bint is_mpeg4 = stream.codecpar.codec_id == avcodec.AV_CODEC_ID_MPEG4
    cdef int64_t origin = 0
    cdef int64_t time, pos
    cdef int i, size, flags
    if known == 0 or known > table.count or (known < table.count and not fragments.has_sidx):
        return False
    for i in range(known):
        record = &table.records[i]
        if not compat_index_entry(stream, i, &time, &pos, &size, &flags) or not is_sane_time(time):
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
        if not is_sane_time(record.dts + origin):
            return False
        record.dts += origin
        record.pts += origin + fragments.shift
        if i:
            record[-1].duration = record.dts - record[-1].dts
        if is_mpeg4 and may_be_uncoded_mpeg4(record.size):
            record.flags |= PACKET_SUSPECT
    return True
