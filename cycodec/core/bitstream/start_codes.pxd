"""Start codes, the three bytes 0, 0, 1 before each unit of MPEG-1 to HEVC."""

from libc.stdint cimport uint8_t


cdef enum:
    BLOCK = 64      # bytes that the compiler compares by vector instructions


cdef inline bint has_zeros(const uint8_t *data) noexcept nogil:
    """Return whether two zeros, as in a start code, begin in the next BLOCK bytes.

    BLOCK + 1 bytes must exist.
    """
    cdef uint8_t found = 0
    cdef int i
    for i in range(BLOCK):
        found |= (data[i] | data[i + 1]) == 0
    return found


cdef inline int next_start_code(const uint8_t *data, int position, int size) noexcept nogil:
    """Return where the bytes behind the next start code begin; `size` if there is none."""
    cdef int end
    while position + 2 < size:
        if position + BLOCK + 2 <= size:
            if not has_zeros(data + position):
                position += BLOCK
                continue
            end = position + BLOCK
        else:
            end = size - 2
        while position < end:
            if data[position] == 0 and data[position + 1] == 0 and data[position + 2] == 1:
                return position + 3
            position += 1
    return size
