"""The encoded bytes of an image in memory, and the errors of the functions that decode them."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc

from cycodec.core cimport error
from cycodec.core.error import (
    CodecNotFoundError,
    FFmpegMemoryError,
    InvalidDataError,
    LimitError,
    UnsupportedError,
)
from cycodec.core.io.byte_store cimport MemoryBytes
from cycodec.core.io.source cimport IOContext


cdef extern from "image/result.h" nogil:
    enum:
        IMAGE_DAMAGED
        IMAGE_TRUNCATED
        IMAGE_UNSUPPORTED
        IMAGE_NO_LIBRARY

cdef enum:
    HEAD = 64                   # bytes that tell the format
    FIRST_ROOM = 1 << 16        # bytes, for sources of unknown size

# What a build lacks if it found no library for a format.
cdef dict LIBRARIES = {
    "JPEG": "libjpeg-turbo (Debian, Ubuntu: libjpeg-turbo8-dev or libjpeg62-turbo-dev; conda: libjpeg-turbo)",
    "PNG": "zlib (Debian, Ubuntu: zlib1g-dev; conda: zlib)",
    # only if another libwebp than that of the build is loaded
    "WebP": "usable libwebp (Debian, Ubuntu: libwebp-dev; conda: libwebp-base)",
}


cdef class SourceBytes:
    """The bytes of a source, which are read without the GIL.

    The bytes of a buffer are not copied.

    Parameters
    ----------
    io : IOContext
    most : int
        The largest number of bytes that may be read into memory.

    Attributes
    ----------
    head : bytes
        The first HEAD bytes. The others are there after `load`.

    Raises
    ------
    InvalidDataError
        The source is empty.
    """

    def __cinit__(self, IOContext io not None, int64_t most):
        cdef uint8_t[HEAD] first
        cdef int64_t got
        self.io = io
        self.name = io.name
        self.most = most
        io.open_bytes()
        if isinstance(io.store, MemoryBytes) and io.place.length < 0:
            self.data = (<MemoryBytes> io.store).data
            self.size = (<MemoryBytes> io.store).length
            self.head = self.part(0, HEAD)
        else:
            with nogil:
                got = io.read_at(0, first, HEAD)
            io.check(<int> min(got, 0), "read")
            self.head = (<const char *> first)[:max(got, 0)]
        if not self.head:
            raise InvalidDataError(f"{self.name}: the source is empty (0 bytes)", source=self.name, operation="read")

    def load(self):
        """Read all bytes.

        Raises
        ------
        LimitError
            The source has more bytes than may be read.
        """
        if self.data == NULL:
            self.read_all(self.most)

    def __dealloc__(self):
        free(self.owned)

    cdef int read_all(self, int64_t most) except -1:
        cdef int64_t size, got = 0, room
        cdef uint8_t *larger
        with nogil:
            size = self.io.byte_size()
        if size > most:
            raise self.too_large(size, most)
        room = size + 1 if size >= 0 else FIRST_ROOM
        while True:
            larger = <uint8_t *> realloc(self.owned, room)
            if larger == NULL:
                raise MemoryError()
            self.owned = larger
            with nogil:
                while self.size < room:
                    got = self.io.read_at(self.size, self.owned + self.size, room - self.size)
                    if got <= 0:
                        break
                    self.size += got
            self.io.check(<int> min(got, 0), "read")
            if got <= 0:
                break
            if self.size > most:
                raise self.too_large(self.size, most)
            room = min(2 * room, most + 1)
        self.data = self.owned
        return 0

    def too_large(self, int64_t size, int64_t most):
        return LimitError(
            f"{self.name}: an image file of {size} bytes or more is larger than max_result_bytes allows, {most} "
            "(pass a larger max_result_bytes, or call cycodec.set_limits)", source=self.name, operation="read",
        )

    def part(self, int64_t start, int64_t size):
        """Return some bytes as a copy; fewer if the data end before."""
        start = min(max(start, 0), self.size)
        return (<const char *> self.data + start)[:max(min(size, self.size - start), 0)]

    def find(self, bytes what not None, int64_t start=0):
        """Return the place of the first occurrence, or -1."""
        return self.part(start, self.size).find(what)


cdef int check_image(int code, str format, str name, const char *message) except -1:
    """Return 0, or raise the exception for a code of csrc/image/result.h."""
    if code >= 0:
        return 0
    said = message.decode("utf-8", "replace") if message != NULL else ""
    because = f": {said[:1].lower()}{said[1:]}" if said else ""
    is_encoding = name.endswith("Encoder")
    operation = f"{'encode' if is_encoding else 'decode'} {format}"
    if code == IMAGE_NO_MEMORY:
        raise FFmpegMemoryError(f"{name}: there is no memory for this {format} image", source=name,
                                operation=operation)
    if code == IMAGE_NO_LIBRARY:
        raise CodecNotFoundError(
            f"{name}: this build of cycodec does not know {format}, because it found no {LIBRARIES.get(format, '')} "
            "(install its development files and build cycodec again)", source=name, operation=operation,
        )
    if code == IMAGE_UNSUPPORTED:
        raise UnsupportedError(
            f"{name}: cannot {operation}: {said or 'a kind that is not supported'} "
            f"({'change the image' if is_encoding else 'convert the file'})", source=name, operation=operation,
        )
    if code == IMAGE_TRUNCATED:
        raise InvalidDataError(
            f"{name}: the {format} image is incomplete or truncated{because} (get the whole file)", source=name,
            operation=operation,
        )
    if code == IMAGE_DAMAGED:
        raise InvalidDataError(
            f"{name}: the {format} image is damaged{because} (get an intact file)", source=name, operation=operation
        )
    return error.check(code, operation, name)
