"""Reading a file in chunks, for the functions of ebml.pxd."""

from libc.stdint cimport int64_t


cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int descriptor, void *buffer, size_t count, int64_t offset)


cdef void read_chunk(ByteSource *source, int64_t position) noexcept nogil:
    source.start = position
    source.length = <int> max(pread(source.descriptor, source.chunk, CHUNK, source.base + position), 0)
