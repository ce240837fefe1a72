"""Reads of a file-like object: fewer and larger than FFmpeg asks for, and none twice as long as they are remembered.

A file-like object may stand for something far away, where every read is a round trip of tens of milliseconds. Reads that
follow each other grow, from what FFmpeg asks for up to MOST_AHEAD; what was read last is kept, up to KEPT_BYTES, since
opening a file goes to and fro between its ends, and decoding begins where opening has looked already.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcpy


cdef int64_t MOST_AHEAD = 1 << 20
cdef int64_t KEPT_BYTES = 4 << 20


cdef class ReadAhead:
    """What was read of a file-like object, and how its reads go on.

    Parameters
    ----------
    file : file-like
    name : str
        How errors call it.
    """

    def __cinit__(self, object file, str name not None):
        self.file = file
        self.name = name
        self.blocks = []
        self.next_pos = -1

    cdef int64_t copy(self, int64_t pos, uint8_t *buffer, int size) except -1:
        """Up to `size` bytes from a position on; 0 at the end of the file."""
        cdef int64_t start
        cdef bytes data
        cdef int64_t length
        cdef int i
        for i in range(len(self.blocks) - 1, -1, -1):
            start, data = self.blocks[i]
            if start <= pos < start + len(data):
                length = min(<int64_t> size, start + len(data) - pos)
                memcpy(buffer, <const char *> data + (pos - start), length)
                return length
        self.ahead = min(2 * self.ahead, MOST_AHEAD) if pos == self.next_pos else size
        data = self.read(pos, max(self.ahead, size))
        length = len(data)
        self.next_pos = pos + length
        if length == 0:
            return 0
        self.blocks.append((pos, data))
        self.kept += length
        while self.kept > KEPT_BYTES:
            self.kept -= len(self.blocks.pop(0)[1])
        length = min(length, <int64_t> size)
        memcpy(buffer, <const char *> data, length)
        return length

    cdef bytes read(self, int64_t pos, int64_t size):
        """The object's own read, after a seek: somebody else may have moved it."""
        cdef Py_buffer view
        self.file.seek(pos, 0)
        data = self.file.read(size)
        if data is None:
            raise BlockingIOError(f"{self.name}: read({size}) gave None (a source must be in blocking mode)")
        if isinstance(data, str):
            raise TypeError(f"{self.name}: read({size}) gave str, bytes are needed (open the file in mode 'rb')")
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if view.len > size:
                raise ValueError(f"{self.name}: read({size}) gave {view.len} bytes, more than asked for")
            return data if type(data) is bytes else (<char *> view.buf)[:view.len]
        finally:
            PyBuffer_Release(&view)

    cdef int64_t size(self) except -1:
        """Bytes of the whole, by seeking to the end."""
        result = self.file.seek(0, 2)
        return result if result is not None else self.file.tell()


def set_limits(int64_t most_ahead=1 << 20, int64_t kept_bytes=4 << 20):
    """How large reads become and how much is kept of each object; for tests. Without arguments as at first."""
    global MOST_AHEAD, KEPT_BYTES
    MOST_AHEAD, KEPT_BYTES = most_ahead, kept_bytes
