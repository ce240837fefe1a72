"""Demuxer: an open container."""

from libc.stdint cimport int64_t

from cycodec.core.io.source cimport IOContext
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream


cdef class Demuxer:
    cdef AVFormatContext *ptr
    cdef readonly IOContext io
    cdef AVPacket *held             # read ahead by peek
    cdef bint is_holding
    cdef readonly bint probed       # whether avformat_find_stream_info has run

    cdef void recover(self) noexcept
    cdef AVStream *stream(self, int index) noexcept nogil
    cdef int read(self, AVPacket *packet, int stream_index) noexcept nogil
    cdef int peek(self, int stream_index, const AVPacket **packet) noexcept nogil
    cdef void drop(self) noexcept nogil
    cdef int seek(self, int stream_index, int64_t timestamp) noexcept nogil
    cdef int seek_byte(self, int64_t position) noexcept nogil
    cdef int check(self, int code, str operation) except -1
    cdef void abandon(self) noexcept
