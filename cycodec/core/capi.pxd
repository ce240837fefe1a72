"""The C API for other Cython extensions: functions, whose signatures are checked at import.

Classes may gain fields and methods between versions; these functions stay. Functions that are
`nogil` raise nothing: they return an AVERROR below zero if they fail.

An extension should call `require_cycodec()` when it is imported. It checks that the extension was
built for the cycodec and the FFmpeg that run.
"""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVFrame

cdef extern from "libavcodec/avcodec.h":
    unsigned _avcodec_headers "LIBAVCODEC_VERSION_INT"
cdef extern from "libavformat/avformat.h":
    unsigned _avformat_headers "LIBAVFORMAT_VERSION_INT"
cdef extern from "libavutil/avutil.h":
    unsigned _avutil_headers "LIBAVUTIL_VERSION_INT"

cdef enum:
    # grows by one whenever functions are added
    CYCODEC_ABI = 2


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

# since CYCODEC_ABI 2
cdef int cycodec_abi() noexcept nogil
cdef int check_build(int abi, unsigned avformat_built, unsigned avcodec_built, unsigned avutil_built) except -1


cdef inline int require_cycodec() except -1:
    """Raise ImportError unless this extension was built for the cycodec and FFmpeg that run."""
    return check_build(CYCODEC_ABI, _avformat_headers, _avcodec_headers, _avutil_headers)
