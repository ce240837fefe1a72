"""Limits of what this library calculates with; a file may state any number."""

from libc.stdint cimport int64_t


# The largest time or file position that is accepted. The sum of two such values fits 64 bits.
cdef inline int64_t largest_time() noexcept nogil:
    return <int64_t> 1 << 61


cdef inline bint is_sane_time(int64_t time) noexcept nogil:
    """Return True if arithmetic on a time is safe.

    Return False for AV_NOPTS_VALUE and for numbers near the ends of 64 bits.
    """
    return -largest_time() <= time <= largest_time()
