"""What the first bytes of an MPEG transport or program stream say of its streams.

Note [Short probing]

FFmpeg reads five seconds or 5 MB of a program stream before it calls the list of streams complete,
and 20 frames of MPEG-1 and MPEG-2 before it believes their rate. It keeps these packets, and new
memory for them is slow: without it, opening a program stream takes a quarter less time, and a
transport stream a little less. The system header of a program stream names all its streams
(ISO/IEC 13818-1, 2.5.3.6); one that begins late and that the header does not name is not found.
Pulldown, which changes the rate, is a matter of interlaced sequences. A progressive one may show
pictures two or three times (ISO/IEC 13818-2, 6.3.10): the rate by the header is then that of four
pictures, and the times of frames come from the scan in any case. If these headers come first,
FFmpeg is told that it need not wait.
"""

from libc.string cimport memcmp

from cycodec.core.bitstream.mpeg cimport begins_steady_sequence

from cycodec.libav cimport avutil


cdef enum:
    FIRST_PACK_BYTES = 12       # of a pack header, ISO/IEC 11172-1, 2.4.3.2
    PACK_BYTES = 14             # of one without stuffing, ISO/IEC 13818-1, 2.5.3.3
    SYSTEM_BYTES = 12           # of a system header before the list of streams
    FIRST_SOUND = 0xC0          # stream_id, table 2-22
    LAST_VIDEO = 0xEF


cdef bint names_all_streams(const AVFormatContext *container, const uint8_t *head, int size) noexcept nogil:
    """Return True if the system header of a program stream names the streams that are known so far,
    and no other.

    Private streams are left out, because one of them may hold several streams.
    """
    cdef unsigned int count = 0
    cdef int position = 0
    cdef int end, kind
    if size < PACK_BYTES + SYSTEM_BYTES or memcmp(head, b"\0\0\1\xba", 4) != 0:
        return False
    if head[4] >> 4 == 2:
        position = FIRST_PACK_BYTES
    elif head[4] >> 6 == 1:
        position = PACK_BYTES + (head[13] & 7)
    else:
        return False
    if position + SYSTEM_BYTES > size or memcmp(head + position, b"\0\0\1\xbb", 4) != 0:
        return False
    end = position + 6 + (head[position + 4] << 8 | head[position + 5])
    position += SYSTEM_BYTES
    while position + 3 <= min(end, size) and head[position] & 0x80:
        kind = head[position]
        if not FIRST_SOUND <= kind <= LAST_VIDEO or not has_stream(container, kind):
            return False
        count += 1
        position += 3
    return position == end and count == container.nb_streams


cdef bint has_stream(const AVFormatContext *container, int kind) noexcept nogil:
    """Return True if a program stream has a stream of a stream_id."""
    cdef unsigned int i
    for i in range(container.nb_streams):
        if container.streams[i].id & 0xFF == kind:
            return True
    return False


cdef bint has_steady_video(const AVFormatContext *container, const uint8_t *head, int size) noexcept nogil:
    """Return True if there is one video stream, and its first sequence has a steady rate."""
    cdef unsigned int i
    cdef int count = 0
    for i in range(container.nb_streams):
        count += container.streams[i].codecpar.codec_type == avutil.AVMEDIA_TYPE_VIDEO
    return count == 1 and begins_steady_sequence(head, size)
