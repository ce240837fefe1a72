"""ReadAhead: a file-like object read in few and large pieces."""

from libc.stdint cimport int64_t, uint8_t


cdef class ReadAhead:
    cdef object file
    cdef str name
    cdef list blocks                # (position, bytes) of the last reads, oldest first
    cdef int64_t kept               # bytes in the blocks
    cdef int64_t next_pos           # where the last read ended; -1 before the first
    cdef int64_t ahead              # size of the last read

    cdef int64_t copy(self, int64_t pos, uint8_t *buffer, int size) except -1
    cdef bytes read(self, int64_t pos, int64_t size)
    cdef int64_t size(self) except -1


cdef bytes read_bytes(object read, int64_t size, str name)
