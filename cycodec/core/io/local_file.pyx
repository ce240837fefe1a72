"""An open file of this machine, read without the GIL.

Note [One file, one descriptor]

All readers of a decoder read from one descriptor, by pread, which has no position that they would
share. So they read the same file, whatever takes its name meanwhile, and a forked process reads it,
too. A file that is rewritten in place has another size or another time of change afterwards; then
a request that has read it raises StaleIndexError.
"""

import hashlib
import os

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.error import StaleIndexError
from cycodec.core.io.byte_store cimport ByteStore

from cycodec.libav cimport avutil


cdef extern from "<unistd.h>" nogil:
    int close(int descriptor)
    ssize_t pread(int descriptor, void *buffer, size_t count, int64_t offset)


cdef enum:
    END_BYTES = 64 * 1024       # that `digest` reads at each end
    SAMPLE_BYTES = 4096         # and at each place in between
    NUM_SAMPLES = 16


cdef tuple identity_of(object status):
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


cdef class LocalFile(ByteStore):
    """An open regular file.

    Parameters
    ----------
    path : str or None
        Its path; None if it has none.
    descriptor : int, optional
        A descriptor of it, which is duplicated. By default, the path is opened.
    """

    def __cinit__(self, object path, object descriptor=None):
        self.descriptor = -1
        self.path = path
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
        else:
            descriptor = os.dup(descriptor)
        self.take(descriptor)
        status = os.fstat(self.descriptor)
        self.identity = identity_of(status)
        self.length = status.st_size

    def __dealloc__(self):
        if self.descriptor >= 0:
            close(self.descriptor)

    cdef int take(self, int descriptor) except -1:
        """Own a descriptor instead of the one before."""
        if self.descriptor >= 0:
            close(self.descriptor)
        self.descriptor = descriptor
        return 0

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        cdef ssize_t got = pread(self.descriptor, out, size, pos)
        return got if got >= 0 else avutil.AVERROR(errno)

    cdef int64_t size(self) noexcept nogil:
        return self.length

    cdef void check_unchanged(self, str name) except *:
        now = identity_of(os.fstat(self.descriptor))
        if now != self.identity:
            raise changed(name, self.identity, now)

    cdef ByteStore in_child(self, str name):
        """Return this store, whose descriptor the process has inherited unless somebody closed it.
        """
        try:
            if identity_of(os.fstat(self.descriptor))[:2] == self.identity[:2]:
                return self
        except OSError:
            pass
        self.descriptor = -1        # it belongs to somebody else now
        if self.path is None:
            raise TypeError(
                f"{name}: the descriptor of this file was closed in the forked process, and it has no path to open "
                "it again (make the decoder in the worker)"
            )
        cdef LocalFile other = LocalFile(self.path)
        if other.identity != self.identity:
            raise changed(name, self.identity, other.identity)
        return other

    def digest(self):
        """Return a digest of both ends of the file, and of places in between."""
        length = self.length
        digest = hashlib.blake2b(digest_size=16)
        digest.update(os.pread(self.descriptor, END_BYTES, 0))
        for i in range(1, NUM_SAMPLES):
            digest.update(os.pread(self.descriptor, SAMPLE_BYTES, length * i // NUM_SAMPLES))
        digest.update(os.pread(self.descriptor, END_BYTES, max(length - END_BYTES, 0)))
        return digest.digest()


def changed(str name, tuple before, tuple now):
    """Return the error for a file that is not what it was when a decoder opened it."""
    if before[:2] != now[:2]:
        what = "another file has its name now"
    elif before[2] != now[2]:
        what = f"it has {now[2]} bytes now and had {before[2]}"
    else:
        what = "it was written to"
    return StaleIndexError(
        f"{name}: the file has changed since the decoder opened it: {what} (make a new decoder)",
        source=name, operation="read",
    )
