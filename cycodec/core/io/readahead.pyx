"""Reads of a file-like object, in few and large pieces.

A file-like object may be remote, so that each read takes tens of milliseconds. Consecutive reads
grow, from the size that FFmpeg wants up to MOST_AHEAD. The last reads are kept, up to KEPT_BYTES:
to open a file FFmpeg reads from both ends of it, and decoding begins with bytes that opening has
read.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcpy


cdef int64_t MOST_AHEAD = 1 << 20
cdef int64_t KEPT_BYTES = 4 << 20


cdef class ReadAhead:
    """The last reads of a file-like object, and the size of the next one.

    Parameters
    ----------
    file : file-like
    name : str
        Its name in errors.
    """

    def __cinit__(self, object file, str name not None):
        self.file = file
        self.name = name
        self.blocks = []
        self.next_pos = -1

    cdef int64_t copy(self, int64_t pos, uint8_t *buffer, int size) except -1:
        """Copy up to `size` bytes from a position; return their number, which is 0 at the end."""
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
        """Read from the object after a seek, because other code may have moved it."""
        self.file.seek(pos, 0)
        return read_bytes(self.file.read, size, self.name)

    cdef int64_t size(self) except -1:
        """Return the size of the object in bytes, by a seek to its end."""
        result = self.file.seek(0, 2)
        return result if result is not None else self.file.tell()


cdef bytes read_bytes(object read, int64_t size, str name):
    """Call a method that reads up to `size` bytes, and check its answer; `name` is the source's."""
    cdef Py_buffer view
    data = read(size)
    if data is None:
        raise BlockingIOError(f"{name}: read({size}) gave None (a source must be in blocking mode)")
    if isinstance(data, str):
        raise TypeError(f"{name}: read({size}) gave str, bytes are needed (open the file in mode 'rb')")
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if view.len > size:
            raise ValueError(f"{name}: read({size}) gave {view.len} bytes, more than asked for")
        return data if type(data) is bytes else (<char *> view.buf)[:view.len]
    finally:
        PyBuffer_Release(&view)


def set_limits(int64_t most_ahead=1 << 20, int64_t kept_bytes=4 << 20):
    """Set the largest size of a read and of the kept data of each object, for tests.

    Without arguments, restore both.
    """
    global MOST_AHEAD, KEPT_BYTES
    MOST_AHEAD, KEPT_BYTES = most_ahead, kept_bytes
