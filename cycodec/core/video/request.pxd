"""Request: which frames are wanted, and where they go."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec


cdef struct Slot:
    # What the reader is asked for: a number or an instant, as its index defines.
    int64_t position
    # Which picture of the result the frame becomes.
    int32_t slot


cdef enum:
    # In `valid`: the frame cannot be decoded, and no good frame is before it, so that its picture is black.
    NOTHING_BEFORE = 2


cdef class Request:
    cdef readonly PictureSpec spec
    cdef readonly object positions
    # In rising order of positions.
    cdef Slot *slots
    cdef int count
    # Addresses of the caller's memory.
    cdef uint8_t *out
    cdef int64_t *pts
    cdef int64_t *durations
    cdef uint8_t *valid
    # True if frames that cannot be decoded are replaced instead of raising.
    cdef readonly bint masking
