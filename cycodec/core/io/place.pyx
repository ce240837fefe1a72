"""Where a source is in its store, and how FFmpeg reads and seeks there."""

from libc.errno cimport ENOSYS
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.byte_store cimport ByteStore

from cycodec.libav cimport avformat, avutil


cdef enum:
    SEEK_CUR = 1
    SEEK_END = 2


cdef int64_t read_part(Place *place, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
    """Read up to `size` bytes from a position of the source; their number, 0, or AVERROR."""
    if place.length >= 0:
        size = min(size, place.length - pos)
    if pos < 0 or size <= 0 or place.store == NULL:
        return 0
    return (<ByteStore> place.store).read_at(place.base + pos, out, size)


cdef int64_t size_of(Place *place) noexcept nogil:
    """Return the number of bytes of the source, or AVERROR."""
    if place.length >= 0:
        return place.length
    if place.store == NULL:
        return avutil.AVERROR(ENOSYS)
    return (<ByteStore> place.store).size()


cdef int read_place(void *opaque, uint8_t *buffer, int size) noexcept nogil:
    """Read for an AVIOContext whose opaque pointer is a Place."""
    cdef Place *place = <Place *> opaque
    cdef int64_t got = read_part(place, place.pos, buffer, size)
    if got > 0:
        place.pos += got
    return avutil.AVERROR_EOF if got == 0 else <int> got


cdef int64_t seek_place(void *opaque, int64_t offset, int whence) noexcept nogil:
    """Seek for an AVIOContext whose opaque pointer is a Place."""
    cdef Place *place = <Place *> opaque
    cdef int64_t size
    if whence & avformat.AVSEEK_SIZE:
        # FFmpeg's own files say 0 for a pipe, too. The MP3 demuxer takes an error code for a huge
        # size, believes that files were joined, and leaves the padding in.
        return max(size_of(place), 0)
    whence &= ~avformat.AVSEEK_FORCE
    if whence == SEEK_CUR:
        offset += place.pos
    elif whence == SEEK_END:
        size = size_of(place)
        if size < 0:
            return size
        offset += size
    if offset < 0:
        return avutil.AVERROR_INVALIDDATA
    place.pos = offset
    return offset
