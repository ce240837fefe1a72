"""What a stream's headers say about its pictures."""

from cycodec.libav.avcodec cimport AVCodecParameters


cdef bint stream_may_have_fields(const AVCodecParameters *parameters) except -1
