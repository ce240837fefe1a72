"""Demuxer: an open container."""

from libc.stdint cimport int64_t

from cycodec.core.io.source cimport IOContext
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVDictionary


cdef class Demuxer:
    cdef AVFormatContext *ptr
    cdef readonly dict codec_options    # options of the user that only decoders know
    cdef readonly IOContext io
    cdef AVPacket *held             # the packet that peek has read
    cdef bint is_holding            # True if the next read returns that packet
    cdef readonly bint probed       # True if avformat_find_stream_info has run

    cdef int open(self) except -1
    cdef int refuse_samples(self) except -1
    cdef int refuse_playlist(self) except -1
    cdef int keep_codec_options(self, AVDictionary *options) except -1
    cdef int refuse_size(self, int index) except -1
    cdef int64_t probed_pixels(self, unsigned int index) noexcept nogil
    cdef void begin(self) noexcept nogil
    cdef void recover(self) noexcept
    cdef AVStream *stream(self, int index) noexcept nogil
    cdef int read(self, AVPacket *packet, int stream_index) noexcept nogil
    cdef int peek(self, int stream_index, const AVPacket **packet) noexcept nogil
    cdef void drop(self) noexcept nogil
    cdef int seek(self, int stream_index, int64_t timestamp) noexcept nogil
    cdef int seek_byte(self, int64_t position) noexcept nogil
    cdef int64_t byte_size(self) noexcept
    cdef int64_t byte_position(self) noexcept nogil
    cdef void go_to_byte(self, int64_t position) noexcept
    cdef int check(self, int code, str operation) except -1
    cdef list streams_of(self, str media_type)
    cdef int select(self, str media_type, object stream_index, str phrase, str remedy) except -1
    cdef void abandon(self) noexcept
