"""Sink: where a muxer's bytes go."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avformat cimport AVIOContext


cdef class Sink:
    cdef AVIOContext *ptr
    cdef readonly str name          # how errors call it
    cdef str target                 # path: what it is called in the end
    cdef str draft                  # ... and until then; None where it is written in place
    cdef bint is_file               # opened by FFmpeg
    cdef object file                # a file-like object, or None
    cdef object pending             # exception raised inside a callback
    cdef uint8_t *data              # memory
    cdef int64_t size, capacity, pos

    cdef int allocate(self, void *opaque, int (*write)(void *, uint8_t *, int) noexcept nogil,
                      int64_t (*seek)(void *, int64_t, int) noexcept nogil) except -1
    cdef int check(self, int code, str operation) except -1
    cdef int store(self, const uint8_t *buffer, int count) noexcept nogil
    cdef int end(self) except -1
