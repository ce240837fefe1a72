"""Sources, containers and their packets."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVMediaType


cdef Demuxer demuxer_open(object source)
cdef Demuxer demuxer_open_memory(const uint8_t *data, size_t size)
cdef Demuxer decoder_demuxer(object decoder)
cdef AVFormatContext *demuxer_context(Demuxer demuxer) noexcept nogil
cdef int demuxer_num_streams(Demuxer demuxer) noexcept nogil
cdef const AVStream *demuxer_stream(Demuxer demuxer, int stream_index) noexcept nogil
cdef int demuxer_best_stream(Demuxer demuxer, AVMediaType kind) noexcept nogil
cdef int demuxer_read(Demuxer demuxer, AVPacket *packet, int stream_index) noexcept nogil
cdef int demuxer_read_any(Demuxer demuxer, AVPacket *packet) noexcept nogil
cdef int demuxer_seek(Demuxer demuxer, int stream_index, int64_t timestamp) noexcept nogil
cdef int demuxer_check(Demuxer demuxer, int code) except -1
