"""The frame headers of VP8 and VP9: hidden frames and the format of pictures."""

from libc.stdint cimport uint8_t


cdef struct Vp9Format:
    int matrix              # matrix coefficients as ISO/IEC 23091-2 numbers them; 2 if unspecified
    bint full_range         # True if samples use the whole range of values
    int width               # of the picture, in pixels
    int height


cdef bint is_hidden_vp8(int first) noexcept nogil
cdef bint is_hidden_vp9(int first, int last) noexcept nogil
cdef bint is_key_vp8(int first) noexcept nogil
cdef bint read_vp8_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil
cdef bint is_key_vp9(int first) noexcept nogil
cdef bint read_vp9_format(const uint8_t *data, int size, Vp9Format *format) noexcept nogil
