"""SourceBytes: the encoded bytes of an image in memory."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.source cimport IOContext


cdef class SourceBytes:
    cdef IOContext io
    cdef const uint8_t *data
    cdef readonly int64_t size
    cdef uint8_t *owned             # NULL if the bytes belong to the source
    cdef int64_t most               # bytes that may be read into memory
    cdef readonly bytes head        # the first bytes
    cdef readonly str name          # of the source in errors

    cdef int read_all(self, int64_t most) except -1


cdef int check_image(int code, str format, str name, const char *message) except -1
cdef enum:
    IMAGE_NO_MEMORY = -1000004
