"""FrameStream: frames in the order in which the decoder gives them, from the beginning or from an anchor."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef struct FrameFacts:
    # What a decoded frame says of itself; numbers are FFmpeg's.
    int width
    int height
    int format
    int primaries
    int space
    int transfer
    int range


cdef class FrameStream:
    cdef readonly Demuxer demuxer
    cdef readonly FrameIndex index      # None: approximate, positions are timestamps
    cdef readonly VideoBackend backend
    cdef readonly int stream_index

    cdef AVPacket *packet
    cdef AVFrame *frame
    cdef bint has_packet                # read, not yet sent
    cdef bint has_frame
    cdef int64_t position               # of `frame`
    cdef int64_t reached                # the last position that came out since the last seek; -1: none
    cdef bint running                   # whether the decoder can simply go on
    cdef bint draining
    cdef bint stamping
    cdef bint fresh                     # nothing was read yet
    cdef bint introduced                # whether the decoder has met the stream's first packet
    cdef public bint skipping           # whether frames on the way may be left out
    cdef bint has_skipped               # ... and some were, since the last seek
    cdef int started_at                 # the anchor of the last seek
    cdef bint met_damage                # whether going back to the beginning needs a decoder that has seen nothing
    cdef NalFormat nal
    cdef bint seek_by_pts
    cdef bint is_mov
    cdef bint seek_by_byte
    cdef int32_t ordinal                # of the next packet
    cdef int64_t sent                   # the frame that the last packet sent should give
    cdef int64_t turn                   # the frame that should come next, if none was left out
    cdef bint may_hurry                 # whether the backend is to hear of the last frame that is wanted here
    cdef bint out_of_turn               # another one came, since the last seek
    cdef int faults                     # packets that the decoder could not make sense of, since the last seek
    cdef int64_t outputs                # frames since the beginning of a linear pass
    cdef uint8_t *bad_anchors           # those that did not give the frames they promise
    cdef int64_t frame_step             # pts from one frame to the next, approximately

    cdef readonly int64_t seeks
    cdef readonly int64_t packets_read
    cdef readonly int64_t frames_decoded
    cdef readonly int64_t errors
    cdef readonly bint met_fault        # whether `faults` ever was more than 0

    # frames
    cdef void stop(self) noexcept nogil
    cdef int next_frame(self) noexcept nogil
    cdef int send_next(self) noexcept nogil
    cdef int judge(self, int code) noexcept nogil
    cdef bint knows_better(self) noexcept nogil
    cdef int64_t number_of_packet(self) noexcept nogil
    cdef void note_fault(self) noexcept nogil
    cdef bint is_leading(self, int64_t number) noexcept nogil
    cdef void take_turn(self) noexcept nogil
    cdef bint is_wanted(self, int64_t number) noexcept nogil
    cdef bint is_last_here(self, int64_t number) noexcept nogil
    cdef void begin_run(self, bint here) noexcept nogil
    cdef bint can_skip(self) noexcept nogil
    cdef void leave_out(self, bint skip) noexcept nogil
    cdef int64_t position_of_frame(self) noexcept nogil
    cdef int64_t frame_duration(self) noexcept nogil
    cdef bint is_damaged(self) noexcept nogil
    # seeking
    cdef int rewind(self) noexcept nogil
    cdef void introduce(self) noexcept nogil
    cdef int begin_at(self, int anchor) noexcept nogil
    cdef int find_packet(self, int anchor) noexcept nogil
    cdef int reopen(self) except -1

    cdef FrameFacts facts(self) noexcept nogil
    cdef void abandon(self) noexcept


cdef dict describe_facts(FrameFacts facts)
