"""LocalFile: an open file of this machine."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.byte_store cimport ByteStore


cdef class LocalFile(ByteStore):
    cdef int descriptor             # -1: none
    cdef int64_t length             # when it was opened
    cdef readonly object path       # where it can be opened again; None: nowhere
    cdef readonly tuple identity    # (device, inode, size, time of the last change in ns)

    cdef int take(self, int descriptor) except -1
