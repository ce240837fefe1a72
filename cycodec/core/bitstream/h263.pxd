"""Facts in the bytes of Sorenson's H.263 (FLV1)."""

from libc.stdint cimport uint8_t


cdef bint read_flv1_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil
