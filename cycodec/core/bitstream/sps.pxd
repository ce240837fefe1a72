"""The sequence parameter sets of H.264 and HEVC."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.bits cimport Bits


cdef enum:
    MAX_BYTES = 1024        # more than a set needs up to its colours; the rest is not read

cdef struct Sps:
    int id                  # by which H.264's picture parameter sets name it
    int chroma              # chroma_format_idc, 0 to 3
    int luma_depth
    int chroma_depth
    int width               # of the coded picture, in luma samples
    int height
    int left                # columns to crop, in luma samples
    int right
    int top                 # rows to crop
    int bottom
    bint frames_only        # True if no picture is a field
    int top_layer           # HEVC's highest TemporalId
    int full_range          # 0 or 1; -1 if the set does not say it
    bint has_colours        # True if the set holds primaries, transfer and matrix
    int primaries           # as ISO/IEC 23091-2 numbers them
    int transfer
    int matrix


cdef bint read_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil
cdef bint read_hevc_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil
cdef bint has_chroma_format(unsigned profile) noexcept nogil
cdef void open_payload(Bits *bits, uint8_t *payload, const uint8_t *data, int size) noexcept nogil
cdef void skip_scaling_list(Bits *bits, int size) noexcept nogil
