"""See capi.pxd."""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav cimport avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVFrame


cdef AVFormatContext *demuxer_context(Demuxer demuxer) noexcept nogil:
    """The demuxer's AVFormatContext; it stays the demuxer's."""
    return demuxer.ptr


cdef int demuxer_read(Demuxer demuxer, AVPacket *packet, int stream_index) noexcept nogil:
    """Read the next packet of one stream; the caller unreferences it."""
    return demuxer.read(packet, stream_index)


cdef int index_length(FrameIndex index) noexcept nogil:
    """Number of frames."""
    return index.count


cdef int64_t index_pts(FrameIndex index, int number) noexcept nogil:
    """When a frame begins, in units of the time base; AV_NOPTS_VALUE outside the stream."""
    return index.pts_values[number] if 0 <= number < index.count else avutil.AV_NOPTS_VALUE


cdef int64_t index_duration(FrameIndex index, int number) noexcept nogil:
    """How long a frame is played, in units of the time base; 0 outside the stream."""
    return index.duration_values[number] if 0 <= number < index.count else 0


cdef int index_number_at(FrameIndex index, double seconds) noexcept nogil:
    """The frame that is played at an instant; -1 outside the stream."""
    return index.number_at(seconds)


cdef FrameReader decoder_reader(object decoder):
    """The reader of an open VideoDecoder. While it is used from C, no other thread may use the decoder."""
    return decoder._session.reader


cdef int reader_reach(FrameReader reader, int64_t number) noexcept nogil:
    """Decode a frame by number; `reader_frame` holds it until the next call."""
    if reader.index is None or not 0 <= number < reader.index.count:
        return avutil.AVERROR(22)
    return reader.reach(number)


cdef const AVFrame *reader_frame(FrameReader reader) noexcept nogil:
    """The frame decoded last, NULL if there is none; it stays the reader's."""
    return reader.frame if reader.has_frame else NULL


cdef int reader_check(FrameReader reader, int code) except -1:
    """Raise what a code below zero of `reader_reach` means."""
    return reader.finish(code)
