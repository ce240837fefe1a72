"""FrameStream: frames in the order in which the decoder gives them, from the beginning or from an
anchor.
"""

from libc.stdint cimport int64_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport HeaderCheck
from cycodec.core.handles cimport ReaderHandle
from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.video.fault_watch cimport FaultWatch
from cycodec.core.video.order_watch cimport OrderWatch
from cycodec.core.video.seeker cimport Seeker
from cycodec.core.video.stream_index cimport StreamIndex
from cycodec.core.video.wanted cimport Wanted

from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    # Frames that may be decoded ahead: no codec shows a picture later.
    MOST_AHEAD = 16


cdef enum RunState:
    # The next frame needs a seek.
    STOPPED
    # Nothing was read yet, so that decoding can begin with the stream's first packet.
    FRESH
    # `packet` was read and not yet sent.
    HOLDING
    # The decoder can continue with the next packet.
    RUNNING
    # The decoder knows that no packet follows.
    DRAINING


cdef struct FrameFacts:
    # Size, format and colours of a decoded frame; the numbers are FFmpeg's.
    int width
    int height
    int format
    int primaries
    int space
    int transfer
    int range


cdef class FrameStream(ReaderHandle):
    cdef readonly Demuxer demuxer
    cdef readonly StreamIndex index
    cdef readonly VideoBackend backend
    cdef readonly int stream_index
    cdef Seeker seeker
    cdef FaultWatch watch
    cdef OrderWatch order
    # True if the order that the index promises must be proved, because no decoder has given it.
    cdef bint proves_order
    # What a decoder would say of packets that may be left out; None before the first one.
    cdef HeaderCheck unseen
    # What the request under way asks for; nothing between requests.
    cdef Wanted wanted

    cdef RunState state
    cdef AVPacket *packet
    cdef AVFrame *frame
    # Frames that were decoded ahead of the current one, to learn whether they are damaged; the
    # first comes next. They are allocated when they are first needed.
    cdef AVFrame *ahead[MOST_AHEAD]
    cdef int64_t ahead_positions[MOST_AHEAD]
    cdef int num_ahead
    cdef NalFormat nal
    # True if `frame` holds a frame; `position` is its position.
    cdef bint has_frame
    cdef int64_t position
    # The last position that was taken since the last seek, and the last one that came out of the
    # decoder; -1: none.
    cdef int64_t reached
    cdef int64_t decoded_to
    # Frames that came out since the last seek.
    cdef int64_t outputs
    # Errors since the decoder knows that no packet follows.
    cdef int drain_errors
    # The frame that the last packet sent should give; -1: none.
    cdef int64_t sent
    # True if the decoder has seen the headers of the stream's first packet.
    cdef bint knows_first_packet
    # True if the reader must tell the backend which wanted frame is the last in this GOP; see Note
    # [Hurry].
    cdef bint may_hurry
    cdef readonly int64_t frames_decoded

    # frames
    cdef void stop(self) noexcept nogil
    cdef int next_frame(self) noexcept nogil
    cdef int decode_frame(self) noexcept nogil
    cdef int look_ahead(self, int count) noexcept nogil
    cdef int send_next(self) noexcept nogil
    cdef int send_packet(self) noexcept nogil
    cdef bint note_references(self, bint skip) noexcept nogil
    cdef bint is_refused_unseen(self) noexcept nogil
    cdef int check_result(self, int code) noexcept nogil
    cdef bint must_drop(self) noexcept nogil
    cdef bint is_unknown(self) noexcept nogil
    cdef void note_error(self) noexcept nogil
    cdef bint is_leading(self, int64_t number) noexcept nogil
    cdef bint is_last_here(self, int64_t number) noexcept nogil
    cdef void begin_run(self, bint is_new) noexcept nogil
    cdef bint can_skip(self) noexcept nogil
    cdef bint is_damaged(self) noexcept nogil
    cdef FrameFacts facts(self) noexcept nogil
    # seeking
    cdef void show_first_packet(self, bint is_fresh) noexcept nogil
    cdef int begin(self) noexcept nogil
    cdef int prepare_decoder(self) noexcept nogil
    cdef void choose_marks(self) noexcept nogil
    cdef bint begins_again(self) noexcept nogil
    cdef int renew_decoder(self, bint with_source) noexcept nogil
    cdef int reopen(self) except -1

    cdef void abandon(self) noexcept


cdef dict describe_facts(FrameFacts facts)
