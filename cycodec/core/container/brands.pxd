"""Which container the first bytes of a file prove."""

from cycodec.libav.avformat cimport AVInputFormat


cdef enum:
    BRAND_BYTES = 64            # of a file, which tell its container
    TRANSPORT_BYTES = 22 * 188  # of a file, which prove a transport stream
    SYNC = 0x47                 # the first byte of its packets


cdef const AVInputFormat *proved_format(const unsigned char *head, int size) noexcept nogil
