"""The C API for other Cython extensions: functions, whose signatures are checked at import.

Classes may gain fields and methods between versions; these functions stay. Functions that are
`nogil` raise nothing: they return an AVERROR below zero if they fail.
"""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVFrame


cdef AVFormatContext *demuxer_context(Demuxer demuxer) noexcept nogil
cdef int demuxer_read(Demuxer demuxer, AVPacket *packet, int stream_index) noexcept nogil

cdef int index_length(FrameIndex index) noexcept nogil
cdef int64_t index_pts(FrameIndex index, int number) noexcept nogil
cdef int64_t index_duration(FrameIndex index, int number) noexcept nogil
cdef int index_number_at(FrameIndex index, double seconds) noexcept nogil

cdef FrameReader decoder_reader(object decoder)
cdef int reader_reach(FrameReader reader, int64_t number) noexcept nogil
cdef const AVFrame *reader_frame(FrameReader reader) noexcept nogil
cdef int reader_check(FrameReader reader, int code) except -1
