"""Which container the first bytes of a file prove.

Note [Proved formats]

FFmpeg asks each of its demuxers whether the first bytes of a file are theirs, which takes a tenth
of the time of opening an MP4 file or a transport stream. For the common brands of MP4, the document
types of Matroska, AVI and FLV, the first bytes decide alone: FFmpeg's demuxer is certain of them,
and no other one claims them. So it is with transport streams, where so many packets begin in the
right places that chance is excluded; raw formats reject the start codes of the streams inside. All
other files are probed, QuickTime's among them, because they may hold an MPEG program stream, and
FLV of live streams, which FFmpeg reads with another demuxer.
"""

from libc.string cimport memcmp

from cycodec.libav cimport avformat
from cycodec.libav.avformat cimport AVInputFormat


cdef enum:
    SMALLEST_BRAND_BOX = 16     # bytes of a `ftyp` box with one brand
    LARGEST_BRAND_BOX = 1024
    LIVE_MARK = 40              # where the mark of a live FLV stream is, behind the header
    TRANSPORT_PACKETS = 22
    NULL_PID = 0x1FFF

# Major brands of ISO/IEC 14496-12 and its derivates, four bytes each.
cdef const char *BRANDS = b"isomiso2iso3iso4iso5iso6mp41mp42avc1dashM4V MSNV3gp43gp53gp6"
# EBML's document types, with the element that holds them (RFC 8794, 11.2.6).
cdef const char *MATROSKA = b"\x42\x82\x88matroska"
cdef const char *WEBM = b"\x42\x82\x84webm"

cdef const AVInputFormat *mov = avformat.av_find_input_format("mov")
cdef const AVInputFormat *matroska = avformat.av_find_input_format("matroska")
cdef const AVInputFormat *avi = avformat.av_find_input_format("avi")
cdef const AVInputFormat *flv = avformat.av_find_input_format("flv")
cdef const AVInputFormat *mpegts = avformat.av_find_input_format("mpegts")


cdef const AVInputFormat *proved_format(const unsigned char *head, int size) noexcept nogil:
    """Return the demuxer for a file that begins with these bytes; NULL if FFmpeg must probe it."""
    if is_mp4(head, size):
        return mov
    if is_matroska(head, size):
        return matroska
    if size >= BRAND_BYTES and memcmp(head, b"RIFF", 4) == 0 and memcmp(head + 8, b"AVI ", 4) == 0:
        return avi
    if is_flv(head, size):
        return flv
    if is_transport_stream(head, size):
        return mpegts
    return NULL


cdef bint is_mp4(const unsigned char *head, int size) noexcept nogil:
    """Return True if a `ftyp` box of an ordinary brand comes first (ISO/IEC 14496-12, 4.3)."""
    cdef int i
    cdef int length
    if size < SMALLEST_BRAND_BOX or memcmp(head + 4, b"ftyp", 4) != 0 or head[0] or head[1]:
        return False
    length = head[2] << 8 | head[3]
    if not SMALLEST_BRAND_BOX <= length <= LARGEST_BRAND_BOX:
        return False
    for i in range(0, 15 * 4, 4):
        if memcmp(head + 8, BRANDS + i, 4) == 0:
            return True
    return False


cdef bint is_matroska(const unsigned char *head, int size) noexcept nogil:
    """Return True if an EBML header of Matroska or WebM comes first (RFC 8794, 11.2)."""
    cdef int end, i
    if size < 5 or memcmp(head, b"\x1A\x45\xDF\xA3", 4) != 0 or not head[4] & 0x80:
        return False
    end = 5 + (head[4] & 0x7F)
    for i in range(5, min(end, size) - 11 + 1):
        if memcmp(head + i, MATROSKA, 11) == 0:
            return True
    for i in range(5, min(end, size) - 7 + 1):
        if memcmp(head + i, WEBM, 7) == 0:
            return True
    return False


cdef bint is_flv(const unsigned char *head, int size) noexcept nogil:
    """Return True if the header of FLV version 1 comes first, and no live stream follows."""
    return (
        size >= BRAND_BYTES and memcmp(head, b"FLV\x01", 4) == 0 and memcmp(head + 5, b"\0\0\0\x09", 4) == 0
        and memcmp(head + 9 + LIVE_MARK, b"NGINX RTMP", 10) != 0
    )


cdef bint is_transport_stream(const unsigned char *head, int size) noexcept nogil:
    """Return True if packets of a transport stream fill TRANSPORT_BYTES (ISO/IEC 13818-1, 2.4.3).

    Each one must have a payload or an adaptation field, or be a null packet. The byte that begins
    packets must not be so frequent that others may begin between them.
    """
    cdef int i
    cdef int found = 0
    if size < TRANSPORT_BYTES:
        return False
    for i in range(0, TRANSPORT_BYTES, 188):
        if head[i] != SYNC or not (head[i + 3] & 0x30 or (head[i + 1] << 8 | head[i + 2]) & NULL_PID == NULL_PID):
            return False
    for i in range(TRANSPORT_BYTES):
        found += head[i] == SYNC
    return found < 4 * TRANSPORT_PACKETS
