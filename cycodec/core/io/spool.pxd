"""Spool: a stream that cannot seek, kept in a temporary file as far as it was read."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.byte_store cimport ByteStore
from cycodec.core.io.link cimport Link


cdef class Spool(ByteStore):
    cdef object file                # the temporary file
    cdef int descriptor             # of it
    cdef str name                   # of the source in errors
    cdef Link link                  # where the bytes come from, or None
    cdef object stream              # otherwise: an object with read(size)
    cdef object read_stream         # its method
    cdef int64_t have               # bytes in the file
    cdef int64_t most               # that it may hold
    cdef int64_t total              # that the link promises; -1: not known
    cdef bint ended                 # True once the stream has ended

    cdef bint has_known_size(self) noexcept nogil
    cdef int64_t pull(self) noexcept nogil
    cdef int64_t pull_stream(self, uint8_t *out) noexcept with gil
    cdef int64_t refuse(self) noexcept with gil
