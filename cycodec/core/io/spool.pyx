"""Streams that cannot seek: pipes, sockets, members of tar streams, servers without ranges.

Note [Forward only]

A stream is read once, from where it stands to as far as somebody wants to read, and its bytes stay
in a temporary file. FFmpeg is told that it cannot seek, unless a server says how long it is, so
that demuxers do not look for the end of a stream that may have none. A seek that a request needs
nevertheless reads from the file what came before, or reads the stream on.
"""

import tempfile

from libc.errno cimport EIO, ENOSYS, errno
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from cycodec.core.error import LimitError
from cycodec.core.io.readahead cimport read_bytes

from cycodec.libav cimport avutil


cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int descriptor, void *buffer, size_t count, int64_t offset)
    ssize_t pwrite(int descriptor, const void *buffer, size_t count, int64_t offset)


cdef enum:
    PIECE = 64 * 1024           # bytes that one read of the stream asks for


cdef class Spool(ByteStore):
    """The bytes of a stream.

    Parameters
    ----------
    source : Link or file-like
        A link at its beginning, or an object with ``read(size)``.
    name : str
        Its name in errors.
    most : int
        The largest number of bytes to keep.
    """

    def __cinit__(self, object source, str name not None, int64_t most):
        self.file = tempfile.TemporaryFile(buffering=0)
        self.descriptor = self.file.fileno()
        self.name = name
        self.most = most
        self.total = -1
        if isinstance(source, Link):
            self.link = source
            self.total = max(self.link.size(), -1)
        else:
            self.stream = source
            self.read_stream = reading_method(source)

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        cdef int64_t code
        cdef ssize_t got
        if pos < 0:
            return 0
        while self.have <= pos and not self.ended:
            code = self.pull()
            if code < 0:
                return code
        size = min(size, self.have - pos)
        if size <= 0:
            return 0
        got = pread(self.descriptor, out, size, pos)
        return got if got >= 0 else avutil.AVERROR(errno)

    cdef int64_t pull(self) noexcept nogil:
        """Read a piece of the stream into the file; 0 or AVERROR."""
        cdef uint8_t data[PIECE]
        cdef int64_t got
        cdef int64_t done = 0
        cdef ssize_t written
        if self.link is not None:
            got = self.link.read_at(self.have, data, PIECE)
            if got == avutil.AVERROR(EIO) and self.total < 0:
                got = 0         # what FFmpeg says when such a server closes the connection
        else:
            got = self.pull_stream(data)
        if got < 0:
            return got
        if got == 0:
            self.ended = True
            return 0
        if self.have + got > self.most:
            return self.refuse()
        while done < got:
            written = pwrite(self.descriptor, data + done, got - done, self.have + done)
            if written < 0:
                return avutil.AVERROR(errno)
            done += written
        self.have += got
        return 0

    cdef int64_t pull_stream(self, uint8_t *out) noexcept with gil:
        """Read a piece of the stream into memory; their number, or AVERROR_EXTERNAL."""
        cdef bytes data
        if self.failure is not None:
            return avutil.AVERROR_EXTERNAL
        try:
            data = read_bytes(self.read_stream, PIECE, self.name)
            memcpy(out, <const char *> data, len(data))
            return len(data)
        except BaseException as exception:
            self.failure = exception
            return avutil.AVERROR_EXTERNAL

    cdef int64_t refuse(self) noexcept with gil:
        """Keep the error for a stream that is too long."""
        self.failure = LimitError(
            f"{self.name}: a source that cannot seek is kept in a temporary file, and this one has more than "
            f"max_spool_bytes, {self.most} (pass a larger max_spool_bytes, or store the source in a file and "
            "pass its path)", source=self.name, operation="read",
        )
        return avutil.AVERROR_EXTERNAL

    cdef bint has_known_size(self) noexcept nogil:
        """Return True if the stream says how long it is, so that it ends."""
        return self.total >= 0

    cdef int64_t size(self) noexcept nogil:
        """Return the size that a server has promised.

        The size of other streams stays unknown at their end: demuxers may trim other samples where
        they know it, and all demuxers of a source must give the same.
        """
        return self.total if self.total >= 0 else avutil.AVERROR(ENOSYS)

    cdef ByteStore in_child(self, str name):
        if not self.ended:
            raise TypeError(
                f"{name}: a file-like source that cannot seek cannot be used in a forked process before it was read "
                "to its end (make the decoder in the worker, or pass a path or bytes)"
            )
        return self


cdef object reading_method(object stream):
    """Return `read1`, which does not wait until a piece is full, if it belongs to the same class as
    `read`; else `read`.
    """
    for kind in type(stream).__mro__:
        if "read1" in vars(kind):
            return stream.read1
        if "read" in vars(kind):
            break
    return stream.read
