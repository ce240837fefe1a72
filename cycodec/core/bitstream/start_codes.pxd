"""Start codes, the three bytes 0, 0, 1 before each unit of MPEG-1 to HEVC."""

from libc.stdint cimport uint8_t


cdef int next_start_code(const uint8_t *data, int position, int size) noexcept nogil
