"""Bytes to a path, to a Python file-like object, or to memory.

A file is written under another name beside its path, and renamed when it is complete. A failed
encode leaves no half file, and does not destroy a file that was there before.
"""

import io
import operator
import os
import re

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from posix.unistd cimport getpid

from cycodec.core cimport error
from cycodec.core.error import ClosedError, SourceIsDirectoryError, SourceNotFoundError
from cycodec.core.io.avio cimport BUFFER_SIZE, free_avio, new_avio

from cycodec.libav cimport avformat, avutil


cdef enum:
    SEEK_SET = 0
    SEEK_CUR = 1
    SEEK_END = 2

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


cdef class Sink:
    """A writable destination.

    Parameters
    ----------
    destination : str, os.PathLike, file-like or None
        A path or URL, an object with ``write(bytes)`` (and ``seek(offset, whence)``, which many
        formats need), or None for memory.
    """

    def __cinit__(self, destination=None):
        self.owner = getpid()
        if isinstance(destination, os.PathLike):
            destination = os.fsdecode(os.fspath(destination))
        if isinstance(destination, str):
            destination = str.__str__(destination)      # np.str_ and other subclasses
        if destination is None:
            self.name = "<memory>"
            self.ptr = new_avio(<void *> self, NULL, write_memory, seek_memory)
        elif isinstance(destination, str):
            self.name = destination
            self.open_path(destination)
        elif callable(getattr(destination, "write", None)):
            self.name = f"<{type(destination).__name__}>"
            if isinstance(destination, io.TextIOBase):
                raise TypeError(f"{self.name} takes str, bytes are written (open the file in mode 'wb')")
            if getattr(destination, "closed", False) is True:
                raise ClosedError(
                    f"{self.name} is closed (open it again)", source=self.name, operation="open"
                )
            self.file = destination
            seeks = callable(getattr(destination, "seek", None)) and (
                not hasattr(destination, "seekable") or destination.seekable()
            )
            if seeks:
                self.ptr = new_avio(<void *> self, NULL, write_file, seek_file)
            else:
                self.ptr = new_avio(<void *> self, NULL, write_file, NULL)
        else:
            raise TypeError(
                f"cannot write to {type(destination).__name__}: a destination is a path (str or "
                f"os.PathLike), a URL, or "
                "a file-like object with write(bytes)"
            )

    def __dealloc__(self):
        if self.owner != getpid():
            return              # a forked process must not write or remove the parent's file
        if not self.is_file:
            free_avio(&self.ptr)
        elif self.ptr != NULL:
            with nogil:
                avformat.avio_closep(&self.ptr)
        free(self.data)

    def open_path(self, str path):
        cdef bytes name
        cdef const char *url
        cdef int code
        if URL.match(path):
            name = path.encode()
        else:
            if os.path.isdir(path) or not path:
                raise SourceIsDirectoryError(
                    f"{path!r} is a directory (give the path of a file)",
                    source=path, operation="open", errno=21,
                )
            folder = os.path.dirname(path) or "."
            if not os.path.isdir(folder):
                raise SourceNotFoundError(
                    f"{path!r}: there is no directory {folder!r} (make it first)",
                    source=path, operation="open", errno=2,
                )
            self.target = path
            if not os.path.exists(path) or os.path.isfile(path):
                self.draft = f"{path}.{os.getpid()}-{id(self):x}.part"
            name = b"file:" + os.fsencode(self.draft or path)
        url = name
        with nogil:
            code = avformat.avio_open(&self.ptr, url, avformat.AVIO_FLAG_WRITE)
        error.check(code, "open for writing", self.name)
        self.is_file = True

    cdef int check(self, int code, str operation) except -1:
        """Call error.check, but raise the exception of the file-like object if it raised one."""
        if self.pending is not None:
            exception, self.pending = self.pending, None
            raise exception
        return error.check(code, operation, self.name)

    cdef int end(self) except -1:
        """Write the buffered bytes."""
        cdef int code = 0
        if self.ptr == NULL:
            return 0
        if self.is_file:
            with nogil:
                avformat.avio_flush(self.ptr)
                code = self.ptr.error
                if code >= 0:
                    code = avformat.avio_closep(&self.ptr)
                else:
                    avformat.avio_closep(&self.ptr)
        else:
            with nogil:
                avformat.avio_flush(self.ptr)
                code = self.ptr.error
        return self.check(code, "write")

    def commit(self):
        """End the output, and rename the file to its path."""
        self.end()
        if self.draft is not None:
            draft, self.draft = self.draft, None
            os.replace(draft, self.target)

    def discard(self):
        """Remove the incomplete output after an error; a forked process leaves it to its parent."""
        if self.owner != getpid():
            return
        if self.is_file and self.ptr != NULL:
            with nogil:
                avformat.avio_closep(&self.ptr)
        if self.draft is not None:
            draft, self.draft = self.draft, None
            if os.path.exists(draft):
                os.remove(draft)

    def write(self, bytes data not None):
        """Write bytes."""
        cdef const unsigned char *first = data
        cdef int size = <int> len(data)
        with nogil:
            avformat.avio_write(self.ptr, first, size)
        self.check(self.ptr.error, "write")

    @property
    def num_bytes(self):
        """The number of bytes in memory."""
        return self.size

    @property
    def position(self):
        """The number of bytes before the place where the next ones go."""
        return 0 if self.ptr == NULL else self.ptr.pos

    @property
    def draft_path(self):
        """The path of the file that is being written; None for other destinations."""
        return (self.draft or self.target) if self.is_file else None

    @property
    def can_seek(self):
        """True if what was written can be changed."""
        return self.ptr != NULL and self.ptr.seekable != 0

    def copy_to(self, size_t pointer):
        """Copy the bytes in memory to an address that has `num_bytes` bytes."""
        if self.size:
            memcpy(<void *> pointer, self.data, self.size)

    cdef int store(self, const uint8_t *buffer, int count) noexcept nogil:
        """Write bytes to memory at the current position; return their number or AVERROR(ENOMEM)."""
        cdef int64_t capacity = self.capacity
        cdef uint8_t *grown
        if self.pos + count > capacity:
            capacity = max(self.pos + count, capacity * 2, BUFFER_SIZE)
            grown = <uint8_t *> realloc(self.data, capacity)
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.data = grown
            self.capacity = capacity
        if self.pos > self.size:
            memset(self.data + self.size, 0, self.pos - self.size)
        memcpy(self.data + self.pos, buffer, count)
        self.pos += count
        self.size = max(self.size, self.pos)
        return count


cdef int write_memory(void *opaque, uint8_t *buffer, int size) noexcept nogil:
    return (<Sink> opaque).store(buffer, size)


cdef int64_t seek_memory(void *opaque, int64_t offset, int whence) noexcept nogil:
    cdef int64_t size = (<Sink> opaque).size
    cdef int64_t here = (<Sink> opaque).pos
    if whence & avformat.AVSEEK_SIZE:
        return size
    whence &= ~avformat.AVSEEK_FORCE
    if whence == SEEK_CUR:
        offset += here
    elif whence == SEEK_END:
        offset += size
    if offset < 0:
        return avutil.AVERROR_INVALIDDATA
    (<Sink> opaque).pos = offset
    return offset


cdef int64_t written_bytes(str name, object written, int64_t given) except -1:
    """Check the number that a file-like object's `write()` returned."""
    try:
        if isinstance(written, bool):
            raise TypeError
        number = operator.index(written)
    except TypeError:
        raise TypeError(
            f"{name}: write() must return the number of bytes that it wrote, or None, "
            f"not {type(written).__name__}"
        ) from None
    if not 0 < number <= given:
        raise OSError(f"{name}: write({given} bytes) returned {number}")
    return number


cdef int write_file(void *opaque, uint8_t *buffer, int size) noexcept with gil:
    cdef Sink self = <Sink> opaque
    if self.pending is not None:
        return avutil.AVERROR_EXTERNAL
    try:
        data = (<const char *> buffer)[:size]
        while data:
            written = self.file.write(data)
            if written is None:
                break
            data = data[written_bytes(self.name, written, len(data)):]
        return size
    except BaseException as exception:
        self.pending = exception
        return avutil.AVERROR_EXTERNAL


cdef int64_t seek_file(void *opaque, int64_t offset, int whence) noexcept with gil:
    cdef Sink self = <Sink> opaque
    if self.pending is not None:
        return avutil.AVERROR_EXTERNAL
    try:
        if whence & avformat.AVSEEK_SIZE:
            here = self.file.tell()
            self.file.seek(0, SEEK_END)
            size = self.file.tell()
            self.file.seek(here, SEEK_SET)
            return size
        result = self.file.seek(offset, whence & ~avformat.AVSEEK_FORCE)
        return result if result is not None else self.file.tell()
    except BaseException as exception:
        self.pending = exception
        return avutil.AVERROR_EXTERNAL
