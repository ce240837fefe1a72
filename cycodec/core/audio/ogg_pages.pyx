"""The chain of pages in an Ogg file (RFC 3533, section 6).

FFmpeg leaves out a page whose checksum is wrong, and gives the packets of the page after it the
timestamps of the lost ones.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from cycodec.core.bitstream.little_endian cimport little32, little64

from cycodec.libav cimport avformat
from cycodec.libav.avformat cimport AVIOContext


cdef enum:
    HEADER = 27                 # bytes before the table of segments
    MOST_PAGES = 4096           # of other streams in between
    SEEK_SET = 0
    SEEK_CUR = 1


cdef bint has_lost_page(AVIOContext *pb, int64_t first, int64_t last) noexcept nogil:
    """Return True if FFmpeg has left out a page between two pages of one stream.

    `first` and `last` are their places in the file. The position of `pb` is the same afterwards.
    """
    cdef int64_t here = avformat.avio_seek(pb, 0, SEEK_CUR)
    cdef bint lost = is_lost(pb, first, last)
    avformat.avio_seek(pb, here, SEEK_SET)
    return lost


cdef bint is_lost(AVIOContext *pb, int64_t first, int64_t last) noexcept nogil:
    cdef uint8_t header[HEADER + 255]
    cdef int64_t place = first
    cdef uint32_t serial = 0
    cdef int64_t size
    cdef int segments, i, _
    for _ in range(MOST_PAGES):
        if place >= last:
            return place > last
        if avformat.avio_seek(pb, place, SEEK_SET) < 0 or avformat.avio_read(pb, header, HEADER) < HEADER:
            return False
        segments = header[26]
        if memcmp(header, b"OggS", 4) != 0:
            return True
        if avformat.avio_read(pb, header + HEADER, segments) < segments:
            return False
        if place == first:
            serial = little32(header + 14)
        elif little32(header + 14) == serial and <int64_t> little64(header + 6) != -1:
            return True         # a page in which packets end
        size = HEADER + segments
        for i in range(segments):
            size += header[HEADER + i]
        place += size
    return False
