"""The frame headers of VP8 and VP9: hidden frames and the format of pictures.

RFC 6386, 9.1; VP9 bitstream specification, 6.1.2, 6.2, 7.2.2 and annex B.
"""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits


cdef enum:
    LONGEST_FORMAT = 16         # bytes of a VP9 frame that hold its format in any case
    SYNC_CODE = 0x498342
    RESERVED_SPACE = 6
    RGB_SPACE = 7

# VP9's color_space -> matrix coefficients of ISO/IEC 23091-2, without the reserved value and RGB
cdef int[6] VP9_MATRICES = [2, 5, 1, 6, 7, 9]


cdef bint is_hidden_vp8(int first) noexcept nogil:
    """Return whether a VP8 frame is not shown, by its first byte."""
    return not (first >> 4) & 1


cdef bint is_hidden_vp9(int first, int last) noexcept nogil:
    """Return whether a VP9 packet gives no frame, by its first and last byte."""
    cdef int bit = 4
    if last & 0xE0 == 0xC0:
        return False                    # a superframe, whose last frame is shown
    if (first >> 4) & 3 == 3:
        bit = 3                         # profile 3 has one reserved bit more
    if (first >> (bit - 1)) & 1:
        return False                    # show_existing_frame
    return not (first >> (bit - 3)) & 1


cdef bint is_key_vp8(int first) noexcept nogil:
    """Return whether a VP8 frame is a key frame, by its first byte."""
    return not first & 1


cdef bint read_vp8_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil:
    """Read the size of a VP8 key frame (RFC 6386, 9.1); return False if it is none."""
    if size < 10 or not is_key_vp8(data[0]) or data[3] != 0x9d or data[4] != 0x01 or data[5] != 0x2a:
        return False
    width[0] = (data[6] | data[7] << 8) & 0x3fff
    height[0] = (data[8] | data[9] << 8) & 0x3fff
    return True


cdef bint is_key_vp9(int first) noexcept nogil:
    """Return whether the first frame of a VP9 packet is a key frame, by its first byte.

    The result is False for profile 3, which has one reserved bit more.
    """
    return first >> 6 == 2 and (first >> 4) & 3 != 3 and not first & 0xC


cdef bint read_vp9_format(const uint8_t *data, int size, Vp9Format *format) noexcept nogil:
    """Read the format from a packet that begins with a key frame of profile 0 (8-bit 4:2:0).

    Return False if the packet begins with another frame, or holds RGB.
    """
    cdef Bits bits
    cdef unsigned space
    if size < LONGEST_FORMAT:
        return False
    open_bits(&bits, data, size)
    # frame_marker 2, profile 0, no show_existing_frame, a key frame
    if read_bits(&bits, 6) != 0b100000:
        return False
    read_bits(&bits, 2)                 # show_frame, error_resilient_mode
    if read_bits(&bits, 24) != SYNC_CODE:
        return False
    space = read_bits(&bits, 3)
    if space == RESERVED_SPACE or space == RGB_SPACE:
        return False
    format.matrix = VP9_MATRICES[space]
    format.full_range = read_bits(&bits, 1)
    format.width = read_bits(&bits, 16) + 1
    format.height = read_bits(&bits, 16) + 1
    return True
