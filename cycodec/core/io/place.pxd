"""Place: where a source is in its store."""

from libc.stdint cimport int64_t, uint8_t


cdef struct Place:
    void *store                     # the ByteStore
    int64_t base                    # where the source begins in it
    int64_t length                  # of the source; -1: up to the end of the store
    int64_t pos                     # of FFmpeg, in the source


cdef int64_t read_part(Place *place, int64_t pos, uint8_t *out, int64_t size) noexcept nogil
cdef int64_t size_of(Place *place) noexcept nogil
cdef int read_place(void *opaque, uint8_t *buffer, int size) noexcept nogil
cdef int64_t seek_place(void *opaque, int64_t offset, int whence) noexcept nogil
