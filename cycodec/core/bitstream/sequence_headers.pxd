"""SequenceHeaders: what the headers inside packets say of all later pictures."""

from libc.stdint cimport uint8_t, uint32_t

from cycodec.core.bitstream.nal cimport NalFormat


cdef struct SequenceHeaders:
    # 1 if the packet was looked at.
    uint8_t is_known
    # 1 if parameter sets or a sequence header stand in it.
    uint8_t has_sets
    # 1 if the headers tell the colour range, an AVColorRange.
    uint8_t has_range
    uint8_t range
    # 1 if they tell the other colours, as ISO/IEC 23091-2 numbers them.
    uint8_t has_colours
    uint8_t primaries
    uint8_t transfer
    uint8_t matrix


cdef struct DecoderMemory:
    # True if a packet was noted.
    bint is_known
    # What the decoder remembers of that packet; see Note [What decoders remember].
    uint32_t first
    # True if a later packet differs in it.
    bint changes


cdef bint has_sequence_headers(int codec_id) noexcept nogil
cdef bint keeps_colours(int codec_id) noexcept nogil
cdef bint tells_all(int codec_id, const SequenceHeaders *headers) noexcept nogil
cdef void read_sequence_headers(const NalFormat *format, const uint8_t *data, int size,
                                SequenceHeaders *headers) noexcept nogil
cdef void note_memory(DecoderMemory *memory, int codec_id, const uint8_t *data, int size) noexcept nogil
cdef void fill_in(SequenceHeaders *headers, const SequenceHeaders *earlier) noexcept nogil
cdef SequenceHeaders headers_of_extradata(int codec_id, bytes extradata)
