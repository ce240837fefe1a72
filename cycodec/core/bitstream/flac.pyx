"""Headers of FLAC frames (RFC 9639, section 9.1): how long a frame is and where it belongs."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef int flac_channels(int value) noexcept nogil:
    """Return the number of channels by the fourth byte of a header; each stereo mode has two."""
    value >>= 4
    return 1 if 8 <= value <= 10 else value


cdef int flac_form(const uint8_t *header) noexcept nogil:
    """Return a number that headers of the same sample rate and number of channels have in common.
    """
    return header[2] & 15 | flac_channels(header[3]) << 4


cdef int number_bytes(int first) noexcept nogil:
    """Return how many bytes a coded number takes, by its first byte; 0 if that byte begins no
    number.
    """
    cdef int length = 0
    while first & 0x80 >> length:
        length += 1
    return 1 if length == 0 else length if 2 <= length <= 7 else 0


cdef int32_t flac_samples(const uint8_t *data, int size) noexcept nogil:
    """Return the samples of each channel in a frame, by its header; 0 if `data` begins no frame."""
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
    """Return the checksum of a header, by the polynomial x^8 + x^2 + x + 1."""
    cdef int crc = 0
    cdef int i, _
    for i in range(size):
        crc ^= data[i]
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


cdef bint read_flac_header(const uint8_t *data, const uint8_t *sibling, int32_t block_size,
                           FlacHeader *header) noexcept nogil:
    """Return True, and fill `header`, if `data` begins a frame of the same stream.

    `data` holds FLAC_LONGEST_HEADER bytes and `sibling` the first FLAC_FORM_BYTES of another frame
    of the stream. `block_size` is the number of samples of a frame where frames are numbered
    instead of samples.
    """
    cdef int length, i
    cdef int64_t value
    if (
        data[0] != 0xFF or data[1] != sibling[1] or data[3] & 15 != sibling[3] & 15
        or flac_form(data) != flac_form(sibling)
    ):
        return False
    length = number_bytes(data[4])
    header.samples = flac_samples(data, FLAC_LONGEST_HEADER)
    if length == 0 or header.samples == 0:
        return False
    value = data[4] if length == 1 else data[4] & 0x7F >> length
    for i in range(1, length):
        if data[4 + i] & 0xC0 != 0x80:
            return False
        value = value << 6 | data[4 + i] & 0x3F
    length += 4
    # an uncommon block size or sample rate is stored behind the number
    length += 1 if data[2] >> 4 == 6 else 2 if data[2] >> 4 == 7 else 0
    length += 1 if data[2] & 15 == 12 else 2 if 13 <= data[2] & 15 <= 14 else 0
    header.first_sample = value if data[1] & 1 else value * block_size
    return length < FLAC_LONGEST_HEADER and crc8(data, length) == data[length]
