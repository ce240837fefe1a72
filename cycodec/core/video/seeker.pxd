"""Seeker: where packets come from, and ways back to an earlier place."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.bitstream.picture_parser cimport PictureParser
from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.earlier_packets cimport EarlierPackets
from cycodec.core.video.index cimport Anchor, FrameIndex
from cycodec.core.video.stream_index cimport StreamIndex

from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum SeekWay:
    SEEK_BY_PTS
    SEEK_BY_DTS
    # MP4: by pts, and by dts if that does not find the packet; see Note [Seeking in MP4].
    SEEK_BY_PTS_OR_DTS
    SEEK_BY_BYTE


# What packets say of an anchor's pictures; see Note [Headers of earlier packets].
cdef struct HeadersBefore:
    # What the parameter sets of the anchor say, and the headers before them.
    SequenceHeaders told
    SequenceHeaders headers
    # True if a new decoder must receive the parameter sets of an earlier anchor; 0: those of the
    # extradata.
    bint needs_sets
    int anchor_of_sets
    # True if the decoder must receive that anchor's packet first.
    bint fetches_sets
    # True if another packet was read, so that the anchor's must be found again.
    bint has_moved


cdef class Seeker:
    cdef Demuxer demuxer
    cdef int stream_index
    cdef SeekWay way
    # The usual distance between the pts of two frames.
    cdef int64_t step
    # The ordinal of the next packet.
    cdef int32_t ordinal
    # The anchor of the last seek; 0 for the beginning of the stream.
    cdef int anchor
    cdef int64_t seeks
    cdef int64_t packets_read
    cdef NalFormat nal
    # True if the decoder's frames depend on all frames before them; Note [Decoders that remember].
    cdef bint remembers
    # True if packets of the codec may hold parameter sets or sequence headers.
    cdef bint reads_headers
    # True if the decoder has received some that do not stand in the first packet.
    cdef bint met_sets

    cdef int read(self, AVPacket *packet) noexcept nogil
    cdef int rewind(self) noexcept nogil
    cdef void aim(self, int64_t position, bint from_start) noexcept nogil
    cdef int seek(self, AVPacket *packet) noexcept nogil
    cdef bint arrives_before(self, int64_t position, int64_t came_out, const AVFrame *frame) noexcept nogil
    cdef bint retreat(self) noexcept nogil
    cdef void mark_bad(self) noexcept nogil
    cdef bint may_begin_with(self, const AVFrame *frame) noexcept nogil
    cdef void abandon(self) noexcept
    cdef bint must_check(self) noexcept nogil
    cdef bint checks_from_start(self) noexcept nogil
    cdef int check_packets_before(self, AVPacket *packet, bint is_at_start) noexcept nogil
    cdef bint must_begin_anew(self) noexcept nogil
    cdef bint is_near(self, int64_t position, int64_t reached, int delay, bint is_fresh) noexcept nogil
    cdef int anchor_of(self, int64_t number) noexcept nogil
    cdef int64_t first_number(self) noexcept nogil
    cdef int leading(self) noexcept nogil
    cdef int read_headers_before(self, AVPacket *packet, HeadersBefore *before) noexcept nogil
    cdef int fetch(self, int anchor, AVPacket *packet) noexcept nogil
    cdef void note_sent(self, const AVPacket *packet) noexcept nogil


cdef class AnchorSeeker(Seeker):
    # What the stream's extradata says of its pictures.
    cdef SequenceHeaders extradata
    cdef FrameIndex index
    cdef PictureParser parser
    # Checks packets before anchors; None before the first one.
    cdef EarlierPackets earlier
    # True if only the decoder can tell whether the last anchor is a key picture.
    cdef bint needs_key_frame
    # For each anchor, 1 if it did not give the frames that it promises.
    cdef uint8_t *bad_anchors
    # Anchors that were tried since `aim`.
    cdef int tries

    cdef bint knows_colours(self, const HeadersBefore *before) noexcept nogil
    cdef bint is_broken_off(self, int code) noexcept nogil
    cdef int check_packets(self, AVPacket *packet, const Anchor *begin, const Anchor *end) noexcept nogil
    cdef int recall(self, int anchor, AVPacket *packet, HeadersBefore *before) noexcept nogil
    cdef int usable(self, int anchor) noexcept nogil
    cdef int seek_to_anchor(self, AVPacket *packet) noexcept nogil
    cdef int seek_to_entry(self, AVPacket *packet) noexcept nogil
    cdef bint is_entry(self, const AVPacket *packet) noexcept nogil
    cdef int find_packet(self, AVPacket *packet) noexcept nogil
    cdef bint is_anchor(self, const AVPacket *packet, const Anchor *anchor) noexcept nogil
    cdef bint is_past(self, const AVPacket *packet, const Anchor *anchor) noexcept nogil


cdef class TimeSeeker(Seeker):
    # The instant that is wanted, and how far before it the next seek goes.
    cdef int64_t instant
    cdef int64_t back


cdef Seeker new_seeker(Demuxer demuxer, int stream_index, StreamIndex index)
