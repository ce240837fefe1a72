"""IOContext: one AVIOContext behind every kind of source."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.access cimport Access, Rules
from cycodec.core.io.byte_store cimport ByteStore
from cycodec.core.io.link cimport Link, Watch
from cycodec.core.io.place cimport Place
from cycodec.libav.avformat cimport AVIOContext
from cycodec.libav.avutil cimport AVDictionary


cdef class IOContext:
    cdef AVIOContext *ptr           # NULL before `connect`, and for URLs that FFmpeg opens itself
    cdef bint owns_ptr              # True if `ptr` must be freed
    cdef readonly str name          # of the source in errors
    cdef readonly str url           # the argument of avformat_open_input
    cdef readonly object origin     # the user's object: path or URL, buffer, file-like, part
    cdef readonly Access access     # what the user allows
    cdef readonly Rules rules       # what FFmpeg may therefore use
    cdef readonly ByteStore store   # None before a URL is connected
    cdef readonly Watch watch       # the timeout of a URL
    cdef Link link                  # the connection of a URL, or None
    cdef str link_url               # what to connect to; None: nothing
    cdef tuple link_options         # of the user, which the protocol has taken
    cdef IOContext root             # the first context of the source, which knows its spool
    cdef object pending             # exception of a callback, which the next check raises
    cdef Place place

    cdef void free(self) noexcept
    cdef int use_store(self, ByteStore store) except -1
    cdef int allocate(self) except -1
    cdef int connect(self, AVDictionary **options) except? -1
    cdef int open_link(self, AVDictionary **options) except? -1
    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil
    cdef int64_t byte_size(self) noexcept nogil
    cdef bint has_failed(self) noexcept nogil
    cdef int check(self, int code, str operation) except -1
    cdef bytes head(self, int size)
    cdef void abandon(self) noexcept


cdef str describe_source(object origin)
