"""Facts in the headers of JPEG."""

from libc.stdint cimport uint8_t


cdef bint read_jpeg_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil
