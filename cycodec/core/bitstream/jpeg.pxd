"""JpegSegment, a segment before the scan of a JPEG; facts in these segments."""

from libc.stdint cimport uint8_t


cdef struct JpegSegment:
    # The second byte of its marker.
    uint8_t marker
    # What follows the marker, which begins with the length, and its size in the data.
    const uint8_t *data
    int size
    # The length that it states. One below 2 is not possible.
    int length
    # Where the next segment is.
    int end


cdef bint next_jpeg_segment(const uint8_t *data, int size, JpegSegment *segment) noexcept nogil
cdef bint has_jpeg_tables(const uint8_t *data, int size) noexcept nogil
cdef bint read_jpeg_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil
