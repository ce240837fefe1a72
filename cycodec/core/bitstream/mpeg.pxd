"""The headers of MPEG-1, MPEG-2 and MPEG-4 pictures."""

from libc.stdint cimport uint8_t, uint32_t


cdef struct SequenceShape:
    # False before the first sequence header.
    bint is_known
    # The bits of the headers that tell the size of pictures, the shape of pixels, the scanning and
    # the delay.
    uint32_t header
    uint32_t extension
    uint32_t display
    # True if the chroma format has changed.
    bint changes_chroma


cdef bint holds_one_mpeg2_frame(
    const uint8_t *data, int size, bint is_split, bint *is_entry, bint *is_b
) noexcept nogil
cdef bint holds_one_mpeg4_picture(const uint8_t *data, int size, bint *is_entry, bint *is_b) noexcept nogil
cdef bint begins_with_plain_frame(const uint8_t *data, int size, int rows, int reach) noexcept nogil
cdef bint has_misplaced_slice(const uint8_t *data, int size, int rows) noexcept nogil
cdef bint changes_sequence(SequenceShape *known, const uint8_t *data, int size) noexcept nogil
cdef bint begins_steady_sequence(const uint8_t *data, int size) noexcept nogil
cdef int mpeg4_picture_place(const uint8_t *data, int size) noexcept nogil
cdef bint may_be_uncoded_mpeg4(int size) noexcept nogil
