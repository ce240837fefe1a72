"""ByteStore: bytes that can be read at any place; MemoryBytes: those of a buffer."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t


cdef class ByteStore:
    cdef object failure             # an exception of a read, which IOContext.check raises

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil
    cdef int64_t size(self) noexcept nogil
    cdef void check_unchanged(self, str name) except *
    cdef ByteStore in_child(self, str name)


cdef class MemoryBytes(ByteStore):
    cdef Py_buffer view
    cdef bint has_view              # True if `view` must be released
    cdef const uint8_t *data
    cdef int64_t length
