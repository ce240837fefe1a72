"""EarlierPackets: whether the packets before an anchor give the frames that the index promises."""

from libc.stdint cimport int64_t, uint64_t

from cycodec.core.bitstream.picture_parser cimport PictureParser
from cycodec.core.bitstream.sequence_headers cimport DecoderMemory
from cycodec.core.container.decode_check cimport DecodeCheck
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport HeaderCheck
from cycodec.core.video.index cimport Anchor
from cycodec.core.video.order_watch cimport OrderWatch
from cycodec.libav.avcodec cimport AVPacket


cdef struct OrderCounts:
    # Of the pictures since the last IDR picture; `is_empty` if there is none.
    int first, least, most
    bint is_empty
    # The largest number that divides all distances between the counts of a run.
    int64_t step
    # The sum over all runs of the distance between the least and the most, and the number of
    # distances between neighbours.
    int64_t span, distances


cdef class EarlierPackets:
    cdef HeaderCheck headers
    cdef DecodeCheck pictures
    cdef OrderWatch order
    # Reads the headers of AV1; None for other codecs. The hash is that of its sequence header.
    cdef PictureParser parser
    cdef uint64_t sequence
    # True for HEVC if its decoder gives no frame where references are missing, and the order counts
    # of its pictures since the last restart.
    cdef bint needs_references
    cdef OrderCounts counts
    # True after the first packet.
    cdef bint has_begun
    # Whether packets differ in what the decoder remembers of them.
    cdef DecoderMemory memory
    cdef int codec_id
    # True if packets have ordinals in place of timestamps that can be relied on.
    cdef bint stamped

    cdef void restart(self, int64_t first, int leading) noexcept nogil
    cdef bint can_check(self, const Anchor *first, const Anchor *last) noexcept nogil
    cdef bint refuses(self, const AVPacket *packet, int64_t number, bint is_leading) noexcept nogil
    cdef bint lacks_pictures(self) noexcept nogil
    cdef bint refuses_av1(self, const AVPacket *packet) noexcept nogil
    cdef bint refuses_anchor(self, const AVPacket *packet, bint is_last) noexcept nogil
    cdef void abandon(self) noexcept


cdef EarlierPackets new_earlier_packets(Demuxer demuxer, int stream_index, bint stamped, bint allows_fields)
