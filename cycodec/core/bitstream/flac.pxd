"""Headers of FLAC frames."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef enum:
    FLAC_FORM_BYTES = 4         # bytes of a header that hold the stream's format
    FLAC_LONGEST_HEADER = 16    # bytes


cdef struct FlacHeader:
    int64_t first_sample        # number of the frame's first sample in the stream
    int32_t samples             # of each channel


cdef int flac_form(const uint8_t *header) noexcept nogil
cdef int32_t flac_samples(const uint8_t *data, int size) noexcept nogil
cdef bint read_flac_header(const uint8_t *data, const uint8_t *sibling, int32_t block_size,
                           FlacHeader *header) noexcept nogil
