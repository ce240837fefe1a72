"""HeaderCheck: whether a decoder accepts the headers of packets."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.bitstream.mpeg cimport SequenceShape
from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.bitstream.plain_headers cimport PlainHeaders
from cycodec.core.bitstream.vp9_header cimport Vp9References
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVPacket


cdef class HeaderCheck:
    # The decoder; NULL before the first packet that it must tell about.
    cdef AVCodecContext *context
    cdef AVCodecParameters *parameters
    # Names the source in errors.
    cdef str source
    # Larger pictures are refused.
    cdef int64_t max_pixels
    # What the packets of MPEG-1 and 2 so far say of their pictures, and those of VP9.
    cdef SequenceShape shape
    cdef Vp9References references
    # False for codecs whose headers cannot be checked.
    cdef bint can_check
    # None if a decoder must tell about every packet.
    cdef PlainHeaders plain
    # True if the last packet was plain, and all before it
    cdef bint is_plain
    cdef NalFormat nal
    # True if a decoder that accepts a header asks for a picture buffer, and is not told to skip.
    cdef bint awaits_request
    # True if a picture of another size may drop others.
    cdef bint may_resize
    # True if a picture may change how long the decoder holds pictures back, and whether the decoder
    # has received a packet.
    cdef bint may_delay
    cdef bint has_begun
    # True if the decoder has asked for a picture buffer since the last packet was sent.
    cdef bint has_asked
    # The beginning of a packet, without most of its first slice.
    cdef AVPacket *head

    cdef void restart(self) noexcept nogil
    cdef bint changes_sequence(self, const AVPacket *packet) noexcept nogil
    cdef bint misplaces_slice(self, const AVPacket *packet) noexcept nogil
    cdef bint refuses(self, const AVPacket *packet, bint is_single=*) noexcept nogil
    cdef bint begin(self) noexcept nogil
    cdef bint knows_order(self) noexcept nogil
    cdef int open(self) except -1
    cdef bint sends(self, const AVPacket *packet) noexcept nogil
    cdef int cut(self, const AVPacket *packet, bint is_single) noexcept nogil
    cdef int cut_mpeg(self, const AVPacket *packet) noexcept nogil
    cdef int cut_at(self, const AVPacket *packet, int position, int kept) noexcept nogil
    cdef void abandon(self) noexcept


cdef bint can_check_headers(int codec_id) noexcept
cdef HeaderCheck new_header_check(Demuxer demuxer, int stream_index, bint is_proved=*)
