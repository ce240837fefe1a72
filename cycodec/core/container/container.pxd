"""Container: an open container."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport DemuxerHandle
from cycodec.core.io.source cimport IOContext
from cycodec.libav.avformat cimport AVFormatContext, AVInputFormat, AVStream
from cycodec.libav.avutil cimport AVDictionary


cdef class Container(DemuxerHandle):
    cdef AVFormatContext *ptr
    cdef readonly dict codec_options    # options of the user that only decoders know
    cdef readonly IOContext io

    cdef int open(self) except -1
    cdef const AVInputFormat *find_format(self) except? NULL
    cdef int refuse_samples(self) except -1
    cdef int refuse_playlist(self) except -1
    cdef int keep_codec_options(self, AVDictionary *options) except -1
    cdef void begin(self) noexcept nogil
    cdef AVStream *stream(self, int index) noexcept nogil
    cdef int64_t byte_size(self) noexcept
    cdef int64_t byte_position(self) noexcept nogil
    cdef void go_to_byte(self, int64_t position) noexcept
    cdef int check(self, int code, str operation) except -1
    cdef void abandon(self) noexcept
