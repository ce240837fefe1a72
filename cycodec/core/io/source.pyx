"""Bytes from a path or URL, a buffer or a Python file-like object.

Memory is read without the GIL. FFmpeg's read and seek callbacks call a file-like object with the
GIL held. They never raise: they keep the exception, and the next `check` raises it instead of
FFmpeg's error.
"""

import io
import os
import re

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from cycodec.core cimport error
from cycodec.core.compat cimport compat_avio_alloc
from cycodec.core.error import (
    ClosedError,
    FFmpegValueError,
    InvalidDataError,
    SourceIsDirectoryError,
    SourceNotFoundError,
    SourcePermissionError,
)
from cycodec.core.io.access cimport Access, is_allowed_scheme, is_known_scheme, rules_of, scheme_of
from cycodec.core.io.readahead cimport ReadAhead

from cycodec.libav cimport avformat, avutil


# Each read of a file-like object calls Python; 64 KiB makes that rare.
cdef enum:
    BUFFER_SIZE = 64 * 1024
    SEEK_SET = 0
    SEEK_CUR = 1
    SEEK_END = 2

cdef Access ORDINARY_ACCESS = Access()

URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|file:)")


cdef str describe_source(object origin):
    """Return a short name of a source for errors."""
    if isinstance(origin, str):
        return origin
    if isinstance(origin, (bytes, bytearray)):
        return f"<{len(origin)} bytes>"
    name = getattr(origin, "name", None)
    kind = type(origin).__name__
    return f"<{kind} {name!r}>" if isinstance(name, (str, bytes)) else f"<{kind}>"


cdef class IOContext:
    """A readable source.

    Parameters
    ----------
    origin : str, os.PathLike, buffer or file-like
        A path or URL, an object with the buffer protocol (bytes, memoryview, uint8 NumPy array), or
        an object with ``read(size)`` and ``seek(offset, whence)``.
    name : str, optional
        Its name in errors; the default is made from `origin`.
    access : Access, optional
        What opening it may reach: Note [One resource] in access.pyx.
    """

    def __cinit__(self, object origin, str name=None, Access access=None):
        self.file_size = -1
        self.access = access if access is not None else ORDINARY_ACCESS
        if isinstance(origin, os.PathLike):
            origin = os.fspath(origin)
            if isinstance(origin, bytes):
                origin = os.fsdecode(origin)
        if isinstance(origin, str) and type(origin) is not str:
            origin = str.__str__(origin)    # np.str_ and other subclasses
        self.origin = origin
        self.name = name or describe_source(origin)
        if isinstance(origin, str):
            self.open_path(origin)
        elif hasattr(origin, "read"):
            self.open_file(origin)
        else:
            self.open_memory(origin)
        self.rules = rules_of(self.access, self.url)

    def __dealloc__(self):
        self.free()

    cdef void free(self) noexcept:
        if self.ptr != NULL:
            avutil.av_freep(&self.ptr.buffer)
            avformat.avio_context_free(&self.ptr)
        if self.has_view:
            self.has_view = False
            self.memory.data = NULL
            PyBuffer_Release(&self.view)

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: Note [After fork] in video/stream.pyx."""
        self.ptr = NULL
        self.has_view = False

    def again(self):
        """Return another context of the same source.

        It shares the reads of a file-like object.
        """
        cdef IOContext other = IOContext(self.origin, self.name, self.access)
        if self.ahead is not None:
            other.ahead = self.ahead
            other.file_size = self.file_size
        return other

    def open_path(self, str path):
        if "\0" in path:
            raise FFmpegValueError(f"{path!r}: a path cannot hold a null character", source=path, operation="open")
        if self.open_url(path):
            return
        if not path or not os.path.exists(path):
            raise SourceNotFoundError(
                f"{path!r}: no such file (check the path; relative paths start at {os.getcwd()!r})",
                source=path, operation="open", errno=2,
            )
        if os.path.isdir(path):
            raise SourceIsDirectoryError(
                f"{path!r} is a directory (give the path of a file)", source=path, operation="open", errno=21
            )
        if not os.access(path, os.R_OK):
            raise SourcePermissionError(
                f"{path!r} may not be read (check its permissions)", source=path, operation="open", errno=13
            )
        # without the prefix, FFmpeg would take "a:b.mp4" for a protocol
        self.url = "file:" + path

    def open_url(self, str url):
        """Take a str for a URL, or return False if it is a path."""
        scheme = scheme_of(url)
        if scheme is None or os.path.exists(url):
            return False
        if not URL.match(url) and not (is_known_scheme(scheme) and scheme in self.access.protocols):
            return False
        if not is_allowed_scheme(self.access, scheme):
            raise SourcePermissionError(
                f"{url!r}: URLs of scheme {scheme!r} are not opened by default (pass protocols=[{scheme!r}] if you "
                "trust where the URL comes from)", source=url, operation="open", errno=13,
            )
        # FFmpeg knows schemes in lower case only
        self.url = url[:len(scheme)].lower() + url[len(scheme):]
        return True

    def open_memory(self, object origin):
        try:
            PyObject_GetBuffer(origin, &self.view, PyBUF_SIMPLE)
        except (TypeError, BufferError, ValueError):
            raise TypeError(
                f"cannot read from {type(origin).__name__}: a source is a path (str or os.PathLike), a URL, bytes, "
                "a 1-D uint8 tensor, or a file-like object with read(size) and seek(offset, whence)"
            ) from None
        self.has_view = True
        self.memory.data = <const uint8_t *> self.view.buf
        self.memory.size = self.view.len
        if self.view.len == 0:
            raise InvalidDataError(f"{self.name}: the source is empty (0 bytes)", source=self.name, operation="open")
        self.url = ""
        self.allocate(&self.memory, read_memory, seek_memory)

    def open_file(self, object origin):
        if not callable(getattr(origin, "seek", None)):
            raise TypeError(
                f"{self.name} has read() but no seek(): read it whole and pass the bytes, or give a seekable object"
            )
        if isinstance(origin, io.TextIOBase):
            raise TypeError(f"{self.name} gives str, bytes are needed (open the file in mode 'rb')")
        if getattr(origin, "closed", False) is True:
            raise ClosedError(f"{self.name} is closed (open it again)", source=self.name, operation="open")
        origin.seek(0, SEEK_SET)
        self.ahead = ReadAhead(origin, self.name)
        self.url = ""
        self.allocate(<void *> self, read_file, seek_file)

    @property
    def path(self):
        """The path of a local file; None for every other source."""
        return self.url[5:] if self.ptr == NULL and self.url.startswith("file:") else None

    cdef int allocate(self, void *opaque, int (*read)(void *, uint8_t *, int) noexcept nogil,
                      int64_t (*seek)(void *, int64_t, int) noexcept nogil) except -1:
        cdef unsigned char *buffer = <unsigned char *> avutil.av_malloc(BUFFER_SIZE)
        if buffer == NULL:
            raise MemoryError()
        self.ptr = compat_avio_alloc(buffer, BUFFER_SIZE, 0, opaque, read, NULL, seek)
        if self.ptr == NULL:
            avutil.av_free(buffer)
            raise MemoryError()
        return 0

    @property
    def failed(self):
        """True if the file-like object has raised an exception that the next `check` raises."""
        return self.pending is not None

    cdef bytes head(self, int size):
        """Return the first bytes of the source, or b"" if they would need another request."""
        if self.has_view:
            return (<const char *> self.memory.data)[:min(<int64_t> size, self.memory.size)]
        if self.ahead is not None:
            return self.ahead.read(0, size)
        if self.path is not None:
            with open(self.path, "rb") as file:
                return file.read(size)
        return b""

    cdef int check(self, int code, str operation) except -1:
        """Call error.check, but raise the exception of the file-like object if it raised one."""
        if self.pending is not None:
            exception, self.pending = self.pending, None
            raise exception
        return error.check(code, operation, self.name)


cdef int read_memory(void *opaque, uint8_t *buffer, int size) noexcept nogil:
    cdef Memory *memory = <Memory *> opaque
    cdef int64_t left = memory.size - memory.pos
    if left <= 0:
        return avutil.AVERROR_EOF
    if size > left:
        size = <int> left
    memcpy(buffer, memory.data + memory.pos, size)
    memory.pos += size
    return size


cdef int64_t seek_memory(void *opaque, int64_t offset, int whence) noexcept nogil:
    cdef Memory *memory = <Memory *> opaque
    if whence & avformat.AVSEEK_SIZE:
        return memory.size
    whence &= ~avformat.AVSEEK_FORCE
    if whence == SEEK_CUR:
        offset += memory.pos
    elif whence == SEEK_END:
        offset += memory.size
    if offset < 0:
        return avutil.AVERROR_INVALIDDATA
    memory.pos = offset
    return offset


cdef int read_file(void *opaque, uint8_t *buffer, int size) noexcept with gil:
    cdef IOContext self = <IOContext> opaque
    cdef int length
    if self.pending is not None:
        return avutil.AVERROR_EXTERNAL
    if 0 <= self.file_size <= self.pos:
        return avutil.AVERROR_EOF
    try:
        length = <int> self.ahead.copy(self.pos, buffer, size)
    except BaseException as exception:
        self.pending = exception
        return avutil.AVERROR_EXTERNAL
    self.pos += length
    return length if length > 0 else avutil.AVERROR_EOF


cdef int64_t seek_file(void *opaque, int64_t offset, int whence) noexcept with gil:
    cdef IOContext self = <IOContext> opaque
    if self.pending is not None:
        return avutil.AVERROR_EXTERNAL
    try:
        if whence & avformat.AVSEEK_SIZE or whence & ~avformat.AVSEEK_FORCE == SEEK_END:
            if self.file_size < 0:
                self.file_size = self.ahead.size()
            if whence & avformat.AVSEEK_SIZE:
                return self.file_size
            offset += self.file_size
        elif whence & ~avformat.AVSEEK_FORCE == SEEK_CUR:
            offset += self.pos
    except BaseException as exception:
        self.pending = exception
        return avutil.AVERROR_EXTERNAL
    if offset < 0:
        return avutil.AVERROR_INVALIDDATA
    self.pos = offset
    return offset
