"""StreamEncoder: one stream of a muxer, whatever its kind of media."""

from libc.stdint cimport int64_t

from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.handles cimport EncoderHandle
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVPacket
from cycodec.libav.avformat cimport AVStream
from cycodec.libav.avutil cimport AVFrame, AVMediaType


cdef class StreamEncoder(EncoderHandle):
    cdef readonly Muxer muxer
    cdef const AVCodec *codec
    cdef AVCodecContext *context
    cdef AVStream *stream
    cdef AVPacket *packet
    cdef AVFrame *frame             # the frame that a subclass fills
    cdef int64_t next_pts           # pts of the next frame, in the codec's time base
    cdef int64_t packet_duration    # duration of packets whose encoder sets none
    cdef readonly int64_t num_packets   # packets that the muxer has taken
    cdef readonly int64_t num_bytes     # bytes of these packets
    cdef dict options               # the options of the encoder
    cdef readonly bint failed       # True once a frame could not be encoded or written
    cdef bint waits_for_frame       # True if the encoder must get a frame before it is freed
    cdef bint flushed               # True once the encoder has got its last frame
    cdef int owner                  # the process that made this object

    cdef int allocate(self, Muxer muxer, str codec, AVMediaType kind) except -1
    cdef int new_context(self) except -1
    cdef void free_context(self) noexcept nogil
    cdef int set_options(self) except -1
    cdef int open(self) except -1
    cdef int send(self, AVFrame *frame) noexcept nogil
