"""Muxer: a container that is being written."""

from cycodec.core.io.sink cimport Sink
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext


cdef class Muxer:
    cdef AVFormatContext *context
    cdef readonly Sink sink
    cdef bint finished              # True once the trailer is written

    cdef int write(self, AVPacket *packet) noexcept nogil
    cdef int check(self, int code, str operation) except -1
