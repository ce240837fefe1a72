"""The headers of VP9's frames, as far as they decide whether a decoder gives a picture."""

from libc.stdint cimport int64_t, uint8_t


cdef enum:
    VP9_REFERENCES = 8          # pictures that later frames may refer to
    VP9_REFUSED = -1            # what `read_vp9_packet` returns for what a decoder refuses


cdef struct Vp9Picture:
    int width                   # 0 if there is no picture
    int height
    int format                  # equal for pictures of the same depth and chroma


cdef struct Vp9References:
    Vp9Picture[VP9_REFERENCES] pictures
    # Of the pictures since the last frame that stated it.
    int format
    # The size of the last key frame; the container's before it, or 0.
    int width
    int height
    # Larger pictures are refused.
    int64_t max_pixels


cdef int read_vp9_packet(Vp9References *references, const uint8_t *data, int size) noexcept nogil
cdef bint read_vp9_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil
