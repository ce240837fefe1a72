"""Muxer: an output container. StreamEncoder: one stream of it."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.io.sink cimport Sink
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVFrame
from cycodec.libav.swresample cimport SwrContext


cdef class Muxer:
    cdef AVFormatContext *ptr
    cdef readonly Sink sink
    cdef bint started
    cdef bint finished

    cdef int write(self, AVPacket *packet) noexcept nogil
    cdef int check(self, int code, str operation) except -1


cdef class StreamEncoder:
    # What every kind of stream does alike: a codec, a stream of the muxer, packets on their way
    cdef readonly Muxer muxer
    cdef const AVCodec *codec
    cdef AVCodecContext *ctx
    cdef AVStream *stream
    cdef AVPacket *packet
    cdef AVFrame *frame
    cdef int64_t next_pts

    cdef int allocate(self, object kind) except -1
    cdef int open(self) except -1
    cdef int send(self, AVFrame *frame) noexcept nogil


cdef class AudioStreamEncoder(StreamEncoder):
    cdef SwrContext *swr
    cdef readonly int in_rate, in_channels, out_rate, out_channels
    cdef int block                  # samples of a frame
    cdef int filled                 # ... of which so many are there
    cdef uint8_t **planes
    cdef uint8_t **rows

    cdef int check_choice(self) except -1
    cdef int set_up(self, AVCodecContext *ctx, int rate, int channels) except -1
    cdef bint takes(self, int rate, int channels) except -1
    cdef int new_frame(self) noexcept nogil
    cdef int send_frame(self) noexcept nogil
    cdef int pull(self, uint8_t **data, int count) noexcept nogil
