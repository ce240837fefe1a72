"""PacketTable: the packets of a stream, in the order in which they are stored."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.bitstream.picture_parser cimport PictureParser
from cycodec.core.bitstream.sequence_headers cimport DecoderMemory, SequenceHeaders
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport HeaderCheck
from cycodec.libav.avcodec cimport AVCodecParameters, AVCodecParserContext, AVPacket


cdef enum:
    PACKET_KEY = 1
    # An edit list hides the packet: the decoder needs it for other frames, and never shows it.
    PACKET_DISCARD = 2
    PACKET_HIDDEN = 4       # the packet gives no frame (alternate references of VP8 and VP9)
    PACKET_EMPTY = 8        # the packet has no bytes and is never sent to the decoder
    # The packet may give no frame (an MPEG-4 picture without data, or a damaged packet).
    PACKET_SUSPECT = 16
    PACKET_PLAIN = 32       # the packet holds one picture, as a close scan saw
    PACKET_ENTRY = 64       # decoding may begin here, as a close scan saw
    PACKET_B = 128          # a B-picture of MPEG-1, 2 or 4, as a close scan saw


cdef enum:
    # The digest of a packet covers so many words of eight bytes at its begin and at its end.
    DIGEST_HEAD = 8
    DIGEST_TAIL = 4
    DIGEST_WORDS = DIGEST_HEAD + DIGEST_TAIL


cdef struct PacketRecord:
    int64_t pts
    int64_t dts
    int64_t duration
    int64_t pos
    int32_t size
    uint32_t digest
    int32_t flags
    # The picture order count, and how often the count began again earlier in the stream.
    # Only a close scan of a codec with order counts knows them.
    int32_t order
    int32_t order_run
    # What the packet says of later pictures, if `has_headers` of the table is True.
    SequenceHeaders headers


cdef class PacketTable:
    cdef PacketRecord *records
    cdef readonly int count
    cdef int capacity
    # True if the codec stores pictures in another order than that of display.
    cdef readonly bint reorders
    # True if the decoder may show packets that an edit list hides.
    cdef readonly bint may_show_hidden
    # True if the headers of the first packet say that decoding may begin there.
    cdef readonly bint begins_with_entry
    # True if the parameter sets in the header allow packets to hold single fields.
    cdef readonly bint may_have_fields
    # True if the first packet holds a single field of a frame.
    cdef readonly bint begins_with_field
    # True if the first packet holds parameter sets or a sequence header.
    cdef readonly bint begins_with_sets
    # The size of the first picture in pixels, by the headers of its packet; 0 if they do not tell.
    cdef readonly int first_width, first_height
    # True if the records hold picture order counts.
    cdef readonly bint has_order
    # True if a packet's order was not read by our parser.
    cdef bint has_missed
    # True if the records hold what packets say of later pictures.
    cdef bint has_headers

    # Whether packets differ in what the decoder remembers of them.
    cdef DecoderMemory memory

    cdef int note_first(self, Demuxer demuxer, int stream_index, const AVPacket *packet) except -1
    cdef bint note_first_size(self, const AVCodecParameters *parameters, const NalFormat *format,
                              const AVPacket *packet) except -1
    cdef int append(self, const PacketRecord *record) noexcept nogil
    cdef int scan(self, Demuxer demuxer, int stream_index, bint closely, bint asks_all) except -1
    cdef void record_order(self, HeaderCheck check, PictureParser parser, const AVCodecParserContext *other,
                           const AVPacket *packet, PacketRecord *record) noexcept nogil
    cdef void suspect_other_sizes(self) noexcept
    cdef int extend(self, PacketTable other) except -1


cdef uint32_t digest_packet(const AVPacket *packet) noexcept nogil
cdef uint32_t digest_words(const uint64_t *words) noexcept nogil
cdef bint first_packet_agrees(Demuxer demuxer, int stream_index, PacketTable table) except -1
