"""File-like objects: what is behind one, and reading one that can seek.

Note [What is behind a file-like object]

A decoder of an open file reads its descriptor, which forked processes can read, too. Only Python's
own classes are taken for open files: an object of another class may give other bytes than its
descriptor, as a GzipFile does. Files of fsspec name their filesystem and their path, by which
another process opens them again. All other objects belong to the process that made them.
"""

import io
import os
import pickle
import stat
import sys
import tempfile

from libc.errno cimport ENOSYS

from cycodec.core.error import ClosedError, StaleIndexError
from cycodec.core.io.readahead cimport ReadAhead

from cycodec.libav cimport avutil


cdef class FileObject(ByteStore):
    """A file-like object that can seek, read with the GIL.

    Parameters
    ----------
    file : file-like
    name : str
        Its name in errors.
    """

    def __cinit__(self, object file, str name not None):
        file.seek(0, 0)
        self.file = file
        self.ahead = ReadAhead(file, name)
        self.length = -1

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        if 0 <= self.length <= pos:
            return 0
        return self.read_with_gil(pos, out, min(size, <int64_t> 1 << 30))

    cdef int64_t read_with_gil(self, int64_t pos, uint8_t *out, int64_t size) noexcept with gil:
        if self.failure is not None:
            return avutil.AVERROR_EXTERNAL
        try:
            return self.ahead.copy(pos, out, <int> size)
        except BaseException as exception:
            self.failure = exception
            return avutil.AVERROR_EXTERNAL

    cdef int64_t size(self) noexcept nogil:
        return self.length if self.length >= 0 else self.size_with_gil()

    cdef int64_t size_with_gil(self) noexcept with gil:
        if self.failure is not None:
            return avutil.AVERROR_EXTERNAL
        try:
            self.length = self.ahead.size()
        except BaseException as exception:
            self.failure = exception
            return avutil.AVERROR_EXTERNAL
        return self.length if self.length >= 0 else avutil.AVERROR(ENOSYS)

    cdef ByteStore in_child(self, str name):
        remote = remote_file_of(self.file)
        if remote is None:
            raise TypeError(
                f"{name}: a file-like source cannot be used in a forked process, its position is shared "
                "with the parent (make the decoder in the worker, or pass a path or bytes)"
            )
        cdef FileObject other = FileObject(remote.open(), name)
        cdef int64_t length
        if self.length >= 0:
            length = other.size()
            if length >= 0 and length != self.length:
                raise StaleIndexError(
                    f"{name}: the file has changed since the decoder opened it: it has {length} bytes now and had "
                    f"{self.length} (make a new decoder)", source=name, operation="read",
                )
        return other


cdef class RemoteFile:
    """A file of an fsspec filesystem, which any process can open.

    Parameters
    ----------
    filesystem : fsspec.AbstractFileSystem
    path : str
        The file's path in it.
    """

    def __init__(self, filesystem, path):
        self.filesystem = filesystem
        self.path = path

    def __reduce__(self):
        return RemoteFile, (self.filesystem, self.path)

    def open(self):
        """Open the file in this process. A filesystem of a parent process is made anew."""
        return pickle.loads(pickle.dumps(self.filesystem)).open(self.path, "rb")


cdef RemoteFile remote_file_of(object origin):
    """Return how to open a file-like object of fsspec again; None for other objects."""
    if isinstance(origin, RemoteFile):
        return origin
    filesystem = getattr(origin, "fs", None)
    path = getattr(origin, "path", None)
    if not isinstance(path, str) or not callable(getattr(filesystem, "open", None)):
        return None
    return RemoteFile(filesystem, path)


cdef object open_file_of(object origin):
    """Return (descriptor, path or None) of a file-like object that is an open regular file.

    Return None for other objects. See Note [What is behind a file-like object].
    """
    file = origin
    if isinstance(file, tempfile._TemporaryFileWrapper):
        file = file.file
    elif remote_file_of(file) is not None:
        if getattr(file, "compression", None):
            return None
        file = getattr(file, "f", None)
    if type(file) not in (io.FileIO, io.BufferedReader, io.BufferedRandom):
        return None
    if type(file) is not io.FileIO and type(file.raw) is not io.FileIO:
        return None
    if file.closed or not file.readable():
        return None
    if file.writable():
        file.flush()
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    path = None
    if isinstance(file.name, (str, bytes)):
        path = os.path.abspath(os.fsdecode(file.name))
        try:
            if not os.path.samestat(os.stat(path), status):
                path = None
        except OSError:
            path = None
    return file.fileno(), path


cdef bint can_seek(object origin):
    """Return True if a file-like object can go back to its beginning."""
    if not callable(getattr(origin, "seek", None)):
        return False
    # a member of a tar stream says that it can seek, or fails to answer
    tarfile = sys.modules.get("tarfile")
    behind = getattr(getattr(origin, "raw", None), "fileobj", None)
    if tarfile is not None and isinstance(behind, tarfile._Stream):
        return False
    return not callable(getattr(origin, "seekable", None)) or bool(origin.seekable())


cdef int refuse_closed(object origin, str name) except -1:
    """Raise an error for a file-like object that is closed or gives text."""
    if isinstance(origin, io.TextIOBase):
        raise TypeError(f"{name} gives str, bytes are needed (open the file in mode 'rb')")
    if getattr(origin, "closed", False) is True:
        raise ClosedError(f"{name} is closed (open it again)", source=name, operation="open")
    return 0
