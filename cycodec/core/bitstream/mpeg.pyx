"""The headers of MPEG-1, MPEG-2 and MPEG-4 pictures, which begin with start codes.

ISO/IEC 13818-2, 6.2.3 (MPEG-1 and MPEG-2); ISO/IEC 14496-2, 6.2.5 (MPEG-4).
"""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits
from cycodec.core.bitstream.start_codes cimport next_start_code


cdef enum:
    PICTURE_START = 0x00
    FIRST_SLICE = 0x01
    LAST_SLICE = 0xAF
    USER_DATA_START = 0xB2
    SEQUENCE_START = 0xB3
    GROUP_START = 0xB8
    EXTENSION_START = 0xB5
    SEQUENCE_EXTENSION = 1
    SEQUENCE_DISPLAY_EXTENSION = 2
    PICTURE_CODING_EXTENSION = 8
    FRAME_STRUCTURE = 3         # picture_structure of a frame; 1 and 2 are fields
    INTRA_PICTURE = 1           # picture_coding_type
    VOP_START = 0xB6
    B_PICTURE = 3
    INTRA_VOP = 0               # vop_coding_type
    B_VOP = 2
    SPRITE_VOP = 3
    LONGEST_UNCODED = 19        # bytes: MAX_NVOP_SIZE of libavcodec


cdef bint holds_one_mpeg2_frame(
    const uint8_t *data, int size, bint is_split, bint *is_entry, bint *is_b
) noexcept nogil:
    """Return True if an MPEG-1 or MPEG-2 packet holds one picture that is a frame, not a field.

    `is_entry` becomes True if decoding may begin here, with an I-picture behind a sequence header,
    and `is_b` becomes True for a B-picture. `is_split` is True if a parser has split the stream so
    that nothing but slices follows the first slice of a frame.
    """
    cdef int position = 0
    cdef int found = 0
    cdef int kind = 0
    cdef bint has_sequence = False
    cdef bint has_structure = False
    while True:
        position = next_start_code(data, position, size)
        if position + 3 >= size:
            break
        if data[position] == PICTURE_START:
            found += 1
            kind = (data[position + 2] >> 3) & 7
        elif data[position] == SEQUENCE_START:
            has_sequence = True
        elif data[position] == EXTENSION_START and data[position + 1] >> 4 == PICTURE_CODING_EXTENSION:
            if data[position + 3] & 3 != FRAME_STRUCTURE:
                return False
            has_structure = True
        elif is_split and has_structure and found and FIRST_SLICE <= data[position] <= LAST_SLICE:
            break
    is_entry[0] = has_sequence and kind == INTRA_PICTURE
    is_b[0] = kind == B_PICTURE
    return found == 1


cdef bint holds_one_mpeg4_picture(const uint8_t *data, int size, bint *is_entry, bint *is_b) noexcept nogil:
    """Return whether an MPEG-4 packet holds one picture that is no sprite.

    `is_entry` becomes True if that picture is an I-VOP, and `is_b` if it is a B-VOP.
    """
    cdef int position = 0
    cdef int found = 0
    cdef int kind = 0
    while True:
        position = next_start_code(data, position, size)
        if position + 1 >= size:
            break
        if data[position] == VOP_START:
            found += 1
            kind = data[position + 1] >> 6
    is_entry[0] = found == 1 and kind == INTRA_VOP
    is_b[0] = kind == B_VOP
    return found == 1 and kind < SPRITE_VOP


cdef bint begins_with_plain_frame(const uint8_t *data, int size, int rows, int reach) noexcept nogil:
    """Return True if MPEG-2's headers of a frame come first, in the order of the specification and
    with legal values, and then its first row.

    A group header may precede them. The slices that begin within `reach` bytes must belong to one
    of so many rows. ISO/IEC 13818-2, 6.2.2.6 to 6.2.4.
    """
    cdef int position = next_start_code(data, 0, size)
    if position < size and data[position] == GROUP_START:
        position = next_start_code(data, position, size)
    if position + 4 >= size or data[position] != PICTURE_START:
        return False
    if not INTRA_PICTURE <= (data[position + 2] >> 3) & 7 <= B_PICTURE:
        return False
    position = next_start_code(data, position, size)
    if position + 5 >= size or data[position] != EXTENSION_START or (
        data[position + 1] >> 4 != PICTURE_CODING_EXTENSION or data[position + 3] & 3 != FRAME_STRUCTURE
    ):
        return False
    while True:
        position = next_start_code(data, position, size)
        if position + 3 >= size:
            return False
        if data[position] == FIRST_SLICE:
            return has_only_rows(data + position, size - position, rows, reach)
        if data[position] == EXTENSION_START and data[position + 1] >> 4 == PICTURE_CODING_EXTENSION:
            return False
        if data[position] != EXTENSION_START and data[position] != USER_DATA_START:
            return False


cdef bint has_only_rows(const uint8_t *data, int size, int rows, int reach) noexcept nogil:
    """Return True if only slices of the first `rows` rows begin within `reach` bytes."""
    cdef int end = min(size, reach)
    cdef int position = next_start_code(data, 0, end)
    while position < end:
        if not FIRST_SLICE <= data[position] <= rows or position + 3 >= size:
            return False
        position = next_start_code(data, position, end)
    return True


cdef bint has_misplaced_slice(const uint8_t *data, int size, int rows) noexcept nogil:
    """Return True if a slice of an MPEG-1 or MPEG-2 packet begins below the `rows` rows of
    macroblocks, or ends with its start code, or if no slice follows the header of the picture.

    Damage anywhere in a packet may look like the start code of such a slice. libavcodec gives up
    the whole packet then. Where a picture is higher than 2800 pixels, the number of a row has more
    bits, and nothing is said.
    """
    cdef int position = 0
    cdef int row
    cdef bint has_picture = False
    cdef bint has_slice = False
    cdef bint is_field = False
    if rows > LAST_SLICE:
        return False
    while True:
        position = next_start_code(data, position, size)
        if position >= size:
            return not has_slice
        if data[position] == PICTURE_START:
            has_picture = True
        elif FIRST_SLICE <= data[position] <= LAST_SLICE and has_picture:
            row = data[position] - FIRST_SLICE
            if (2 * row if is_field else row) >= rows or position + 3 > size:
                return True
            has_slice = True
        elif (
            data[position] == EXTENSION_START and position + 3 < size
            and data[position + 1] >> 4 == PICTURE_CODING_EXTENSION
        ):
            is_field = 1 <= data[position + 3] & 3 < FRAME_STRUCTURE


cdef bint changes_sequence(SequenceShape *known, const uint8_t *data, int size) noexcept nogil:
    """Return True if the sequence header in an MPEG-1 or MPEG-2 packet changes the pictures.

    Note [Changed sequences]: when the size, the shape of pixels or the scanning changes, libavcodec
    begins again. It drops the picture that waits to be shown, and the B-pictures that refer to it.
    When low_delay ends, it shows the picture before once more.

    `known` is what the packets before say; it is updated.
    """
    cdef SequenceShape shape
    cdef Bits bits
    cdef int position = next_start_code(data, 0, size)
    cdef int kind
    if position >= size or data[position] != SEQUENCE_START:
        return False
    open_bits(&bits, data + position + 1, size - position - 1)
    shape.header = read_bits(&bits, 28)                 # sizes, aspect_ratio_information
    shape.extension = 0
    shape.display = known.display
    while True:
        position = next_start_code(data, position, size)
        if position >= size or data[position] not in (EXTENSION_START, USER_DATA_START):
            break
        open_bits(&bits, data + position + 1, size - position - 1)
        kind = <int> read_bits(&bits, 4) if data[position] == EXTENSION_START else 0
        if kind == SEQUENCE_EXTENSION:
            shape.extension = read_bits(&bits, 15) << 1     # profile to vertical_size_extension
            read_bits(&bits, 21)                            # rate, a marker, size of the buffer
            shape.extension |= read_bits(&bits, 1)          # low_delay
        elif kind == SEQUENCE_DISPLAY_EXTENSION:
            read_bits(&bits, 3)
            if read_bits(&bits, 1):
                read_bits(&bits, 24)                    # colours
            shape.display = read_bits(&bits, 29)        # sizes of the display, with a marker
    shape.is_known = True
    # chroma_format is the two bits before the last five
    shape.changes_chroma = known.changes_chroma or (
        known.is_known and (shape.extension ^ known.extension) >> 5 & 3 != 0
    )
    kind = known.is_known and (
        shape.header != known.header or shape.extension != known.extension or shape.display != known.display
    )
    known[0] = shape
    return kind


cdef bint begins_steady_sequence(const uint8_t *data, int size) noexcept nogil:
    """Return True if the first sequence header in some bytes is that of MPEG-1, or of a progressive
    sequence of MPEG-2, whose pictures are all shown for the same time.

    A transport stream's own headers may stand between the bytes; then the result is False.
    """
    cdef int position = next_start_code(data, 0, size)
    cdef int begin
    while position < size and data[position] != SEQUENCE_START:
        position = next_start_code(data, position, size)
    begin = position
    position = next_start_code(data, position, size)
    # the header has 8 bytes, and one or two matrices of 64
    if position + 2 >= size or position - begin - 4 not in (8, 8 + 64, 8 + 128):
        return False
    if data[position] != EXTENSION_START:
        return True
    return data[position + 1] >> 4 == SEQUENCE_EXTENSION and (data[position + 2] & 8) != 0


cdef int mpeg4_picture_place(const uint8_t *data, int size) noexcept nogil:
    """Return where the first picture of an MPEG-4 packet begins, at its start code's last byte;
    `size` if there is none.
    """
    cdef int position = next_start_code(data, 0, size)
    while position < size and data[position] != VOP_START:
        position = next_start_code(data, position, size)
    return position


cdef bint may_be_uncoded_mpeg4(int size) noexcept nogil:
    """Return True if an MPEG-4 packet of `size` bytes may be a picture without data.

    The decoder returns no frame for such a picture.
    """
    return size <= LONGEST_UNCODED
