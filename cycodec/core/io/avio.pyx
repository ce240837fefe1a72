"""AVIOContexts whose functions are ours, with their buffers."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.compat cimport compat_avio_alloc

from cycodec.libav cimport avformat, avutil
from cycodec.libav.avformat cimport AVIOContext


cdef AVIOContext *new_avio(void *opaque, int (*read)(void *, uint8_t *, int) noexcept nogil,
                           int (*write)(void *, uint8_t *, int) noexcept nogil,
                           int64_t (*seek)(void *, int64_t, int) noexcept nogil) except NULL:
    """Return an AVIOContext that `free_avio` frees. It is for writing if `write` is not NULL."""
    cdef AVIOContext *context
    cdef unsigned char *buffer = <unsigned char *> avutil.av_malloc(BUFFER_SIZE)
    if buffer == NULL:
        raise MemoryError()
    context = compat_avio_alloc(buffer, BUFFER_SIZE, write != NULL, opaque, read, write, seek)
    if context == NULL:
        avutil.av_free(buffer)
        raise MemoryError()
    return context


cdef void free_avio(AVIOContext **context) noexcept:
    """Free a context of `new_avio`, or NULL, and its buffer."""
    if context[0] != NULL:
        avutil.av_freep(&context[0].buffer)
        avformat.avio_context_free(context)
