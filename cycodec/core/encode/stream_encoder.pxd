"""StreamEncoder: one stream of a muxer, whatever its kind of media."""

from libc.stdint cimport int64_t

from cycodec.core.encode.muxer cimport Muxer
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID, AVPacket
from cycodec.libav.avformat cimport AVStream
from cycodec.libav.avutil cimport AVFrame


cdef class StreamEncoder:
    cdef readonly Muxer muxer
    cdef const AVCodec *codec
    cdef AVCodecContext *context
    cdef AVStream *stream
    cdef AVPacket *packet
    cdef AVFrame *frame             # the frame that a subclass fills
    cdef int64_t next_pts           # pts of the next frame, in the codec's time base

    cdef int allocate(self, Muxer muxer, AVCodecID codec_id, str kind) except -1
    cdef int open(self) except -1
    cdef int send(self, AVFrame *frame) noexcept nogil
