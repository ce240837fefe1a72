"""Bytes that can be read at any place, whoever has read where before.

Several IOContexts of one source share a store. Each of them has its own position.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.errno cimport ENOSYS
from libc.string cimport memcpy

from cycodec.libav cimport avutil


cdef class ByteStore:
    """Base of all stores."""

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        """Read up to `size` bytes from a position. Return their number, 0 at the end, or AVERROR.

        AVERROR_EXTERNAL says that `failure` holds an exception.
        """
        return avutil.AVERROR(ENOSYS)

    cdef int64_t size(self) noexcept nogil:
        """Return the number of bytes, or AVERROR(ENOSYS) if it is not known."""
        return avutil.AVERROR(ENOSYS)

    cdef void check_unchanged(self, str name) except *:
        """Raise StaleIndexError if the bytes have changed since the store was opened."""
        pass

    cdef ByteStore in_child(self, str name):
        """Return the store for a forked process.

        Raises TypeError if only the parent process can read it.
        """
        return self


cdef class MemoryBytes(ByteStore):
    """The bytes of an object with the buffer protocol, which stays alive and locked."""

    def __cinit__(self, object origin):
        try:
            PyObject_GetBuffer(origin, &self.view, PyBUF_SIMPLE)
        except (TypeError, BufferError, ValueError):
            raise TypeError(
                f"cannot read from {type(origin).__name__}: a source is a path (str or os.PathLike), a URL, bytes, "
                "a 1-D uint8 tensor, a file-like object with read(size), or a part of a file (path_or_url, offset, "
                "length)"
            ) from None
        self.has_view = True
        self.data = <const uint8_t *> self.view.buf
        self.length = self.view.len

    def __dealloc__(self):
        if self.has_view:
            self.has_view = False
            PyBuffer_Release(&self.view)

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        size = min(size, self.length - pos)
        if pos < 0 or size <= 0:
            return 0
        memcpy(out, self.data + pos, size)
        return size

    cdef int64_t size(self) noexcept nogil:
        return self.length
