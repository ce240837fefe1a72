"""IOContext: one AVIOContext behind every kind of source."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.access cimport Access, Rules
from cycodec.core.io.readahead cimport ReadAhead
from cycodec.libav.avformat cimport AVIOContext


cdef struct Memory:
    const uint8_t *data
    int64_t size
    int64_t pos


cdef class IOContext:
    cdef AVIOContext *ptr           # NULL for paths and URLs, which FFmpeg opens itself
    cdef readonly str name          # of the source in errors
    cdef readonly str url           # the argument of avformat_open_input
    cdef readonly object origin     # the user's object: path or URL, buffer, file-like
    cdef readonly Access access     # what the user allows
    cdef readonly Rules rules       # what FFmpeg may therefore use
    cdef object pending             # exception of a callback, which the next check raises
    cdef Py_buffer view
    cdef bint has_view
    cdef Memory memory
    # for a file-like object
    cdef ReadAhead ahead
    cdef int64_t pos                # position for FFmpeg
    cdef int64_t file_size          # -1 before it is known

    cdef void free(self) noexcept
    cdef int allocate(self, void *opaque, int (*read)(void *, uint8_t *, int) noexcept nogil,
                      int64_t (*seek)(void *, int64_t, int) noexcept nogil) except -1
    cdef int check(self, int code, str operation) except -1
    cdef bytes head(self, int size)
    cdef void abandon(self) noexcept


cdef str describe_source(object origin)
