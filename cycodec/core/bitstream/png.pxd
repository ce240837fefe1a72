"""The chunks of PNG pictures."""

from libc.stdint cimport uint8_t


cdef bint has_right_checksums(const uint8_t *data, int size) noexcept nogil
