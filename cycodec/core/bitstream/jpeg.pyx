"""Facts in the segments before the scan of a JPEG (ITU-T T.81, B.2)."""

from libc.stdint cimport uint8_t


cdef enum:
    MARKER = 0xFF               # before each marker
    START = 0xD8                # of a picture; it has no length
    SCAN = 0xDA
    TABLES = 0xDB               # of quantization
    CODES = 0xC4                # of Huffman
    FRAME = 0xC0                # the first of 16 markers; three of them begin no frame
    EXTENSION = 0xC8
    ARITHMETIC = 0xCC


cdef bint next_jpeg_segment(const uint8_t *data, int size, JpegSegment *segment) noexcept nogil:
    """Go to the next segment with a length; return False at the scan and at the end of the data.

    `segment.end` is 0 before the first segment.
    """
    cdef int position = segment.end
    while position + 3 < size and data[position] == MARKER and data[position + 1] == START:
        position += 2
    if position + 3 >= size or data[position] != MARKER or data[position + 1] == SCAN:
        return False
    segment.marker = data[position + 1]
    position += 2
    segment.data = data + position
    segment.length = data[position] << 8 | data[position + 1]
    segment.size = min(segment.length, size - position)
    segment.end = position + max(segment.size, 2)
    return True


cdef bint has_jpeg_tables(const uint8_t *data, int size) noexcept nogil:
    """Return True if quantization and Huffman tables precede the scan."""
    cdef JpegSegment segment
    cdef bint has_tables = False
    cdef bint has_codes = False
    segment.end = 0
    segment.length = 2
    while segment.length >= 2 and next_jpeg_segment(data, size, &segment):
        has_tables = has_tables or segment.marker == TABLES
        has_codes = has_codes or segment.marker == CODES
    return has_tables and has_codes


cdef bint read_jpeg_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil:
    """Read the size, which libavcodec's parser does not read, in the header of a frame.

    Return False if there is none before the scan.
    """
    cdef JpegSegment segment
    segment.end = 0
    segment.length = 2
    while segment.length >= 2 and next_jpeg_segment(data, size, &segment):
        if segment.marker & 0xF0 == FRAME and segment.marker not in (CODES, EXTENSION, ARITHMETIC):
            if segment.data + 7 > data + size:
                return False
            height[0] = segment.data[3] << 8 | segment.data[4]
            width[0] = segment.data[5] << 8 | segment.data[6]
            return width[0] > 0 and height[0] > 0
    return False
