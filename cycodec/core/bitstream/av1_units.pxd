"""The units of AV1 packets, the OBUs."""

from libc.stdint cimport uint8_t


cdef int count_shown_av1(const uint8_t *data, int size) noexcept nogil
