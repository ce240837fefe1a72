"""The size in a picture header of Sorenson's H.263, FLV1, for which libavcodec has no parser.

Adobe's "Video File Format Specification", version 10, H263VIDEOPACKET.
"""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits


cdef enum:
    HEADER = 10                 # bytes that hold the longest header up to the size
    START_BITS = 17
    VERSION_BITS = 5
    NUMBER_BITS = 8


cdef bint read_flv1_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil:
    """Read the size in a picture's header; return False if it states none of its own."""
    cdef Bits bits
    cdef int length, kind
    if size < HEADER:
        return False
    open_bits(&bits, data, HEADER)
    if read_bits(&bits, START_BITS) != 1:
        return False
    read_bits(&bits, VERSION_BITS)
    read_bits(&bits, NUMBER_BITS)
    kind = <int> read_bits(&bits, 3)
    if kind > 1:
        return False            # one of the small sizes that have a number
    length = 16 if kind == 1 else 8
    width[0] = <int> read_bits(&bits, length)
    height[0] = <int> read_bits(&bits, length)
    return width[0] > 0 and height[0] > 0
