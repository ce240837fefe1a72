"""Request: which frames are wanted, and where they go."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.wanted cimport Wanted


cdef enum:
    # In `valid`: the frame cannot be decoded, and no good frame is before it, so that its picture
    # is black.
    NOTHING_BEFORE = 2


cdef class Request:
    cdef readonly PictureSpec spec
    cdef readonly object positions
    cdef Wanted wanted
    # Addresses of the caller's memory.
    cdef uint8_t *out
    cdef int64_t *pts
    cdef int64_t *durations
    cdef uint8_t *valid
