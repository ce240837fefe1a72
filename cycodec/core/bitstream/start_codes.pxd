"""Start codes, the three bytes 0, 0, 1 before each unit of MPEG-1 to HEVC."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr


cdef inline int next_start_code(const uint8_t *data, int position, int size) noexcept nogil:
    """Return where the bytes behind the next start code begin; `size` if there is none."""
    cdef const uint8_t *found
    position += 2
    while position < size:
        found = <const uint8_t *> memchr(data + position, 1, size - position)
        if found == NULL:
            return size
        position = <int> (found - data) + 1
        if found[-1] == 0 and found[-2] == 0:
            return position
    return size
