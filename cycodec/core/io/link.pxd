"""Link: an open connection to a URL; Watch: what ends an operation early."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.byte_store cimport ByteStore
from cycodec.libav.avformat cimport AVFormatContext, AVIOContext, AVIOInterruptCB
from cycodec.libav.avutil cimport AVDictionary


cdef struct WatchState:
    AVFormatContext *context        # whose `pb` is read; NULL: none
    AVIOContext *link               # that is read instead; NULL: none
    int64_t timeout                 # in microseconds; 0 waits for ever
    int64_t deadline                # of the operation under way; 0 before the first one
    int64_t last_call               # when FFmpeg asked last whether to go on
    int64_t bytes_read              # of the source when the deadline was set
    bint is_expired                 # True if the deadline has stopped an operation
    int64_t last_look               # when signals were looked for last
    bint is_interrupted             # True if a signal handler has raised an exception
    bint is_cancelled               # True if nobody wants the result of the operation any more
    void *owner                     # the Watch


cdef class Watch:
    cdef WatchState state
    cdef object failure             # the exception of the signal handler

    cdef void begin(self) noexcept nogil
    cdef bint is_interrupted(self) noexcept nogil
    cdef int check(self) except -1
    cdef AVIOInterruptCB callback(self) noexcept nogil


cdef class Link(ByteStore):
    cdef AVIOContext *ptr
    cdef Watch watch
    # What it was opened with, to connect again.
    cdef bytes url
    cdef const char *text
    cdef AVDictionary *options
    # The size when it was asked for last; 0: unknown.
    cdef int64_t known_size

    cdef int open(self, bytes url, AVDictionary **options) except? -1
    cdef int connect(self, AVDictionary **options) noexcept nogil
    cdef int seek(self, int64_t pos) noexcept nogil
    cdef bint must_end(self) noexcept nogil
    cdef bint is_behind_end(self, int64_t pos) noexcept nogil
    cdef bint is_seekable(self) noexcept nogil
    cdef void abandon(self) noexcept
