"""Muxer: a container that is being written."""

from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport int64_t

from cycodec.core.handles cimport MuxerHandle
from cycodec.core.io.sink cimport Sink
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVRational


cdef struct WaitingPacket:
    AVPacket *packet
    AVRational time_base


cdef class Muxer(MuxerHandle):
    cdef AVFormatContext *context
    cdef readonly Sink sink
    cdef PyThread_type_lock lock    # held while packets are written; only taken without the GIL
    cdef WaitingPacket *waiting     # packets that came before the header was written
    cdef int num_waiting
    cdef int max_waiting            # size of the allocation
    cdef readonly bint started      # True once the header is written
    cdef bint finished              # True once the trailer is written
    cdef int owner                  # the process that made this object

    cdef int write(self, AVPacket *packet, AVRational time_base) noexcept nogil
    cdef int wait(self, AVPacket *packet, AVRational time_base) noexcept nogil
    cdef int put(self, AVPacket *packet, AVRational time_base) noexcept nogil
    cdef int write_waiting(self) noexcept nogil
    cdef int check(self, int code, str operation) except -1
