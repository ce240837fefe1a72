"""Wanted: the positions that a request asks for, in order."""

from libc.stdint cimport int32_t, int64_t


cdef struct Slot:
    # What the reader is asked for: a frame number or an instant, as its index defines.
    int64_t position
    # Which picture of the result the frame becomes.
    int32_t slot


cdef class Wanted:
    # Rising by position.
    cdef Slot *slots
    cdef int count
    # True if frames that cannot be decoded are replaced instead of raising.
    cdef readonly bint masking

    cdef int first_from(self, int64_t position) noexcept nogil
    cdef bint holds(self, int64_t position) noexcept nogil
    cdef bint needs(self, int64_t number) noexcept nogil


# No position at all: what a reader has between requests.
cdef Wanted NOTHING
