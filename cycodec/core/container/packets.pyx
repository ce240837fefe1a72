"""The packets of a stream as a scan sees them, and what their bytes tell without decoding."""

from libc.errno cimport ENOMEM
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.nal cimport count_pictures, next_start_code

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVPacket


cdef uint32_t digest_packet(const AVPacket *packet) noexcept nogil:
    """FNV-1a of the first and last bytes: enough, with size and position, to know a packet again."""
    cdef uint32_t value = 2166136261
    cdef int i
    cdef int tail = packet.size - 32 if packet.size > 96 else 64
    for i in range(min(packet.size, 64)):
        value = (value ^ packet.data[i]) * <uint32_t> 16777619
    for i in range(tail, packet.size):
        value = (value ^ packet.data[i]) * <uint32_t> 16777619
    return value


cdef bint is_hidden_vp8(int first) noexcept nogil:
    """Whether a VP8 frame is not shown, by its first byte: RFC 6386, 9.1."""
    return not (first >> 4) & 1


cdef bint is_hidden_vp9(int first, int last) noexcept nogil:
    """Whether a VP9 packet gives no frame, by its first and last byte: VP9 bitstream specification, 6.1.2 and B."""
    cdef int bit = 4
    if last & 0xE0 == 0xC0:
        return False                    # a superframe: its last frame is shown
    if (first >> 4) & 3 == 3:
        bit = 3                         # profile 3 has one reserved bit more
    if (first >> (bit - 1)) & 1:
        return False                    # show_existing_frame
    return not (first >> (bit - 3)) & 1


cdef bint begins_one_vop(const uint8_t *data, int size, bint *anew) noexcept nogil:
    """Whether an MPEG-4 packet holds one picture that is no sprite.

    By vop_start_code and vop_coding_type (ISO/IEC 14496-2, 6.2.5); `anew`: an I-VOP.
    """
    cdef int position = 0
    cdef int found = 0
    cdef int kind = 0
    while True:
        position = next_start_code(data, position, size)
        if position + 1 >= size:
            break
        if data[position] == 0xB6:
            found += 1
            kind = data[position + 1] >> 6
    anew[0] = found == 1 and kind == 0
    return found == 1 and kind < 3


cdef bint holds_one_frame(const uint8_t *data, int size, bint *anew) noexcept nogil:
    """Whether an MPEG-1 or MPEG-2 packet holds one picture, and that is a frame, not a field.

    By picture_start_code and picture_structure (ISO/IEC 13818-2, 6.2.3); `anew`: an I-picture behind a sequence header.
    """
    cdef int position = 0
    cdef int found = 0
    cdef int kind = 0
    cdef bint has_sequence = False
    while True:
        position = next_start_code(data, position, size)
        if position + 3 >= size:
            break
        if data[position] == 0:
            found += 1
            kind = (data[position + 2] >> 3) & 7
        elif data[position] == 0xB3:
            has_sequence = True
        elif data[position] == 0xB5 and data[position + 1] >> 4 == 8 and data[position + 3] & 3 != 3:
            return False
    anew[0] = has_sequence and kind == 1
    return found == 1


cdef bint holds_one_picture(int codec_id, const AVPacket *packet, bint *anew) noexcept nogil:
    """Whether a packet with start codes is seen to hold one picture; `anew`: one with which decoding can begin."""
    if codec_id == avcodec.AV_CODEC_ID_H264 or codec_id == avcodec.AV_CODEC_ID_HEVC:
        return count_pictures(codec_id, packet.data, packet.size, anew) == 1
    if codec_id == avcodec.AV_CODEC_ID_MPEG1VIDEO or codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO:
        return holds_one_frame(packet.data, packet.size, anew)
    if codec_id == avcodec.AV_CODEC_ID_MPEG4:
        return begins_one_vop(packet.data, packet.size, anew)
    return False


cdef void record_packet(PacketRecord *record, const AVPacket *packet, int codec_id, bint closely) noexcept nogil:
    cdef bint anew = False
    record.pts = packet.pts
    record.dts = packet.dts
    record.duration = packet.duration
    record.pos = packet.pos
    record.size = packet.size
    record.digest = digest_packet(packet)
    record.flags = 0
    if packet.flags & avcodec.AV_PKT_FLAG_KEY:
        record.flags |= PACKET_KEY
    if packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
        record.flags |= PACKET_DISCARD
    if packet.flags & avcodec.AV_PKT_FLAG_CORRUPT:
        record.flags |= PACKET_SUSPECT
    if packet.size == 0:
        record.flags |= PACKET_EMPTY
    elif codec_id == avcodec.AV_CODEC_ID_VP8:
        if is_hidden_vp8(packet.data[0]):
            record.flags |= PACKET_HIDDEN
    elif codec_id == avcodec.AV_CODEC_ID_VP9:
        if is_hidden_vp9(packet.data[0], packet.data[packet.size - 1]):
            record.flags |= PACKET_HIDDEN
    elif codec_id == avcodec.AV_CODEC_ID_MPEG4:
        if packet.size <= 19:
            record.flags |= PACKET_SUSPECT
    if closely and holds_one_picture(codec_id, packet, &anew):
        record.flags |= PACKET_PLAIN
        if anew:
            record.flags |= PACKET_ANEW


cdef class PacketTable:
    """The packets of one stream, in the order in which they are stored."""

    def __dealloc__(self):
        free(self.records)

    def __len__(self):
        return self.count

    @property
    def begins_decodable(self):
        """Whether the first packet is a key packet and no frame is shown before it."""
        cdef int i
        if self.count == 0 or not self.records[0].flags & PACKET_KEY:
            return False
        for i in range(1, self.count):
            if self.records[i].pts < self.records[0].pts and not self.records[i].flags & PACKET_DISCARD:
                return False
        return True

    @property
    def has_suspects(self):
        """Whether there are packets of which only the decoder knows if they give a frame."""
        cdef int i
        for i in range(self.count):
            if self.records[i].flags & PACKET_SUSPECT:
                return True
        return False

    def is_plain(self, bint timeless=False):
        """Whether a close scan saw that each packet holds one picture, with a time of its own, from a clean beginning on.

        `timeless`: the container has no times, only the order (AVI), so that some may be missing.
        """
        cdef int i
        if self.count == 0 or not self.records[0].flags & PACKET_ANEW or not self.begins_decodable:
            return False
        for i in range(self.count):
            if not self.records[i].flags & PACKET_PLAIN or self.records[i].flags & PACKET_SUSPECT:
                return False
        times = [self.records[i].pts for i in range(self.count) if self.records[i].pts != avutil.AV_NOPTS_VALUE]
        return len(set(times)) == len(times) and (timeless or len(times) == self.count)

    def rows(self):
        """(pts, dts, pos, size, flags) of each packet, for tests and tools."""
        return [
            (self.records[i].pts, self.records[i].dts, self.records[i].pos, self.records[i].size, self.records[i].flags)
            for i in range(self.count)
        ]

    cdef int extend(self, PacketTable other) except -1:
        """Take over another table's packets behind this one's."""
        cdef PacketRecord *grown
        if other.count == 0:
            return 0
        grown = <PacketRecord *> realloc(self.records, (self.count + other.count) * sizeof(PacketRecord))
        if grown == NULL:
            raise MemoryError()
        memcpy(grown + self.count, other.records, other.count * sizeof(PacketRecord))
        self.records = grown
        self.count += other.count
        self.allocated = self.count
        return 0

    cdef int append(self, const PacketRecord *record) noexcept nogil:
        cdef PacketRecord *grown
        cdef int room
        if self.count == self.allocated:
            room = 2 * self.allocated if self.allocated else 512
            grown = <PacketRecord *> realloc(self.records, room * sizeof(PacketRecord))
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.records = grown
            self.allocated = room
        self.records[self.count] = record[0]
        self.count += 1
        return 0

    cdef int scan(self, Demuxer demuxer, int stream_index, bint closely) except -1:
        """Read every packet of the stream, from where the demuxer stands."""
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef PacketRecord record
        cdef int codec_id = demuxer.stream(stream_index).codecpar.codec_id
        cdef int code
        if packet == NULL:
            raise MemoryError()
        with nogil:
            while True:
                code = demuxer.read(packet, stream_index)
                if code < 0:
                    break
                record_packet(&record, packet, codec_id, closely)
                avcodec.av_packet_unref(packet)
                code = self.append(&record)
                if code < 0:
                    break
        avcodec.av_packet_free(&packet)
        # a demuxer that chokes on damaged data ends the stream there, as it does for the ffmpeg command
        if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
            code = 0
        demuxer.check(code, "read packets")
        return 0


def scan_packets(Demuxer demuxer not None, int stream_index, bint closely=False):
    """The packets of a stream from where the demuxer stands to the end, as a PacketTable.

    `closely`: look through all their bytes, for `is_plain`.
    """
    cdef PacketTable table = PacketTable()
    table.scan(demuxer, stream_index, closely)
    return table


cdef bint first_packet_agrees(Demuxer demuxer, int stream_index, PacketTable table) except -1:
    """Whether the first packet comes out as a table from headers alone says; the demuxer holds it for the next read."""
    cdef const AVPacket *packet
    cdef const PacketRecord *first = &table.records[0]
    cdef int code
    with nogil:
        code = demuxer.peek(stream_index, &packet)
    return (
        code >= 0 and packet.pts == first.pts and packet.size == first.size
        and (packet.dts == first.dts or first.dts == avutil.AV_NOPTS_VALUE)
        and bool(packet.flags & avcodec.AV_PKT_FLAG_KEY) == bool(first.flags & PACKET_KEY)
        and bool(packet.flags & avcodec.AV_PKT_FLAG_DISCARD) == bool(first.flags & PACKET_DISCARD)
    )
