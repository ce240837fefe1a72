"""HeaderCheck: whether a decoder accepts the headers of packets."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecContext, AVPacket


cdef class HeaderCheck:
    # NULL for codecs whose headers cannot be checked.
    cdef AVCodecContext *context
    cdef NalFormat nal
    # True if a decoder that accepts a header asks for a picture buffer, and is not told to skip.
    cdef bint awaits_request
    # True if the decoder has asked for a picture buffer since the last packet was sent.
    cdef bint has_asked
    # The beginning of a packet, without most of its first slice.
    cdef AVPacket *head

    cdef bint refuses(self, const AVPacket *packet) noexcept nogil
    cdef bint sends(self, const AVPacket *packet) noexcept nogil
    cdef int cut(self, const AVPacket *packet) noexcept nogil
    cdef int cut_mpeg(self, const AVPacket *packet) noexcept nogil
    cdef void abandon(self) noexcept


cdef HeaderCheck new_header_check(Demuxer demuxer, int stream_index)
