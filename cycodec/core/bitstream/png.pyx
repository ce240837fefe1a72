"""The chunks of PNG pictures (ISO/IEC 15948, 5.3)."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from cycodec.libav cimport avutil


cdef enum:
    SIGNATURE = 8               # bytes before the first chunk
    AROUND = 12                 # bytes of a chunk beside its data: length, name and checksum


cdef bint has_right_checksums(const uint8_t *data, int size) noexcept nogil:
    """Return True if data are a PNG picture from its signature to its last chunk, and all checksums
    are right.
    """
    cdef const avutil.AVCRC *table = avutil.av_crc_get_table(avutil.AV_CRC_32_IEEE_LE)
    cdef int position = SIGNATURE
    cdef uint32_t length, checksum
    if table == NULL or size < SIGNATURE or memcmp(data, b"\x89PNG\r\n\x1a\n", SIGNATURE) != 0:
        return False
    while size - position >= AROUND:
        length = number_at(data + position)
        if length > <uint32_t> (size - position - AROUND):
            return False
        checksum = ~avutil.av_crc(table, <uint32_t> 0xFFFFFFFFU, data + position + 4, length + 4)
        if checksum != number_at(data + position + 8 + length):
            return False
        if memcmp(data + position + 4, b"IEND", 4) == 0:
            return True
        position += AROUND + <int> length
    return False


cdef uint32_t number_at(const uint8_t *data) noexcept nogil:
    return (
        <uint32_t> data[0] << 24 | <uint32_t> data[1] << 16 | <uint32_t> data[2] << 8 | <uint32_t> data[3]
    )
