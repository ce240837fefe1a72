"""Whether pages of an Ogg stream are missing between two pages."""

from libc.stdint cimport int64_t

from cycodec.libav.avformat cimport AVIOContext


cdef bint has_lost_page(AVIOContext *pb, int64_t first, int64_t last) noexcept nogil
