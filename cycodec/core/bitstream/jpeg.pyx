"""The size in the headers of JPEG (ITU-T T.81, B.2.2), which libavcodec's parser does not read."""

from libc.stdint cimport uint8_t


cdef enum:
    MARKER = 0xFF
    START = 0xD8
    SCAN = 0xDA
    FRAME = 0xC0                # the first of 16 markers; three of them begin no frame
    HUFFMAN = 0xC4
    EXTENSION = 0xC8
    ARITHMETIC = 0xCC


cdef bint read_jpeg_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil:
    """Read the size in the header of a frame; return False if there is none before the scan."""
    cdef int position = 0
    cdef int marker
    while position + 9 <= size and data[position] == MARKER and data[position + 1] != SCAN:
        marker = data[position + 1]
        if marker & 0xF0 == FRAME and marker not in (HUFFMAN, EXTENSION, ARITHMETIC):
            height[0] = data[position + 5] << 8 | data[position + 6]
            width[0] = data[position + 7] << 8 | data[position + 8]
            return width[0] > 0 and height[0] > 0
        position += 2
        if marker != START:
            position += data[position] << 8 | data[position + 1]
    return False
