"""Which container the first bytes of a file prove."""

from cycodec.libav.avformat cimport AVInputFormat


cdef enum:
    BRAND_BYTES = 64            # of a file, which tell its container


cdef const AVInputFormat *proved_format(const unsigned char *head, int size) noexcept nogil
