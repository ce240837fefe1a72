"""PacketTable: the packets of a stream, in the order in which they are stored."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVPacket


cdef enum:
    PACKET_KEY = 1
    PACKET_DISCARD = 2      # an edit list hides the packet: it is decoded for others, and never shown
    PACKET_HIDDEN = 4       # the packet gives no frame (alternate references of VP8 and VP9)
    PACKET_EMPTY = 8        # the packet has no bytes and is never sent to the decoder
    PACKET_SUSPECT = 16     # the packet may give no frame (pictures of MPEG-4 without data, damaged packets)
    PACKET_PLAIN = 32       # the packet holds one picture, as a close scan saw
    PACKET_ENTRY = 64       # decoding may begin here, as a close scan saw


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
    cdef int capacity

    cdef int append(self, const PacketRecord *record) noexcept nogil
    cdef int scan(self, Demuxer demuxer, int stream_index, bint closely) except -1
    cdef int extend(self, PacketTable other) except -1


cdef uint32_t digest_packet(const AVPacket *packet) noexcept nogil
cdef void record_packet(PacketRecord *record, const AVPacket *packet, int codec_id, bint closely) noexcept nogil
cdef bint first_packet_agrees(Demuxer demuxer, int stream_index, PacketTable table) except -1
