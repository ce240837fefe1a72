"""Sources, containers and their packets."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.handles cimport DemuxerHandle
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVMediaType


cdef DemuxerHandle demuxer_open(object source)
cdef DemuxerHandle demuxer_open_memory(const uint8_t *data, size_t size)
cdef DemuxerHandle decoder_demuxer(object decoder)
cdef AVFormatContext *demuxer_context(DemuxerHandle demuxer) noexcept nogil
cdef int demuxer_num_streams(DemuxerHandle demuxer) noexcept nogil
cdef const AVStream *demuxer_stream(DemuxerHandle demuxer, int stream_index) noexcept nogil
cdef int demuxer_best_stream(DemuxerHandle demuxer, AVMediaType kind) noexcept nogil
cdef int demuxer_read(DemuxerHandle demuxer, AVPacket *packet, int stream_index) noexcept nogil
cdef int demuxer_read_any(DemuxerHandle demuxer, AVPacket *packet) noexcept nogil
cdef int demuxer_seek(DemuxerHandle demuxer, int stream_index, int64_t timestamp) noexcept nogil
cdef int demuxer_check(DemuxerHandle demuxer, int code) except -1
