"""DecodeCheck: whether a decoder gives a picture for packets, which it decodes."""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class DecodeCheck:
    # The decoder; NULL before the first packet that it must decode.
    cdef AVCodecContext *context
    cdef AVCodecParameters *parameters
    cdef AVFrame *frame
    # Names the source in errors.
    cdef str source
    # Larger pictures are refused.
    cdef int64_t max_pixels
    # The pixels of a picture by the container's header.
    cdef readonly int64_t pixels
    # False for codecs whose headers tell enough, and where no decoder can be opened.
    cdef readonly bint can_check
    # True if the decoder may give the picture of a packet later.
    cdef bint has_delay

    cdef bint refuses(self, const AVPacket *packet) noexcept nogil
    cdef bint begin(self) noexcept nogil
    cdef int open(self) except -1
    cdef void abandon(self) noexcept


cdef DecodeCheck new_decode_check(Demuxer demuxer, int stream_index)
