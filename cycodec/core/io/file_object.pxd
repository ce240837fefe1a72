"""FileObject: a file-like object that can seek."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.byte_store cimport ByteStore
from cycodec.core.io.readahead cimport ReadAhead


cdef class FileObject(ByteStore):
    cdef object file
    cdef ReadAhead ahead
    cdef int64_t length             # -1 before it is known

    cdef int64_t read_with_gil(self, int64_t pos, uint8_t *out, int64_t size) noexcept with gil
    cdef int64_t size_with_gil(self) noexcept with gil


cdef object open_file_of(object origin)
cdef bint can_seek(object origin)
cdef RemoteFile remote_file_of(object origin)


cdef class RemoteFile:
    cdef readonly object filesystem     # of fsspec
    cdef readonly object path           # in it


cdef int refuse_closed(object origin, str name) except -1
