"""The sequence parameter sets of H.264 and HEVC: what they say of the stream's pictures."""

from libc.stdint cimport uint8_t


cdef struct Bits:
    const uint8_t *data
    int size                # bits
    int pos
    bint overrun


cdef unsigned read_bits(Bits *bits, int count) noexcept nogil
cdef unsigned read_golomb(Bits *bits) noexcept nogil


cdef struct Sps:
    int chroma              # chroma_format_idc: 0 to 3
    int luma_depth
    int chroma_depth
    int width               # coded, in luma samples
    int height
    int left                # what is cut off, in luma samples
    int right
    int top
    int bottom
    bint frames_only        # no picture is a field
    int top_layer           # HEVC's highest TemporalId
    int full_range          # -1: it does not say; 0 or 1
    bint has_colours        # whether it says the next three, which are codes of ISO/IEC 23091-2
    int primaries
    int transfer
    int matrix


cdef bint read_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil
cdef bint read_hevc_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil
