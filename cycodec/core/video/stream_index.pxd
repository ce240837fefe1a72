"""StreamIndex: what a reader asks about the frames of a stream."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport IndexHandle
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class StreamIndex(IndexHandle):
    # True if the index names every frame that the decoder must give.
    cdef readonly bint is_exact
    # True if packets get their ordinals in place of their pts, so that frames can be recognised by
    # them.
    cdef bint stamped
    # True if a frame is known only by its place in a pass from the beginning.
    cdef bint from_start_only
    # The number of frames that can wait in the decoder for an earlier one; 0 if nobody knows it.
    cdef public int reorder

    cdef int64_t position_of_frame(self, const AVFrame *frame, int64_t outputs, int64_t reached,
                                   int64_t step) noexcept nogil
    cdef bint holds(self, const AVFrame *frame, int64_t came_out, int64_t position) noexcept nogil
    cdef bint may_refer(self, int64_t position, int64_t damaged) noexcept nogil
    cdef int shown_later(self, int64_t position) noexcept nogil
    cdef bint has_known_damage(self, int64_t position) noexcept nogil
    cdef bint is_confirmed(self) noexcept nogil
    cdef bint is_decoded(self)
    cdef int64_t number_of_packet(self, const AVPacket *packet, int64_t ordinal) noexcept nogil
    cdef int64_t pts_of(self, int64_t position, const AVFrame *frame) noexcept nogil
    cdef int64_t duration_of(self, int64_t position, const AVFrame *frame, int64_t step) noexcept nogil


cdef int64_t played_duration(const AVFrame *frame, int64_t step) noexcept nogil
