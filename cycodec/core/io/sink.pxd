"""Sink: where a muxer's bytes go."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avformat cimport AVIOContext


cdef class Sink:
    cdef AVIOContext *ptr
    cdef readonly str name          # of the destination in errors
    cdef str target                 # the path that the user gave
    cdef str draft                  # path of the draft; None if the target itself is written
    cdef bint is_file               # True if FFmpeg opened the destination
    cdef object file                # the file-like object, or None
    cdef object pending             # exception of a callback, which the next check raises
    cdef uint8_t *data              # the bytes, if the destination is memory
    cdef int64_t size               # number of bytes in memory
    cdef int64_t capacity           # size of the allocation
    cdef int64_t pos                # where the next write goes
    cdef int owner                  # the process that made this object

    cdef int check(self, int code, str operation) except -1
    cdef int store(self, const uint8_t *buffer, int count) noexcept nogil
    cdef int end(self) except -1
