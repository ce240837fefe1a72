"""FrameReader: the seek policy and the one loop that every video access goes through."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.backend cimport Target, VideoBackend
from cycodec.core.demux cimport Demuxer
from cycodec.core.index cimport FrameIndex
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef struct Slot:
    int64_t position        # what is wanted: a frame number, or a pts where there is no index
    int32_t slot            # where it goes


cdef class FrameReader:
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
    cdef bint skipping                  # whether frames on the way may be left out
    cdef bint has_skipped               # ... and some were, since the last seek
    cdef int started_at                 # the anchor of the last seek
    cdef bint from_start                # whether the next seek has to go to the beginning
    cdef bint met_damage                # ... and needs a decoder that has seen nothing
    cdef int nal_length                 # of H.264: bytes of a length, 0 for start codes; -1 for other codecs
    cdef bint seek_by_pts
    cdef bint seek_by_byte
    cdef int32_t ordinal                # of the next packet
    cdef int64_t outputs                # frames since the beginning of a linear pass
    cdef uint8_t *bad_anchors
    cdef int64_t frame_step             # pts from one frame to the next, approximately

    cdef const Slot *wanted             # of the request under way, sorted
    cdef int num_wanted
    cdef bint masking

    cdef readonly int64_t seeks
    cdef readonly int64_t packets_read
    cdef readonly int64_t frames_decoded
    cdef readonly int64_t frames_converted
    cdef readonly int64_t frames_damaged
    cdef readonly int64_t errors

    cdef int next_frame(self) noexcept nogil
    cdef int send_next(self) noexcept nogil
    cdef int64_t frame_duration(self) noexcept nogil
    cdef int64_t position_of_frame(self) noexcept nogil
    cdef bint is_wanted(self, int64_t pts) noexcept nogil
    cdef void stop(self) noexcept nogil
    cdef void introduce(self) noexcept nogil
    cdef bint is_damaged(self) noexcept nogil
    cdef int run_to(self, int64_t position) noexcept nogil
    cdef int begin_at(self, int anchor) noexcept nogil
    cdef int find_packet(self, int anchor) noexcept nogil
    cdef int rewind(self) noexcept nogil
    cdef int seek_number(self, int64_t number) noexcept nogil
    cdef int seek_time(self, int64_t pts) noexcept nogil
    cdef bint can_go_on(self, int64_t position) noexcept nogil
    cdef int reach(self, int64_t position) noexcept nogil
    cdef int fill(self, const Target *target, uint8_t *out, int64_t frame_stride, int64_t *pts, int64_t *durations,
                  uint8_t *valid) noexcept nogil
    cdef int finish(self, int code) except -1
    cdef int reopen(self) except -1
    cdef void abandon(self) noexcept
