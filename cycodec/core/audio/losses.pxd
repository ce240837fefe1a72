"""Losses: the packets that gave no samples since the last frame, in order."""

from libc.stdint cimport int64_t


cdef enum:
    MOST_LOSSES = 256       # further ones count with the last of them


cdef struct Loss:
    int64_t ordinal         # of the packet
    int64_t pts             # of the packet
    int64_t samples         # that it should have given
    bint is_mute            # True if the decoder gave neither samples nor an error


cdef class Losses:
    cdef Loss[MOST_LOSSES] items
    cdef int count

    cdef void add(self, int64_t ordinal, int64_t pts, int64_t samples, bint is_mute) noexcept nogil
    cdef void drop_mute(self) noexcept nogil
    cdef void drop_last(self) noexcept nogil
    cdef void clear(self) noexcept nogil
