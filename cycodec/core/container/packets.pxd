"""PacketTable: the packets of a stream, in the order in which they are stored."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVPacket


cdef enum:
    PACKET_KEY = 1
    PACKET_DISCARD = 2      # decoded for others' sake, never shown (edit lists)
    PACKET_HIDDEN = 4       # gives no frame (VP8 and VP9 alternate references)
    PACKET_EMPTY = 8        # no bytes: never sent to the decoder
    PACKET_SUSPECT = 16     # may give no frame (MPEG-4 not-coded pictures, damaged data)
    PACKET_PLAIN = 32       # was looked at closely, and holds one picture
    PACKET_ANEW = 64        # ... with which decoding can begin


cdef struct PacketRecord:
    int64_t pts
    int64_t dts
    int64_t duration
    int64_t pos
    int32_t size
    uint32_t digest
    int32_t flags


cdef class PacketTable:
    cdef PacketRecord *records
    cdef readonly int count
    cdef int allocated

    cdef int append(self, const PacketRecord *record) noexcept nogil
    cdef int scan(self, Demuxer demuxer, int stream_index, bint closely) except -1
    cdef int extend(self, PacketTable other) except -1


cdef uint32_t digest_packet(const AVPacket *packet) noexcept nogil
cdef void record_packet(PacketRecord *record, const AVPacket *packet, int codec_id, bint closely) noexcept nogil
cdef bint is_hidden_vp8(int first) noexcept nogil
cdef bint is_hidden_vp9(int first, int last) noexcept nogil
cdef bint first_packet_agrees(Demuxer demuxer, int stream_index, PacketTable table) except -1
