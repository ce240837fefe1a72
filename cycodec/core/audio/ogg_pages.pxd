"""OggChain: follows the pages of an Ogg stream, and notices those that FFmpeg has not read."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from cycodec.core.audio.flac_seek cimport FlacStart
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVPacket, AVVorbisParseContext
from cycodec.libav.avformat cimport AVIOContext


cdef enum PageLoss:
    # what is wrong with a packet; several may be added up
    PAGE_CUT = 1                # pages before it are missing in the file
    PAGE_DAMAGED = 2            # FFmpeg refused pages before it
    PAGE_JOINED = 4             # its parts belong to two packets
    PAGE_UNSURE = 8             # pages before it were refused; its place or samples may be wrong


cdef struct OggHeader:
    # RFC 3533, section 6
    int64_t place               # in the file
    int64_t size                # bytes of the whole page
    int64_t granule             # position at its end; -1: no packet ends in it
    uint32_t serial             # number of its stream
    uint32_t sequence           # number of the page
    int flags
    int num_segments
    uint8_t[255] lacing         # the size of each segment


cdef class OggChain:
    cdef int loss               # PageLoss of the packet that was followed last
    cdef int codec_id
    cdef bint known             # True if `page` is that of the packet followed last
    cdef OggHeader page
    cdef int segment            # of the page: where the next packet begins
    cdef uint32_t last_sequence  # number of the page that the packet followed last ends in
    cdef int64_t last_end       # place behind that page
    cdef int64_t last_granule
    cdef int64_t due            # timestamp of the next packet of the page; NOPTS: FFmpeg's is right
    cdef int64_t samples        # of the packet followed last
    cdef int64_t offset         # of timestamps against granule positions
    cdef bint unsure            # True for PAGE_UNSURE
    cdef AVVorbisParseContext *vorbis   # NULL for other codecs
    cdef AVVorbisParseContext *ahead    # one that reads ahead
    cdef FlacStart flac_start
    cdef int64_t flac_offset    # of granule positions against the numbers of FLAC frames
    cdef uint8_t *body          # memory for a page

    cdef void restart(self) noexcept nogil
    cdef void follow(self, AVIOContext *pb, AVPacket *packet) noexcept nogil
    cdef void turn(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil
    cdef void begin_flac(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil
    cdef void find_place(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil
    cdef bint is_whole(self, AVIOContext *pb, int size) noexcept nogil
    cdef bint follow_parts(self, AVIOContext *pb, int64_t *whole) noexcept nogil
    cdef bint read_body(self, AVIOContext *pb, const OggHeader *page) noexcept nogil
    cdef bint has_refused(self, AVIOContext *pb, int64_t place) noexcept nogil
    cdef int64_t samples_to_granule(self, AVIOContext *pb, const AVPacket *packet, OggHeader *last) noexcept nogil
    cdef int64_t samples_of(self, const uint8_t *data, int size, const AVPacket *first) noexcept nogil


cdef OggChain chain_of(Demuxer demuxer, int stream_index)
cdef bint is_right_page(const uint8_t *data, int size) noexcept nogil
