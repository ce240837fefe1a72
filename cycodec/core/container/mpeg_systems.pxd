"""What the first bytes of an MPEG transport or program stream say of its streams."""

from libc.stdint cimport uint8_t

from cycodec.libav.avformat cimport AVFormatContext


cdef enum:
    SYSTEMS_BYTES = 4096        # of a file, in which headers are looked for


cdef bint names_all_streams(const AVFormatContext *container, const uint8_t *head, int size) noexcept nogil
cdef bint has_steady_video(const AVFormatContext *container, const uint8_t *head, int size) noexcept nogil
