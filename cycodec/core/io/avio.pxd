"""AVIOContexts whose functions are ours."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avformat cimport AVIOContext


cdef enum:
    # Each read of a file-like object calls Python, which a large buffer makes rare.
    BUFFER_SIZE = 64 * 1024


cdef AVIOContext *new_avio(void *opaque, int (*read)(void *, uint8_t *, int) noexcept nogil,
                           int (*write)(void *, uint8_t *, int) noexcept nogil,
                           int64_t (*seek)(void *, int64_t, int) noexcept nogil) except NULL
cdef void free_avio(AVIOContext **context) noexcept
