"""See capi.pxd."""

from libc.errno cimport EINVAL
from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVFrame


cdef AVFormatContext *demuxer_context(Demuxer demuxer) noexcept nogil:
    """Return the AVFormatContext, which the demuxer owns."""
    return demuxer.ptr


cdef int demuxer_read(Demuxer demuxer, AVPacket *packet, int stream_index) noexcept nogil:
    """Read the next packet of one stream; the caller unreferences it."""
    return demuxer.read(packet, stream_index)


cdef int index_length(FrameIndex index) noexcept nogil:
    """Return the number of frames."""
    return index.count


cdef int64_t index_pts(FrameIndex index, int number) noexcept nogil:
    """Return when a frame begins, in units of the time base; AV_NOPTS_VALUE outside the stream."""
    return index.pts_values[number] if 0 <= number < index.count else avutil.AV_NOPTS_VALUE


cdef int64_t index_duration(FrameIndex index, int number) noexcept nogil:
    """Return how long a frame is played, in units of the time base; 0 outside the stream."""
    return index.duration_values[number] if 0 <= number < index.count else 0


cdef int index_number_at(FrameIndex index, double seconds) noexcept nogil:
    """Return the number of the frame that is played at an instant; -1 outside the stream."""
    return index.number_at(seconds)


cdef FrameReader decoder_reader(object decoder):
    """Return the reader of an open VideoDecoder; ClosedError if the decoder is closed.

    No other thread may use the decoder while C code uses its reader. A decoder offers its reader by
    a method `__cycodec_reader__`, which takes no arguments and raises if there is none.
    """
    return decoder.__cycodec_reader__()


cdef int reader_reach(FrameReader reader, int64_t number) noexcept nogil:
    """Decode a frame by number; `reader_frame` returns it until the next call."""
    if not reader.index.is_exact or not 0 <= number < (<FrameIndex> reader.index).count:
        return avutil.AVERROR(EINVAL)
    return reader.reach(number)


cdef const AVFrame *reader_frame(FrameReader reader) noexcept nogil:
    """Return the frame that was decoded last, which the reader owns; NULL if there is none."""
    return reader.frame if reader.has_frame else NULL


cdef int reader_check(FrameReader reader, int code) except -1:
    """Raise the exception for a code below zero of `reader_reach`."""
    return reader.finish(code)


cdef int cycodec_abi() noexcept nogil:
    """Return the CYCODEC_ABI of the cycodec that runs."""
    return CYCODEC_ABI


cdef int check_build(int abi, unsigned avformat_built, unsigned avcodec_built, unsigned avutil_built) except -1:
    """Raise ImportError unless an extension with these versions can run here; `require_cycodec` calls it.

    FFmpeg's structures are the same within a major version, if the running one is not older.
    """
    if abi > CYCODEC_ABI:
        raise ImportError(
            f"this extension was built for a later cycodec (C API {abi}; this one has {CYCODEC_ABI}): "
            "update cycodec, or build the extension again"
        )
    for name, built, runs in (
        ("libavformat", avformat_built, avformat.avformat_version()),
        ("libavcodec", avcodec_built, avcodec.avcodec_version()),
        ("libavutil", avutil_built, avutil.avutil_version()),
    ):
        if built >> 16 != runs >> 16:
            raise ImportError(
                f"this extension was built with the headers of {name} {built >> 16}, but cycodec runs with "
                f"{name} {runs >> 16}: build the extension again, with the flags that cycodec-config prints"
            )
    return 0
