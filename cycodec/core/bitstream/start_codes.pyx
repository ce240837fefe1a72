"""Start codes, which csrc/bitstream/start_codes.c finds."""

from libc.stdint cimport uint8_t


cdef extern from "bitstream/start_codes.h" nogil:
    int start_codes_next(const uint8_t *data, int position, int size)
    int start_codes_next_plain(const uint8_t *data, int position, int size)


cdef int next_start_code(const uint8_t *data, int position, int size) noexcept nogil:
    """Return where the bytes behind the next start code begin; `size` if there is none."""
    return start_codes_next(data, position, size)


def find_units(bytes data not None, bint plain=False):
    """Return where the units of a byte stream begin, behind their start codes; for tests.

    Parameters
    ----------
    data : bytes
    plain : bool
        True for the search that works on every processor.
    """
    cdef const uint8_t *first = data
    cdef int size = <int> len(data)
    cdef int position = 0
    places = []
    while True:
        position = (start_codes_next_plain if plain else start_codes_next)(first, position, size)
        if position >= size:
            return places
        places.append(position)
