"""Numbers that are stored with their lowest byte first."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef inline uint32_t little32(const uint8_t *data) noexcept nogil:
    return data[0] | data[1] << 8 | data[2] << 16 | <uint32_t> data[3] << 24


cdef inline uint64_t little64(const uint8_t *data) noexcept nogil:
    return little32(data) | <uint64_t> little32(data + 4) << 32
