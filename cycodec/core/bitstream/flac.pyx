"""FLAC frame headers: RFC 9639, section 9.1. They say how long a frame is and where it belongs."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr

from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avformat


cdef enum:
    LONGEST_HEADER = 16
    CHUNK = 1 << 16
    MOST_STEPS = 40
    NEAR = 2                    # frames that are sooner decoded than looked past


cdef int flac_channels(int value) noexcept nogil:
    """Number of channels by the fourth byte of a frame header; the stereo modes are all two."""
    value >>= 4
    return 1 if 8 <= value <= 10 else value


cdef int number_bytes(int first) noexcept nogil:
    """How many bytes the coded number takes, by its first one; 0: it is none."""
    cdef int length = 0
    while first & 0x80 >> length:
        length += 1
    return 1 if length == 0 else length if 2 <= length <= 7 else 0


cdef int32_t flac_samples(const uint8_t *data, int size) noexcept nogil:
    """Samples of each channel in a frame, by its header; 0: it is none."""
    cdef int kind, at
    if size < 6 or data[0] != 0xFF or data[1] & 0xFC != 0xF8:
        return 0
    kind = data[2] >> 4
    if kind == 0:
        return 0
    if kind == 1:
        return 192
    if kind < 6:
        return 576 << (kind - 2)
    if kind > 7:
        return 256 << (kind - 8)
    at = 4 + number_bytes(data[4])
    if at == 4 or at + 2 > size:
        return 0
    return data[at] + 1 if kind == 6 else ((data[at] << 8) | data[at + 1]) + 1


cdef int crc8(const uint8_t *data, int size) noexcept nogil:
    """Of the polynomial x^8 + x^2 + x + 1."""
    cdef int crc = 0
    cdef int i, _
    for i in range(size):
        crc ^= data[i]
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


cdef bint same_flac_form(const uint8_t *a, const uint8_t *b) noexcept nogil:
    """Whether the headers of two frames are of one sample rate and number of channels."""
    return a[2] & 15 == b[2] & 15 and flac_channels(a[3]) == flac_channels(b[3])


cdef bint read_header(const uint8_t *data, const uint8_t *form, int32_t block, FlacFrame *frame) noexcept nogil:
    """Whether LONGEST_HEADER bytes begin with the header of a frame like that of `form`; then its number and length.

    `block`: the samples of a frame, by which the numbers of frames count.
    """
    cdef int length, i
    cdef int64_t value
    if data[0] != 0xFF or data[1] != form[1] or data[3] & 15 != form[3] & 15 or not same_flac_form(data, form):
        return False
    length = number_bytes(data[4])
    frame.samples = flac_samples(data, LONGEST_HEADER)
    if length == 0 or frame.samples == 0:
        return False
    value = data[4] if length == 1 else data[4] & 0x7F >> length
    for i in range(1, length):
        if data[4 + i] & 0xC0 != 0x80:
            return False
        value = value << 6 | data[4 + i] & 0x3F
    length += 4
    length += 1 if data[2] >> 4 == 6 else 2 if data[2] >> 4 == 7 else 0
    length += 1 if data[2] & 15 == 12 else 2 if 13 <= data[2] & 15 <= 14 else 0
    frame.number = value if data[1] & 1 else value * block
    return length < LONGEST_HEADER and crc8(data, length) == data[length]


cdef bint flac_locate(Demuxer demuxer, const uint8_t *form, int64_t begin, int32_t block, int64_t total, int64_t wanted,
                      FlacFrame *found) noexcept nogil:
    """Find the frame that holds a sample, or one shortly before it, by bisection.

    Parameters: the header of the first frame, where it stands and how many samples it has, and how many the stream has.
    What looks like a header may be none: the caller must see that the frame decoded there has the number.
    """
    cdef avformat.AVIOContext *pb = demuxer.ptr.pb
    cdef uint8_t *data = <uint8_t *> malloc(CHUNK)
    cdef const uint8_t *at
    cdef FlacFrame frame
    cdef int64_t high = avformat.avio_size(pb)
    cdef int64_t high_number = total
    cdef int64_t guess, step
    cdef int size, got, turn
    cdef bint seen
    found.number = 0
    found.position = begin
    found.samples = block
    if data == NULL or block <= 0 or high <= begin or not 0 <= wanted < total:
        free(data)
        return False
    for turn in range(MOST_STEPS):
        if found.number + NEAR * block > wanted or high <= found.position + 1 or high_number <= found.number:
            break
        # where it should be if all frames had the same size, and one frame earlier
        step = <int64_t> ((high - found.position) / <double> (high_number - found.number) * block)
        guess = found.position + (wanted - found.number) // block * step - step
        if turn % 3 == 2:
            guess = found.position + (high - found.position) // 2       # silence takes next to no bytes
        guess = min(max(guess, found.position + 1), high - 1)
        if avformat.avio_seek(pb, guess, 0) < 0:
            break
        size = 0
        while size < CHUNK:
            got = avformat.avio_read(pb, data + size, CHUNK - size)
            if got <= 0:
                break
            size += got
        seen = False
        at = data
        while True:
            at = <const uint8_t *> memchr(at, 0xFF, max(0, data + size - LONGEST_HEADER - at))
            if at == NULL:
                break
            if read_header(at, form, block, &frame) and found.number < frame.number < high_number:
                frame.position = guess + (at - data)
                seen = True
                if frame.number > wanted:
                    high = frame.position
                    high_number = frame.number
                    break
                found[0] = frame
            at += 1
        if not seen:
            high = guess
    free(data)
    return True
