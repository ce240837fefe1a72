"""IOContext: one AVIOContext behind every kind of source."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.readahead cimport ReadAhead
from cycodec.libav.avformat cimport AVIOContext


cdef struct Memory:
    const uint8_t *data
    int64_t size
    int64_t pos


cdef class IOContext:
    cdef AVIOContext *ptr           # NULL for paths and URLs: FFmpeg's own protocols read those
    cdef readonly str name          # how errors call the source
    cdef readonly str url           # what avformat_open_input is given
    cdef readonly object origin     # what the user gave: path or URL, buffer, file-like
    cdef object pending             # exception raised inside a callback, to be raised at the next check
    cdef Py_buffer view
    cdef bint has_view
    cdef Memory memory
    # of a file-like object
    cdef ReadAhead ahead
    cdef int64_t pos                # as FFmpeg sees it
    cdef int64_t file_size          # once asked for; -1 before

    cdef void free(self) noexcept
    cdef int allocate(self, void *opaque, int (*read)(void *, uint8_t *, int) noexcept nogil,
                      int64_t (*seek)(void *, int64_t, int) noexcept nogil) except -1
    cdef int check(self, int code, str operation) except -1
    cdef void abandon(self) noexcept


cdef str describe_source(object origin)
