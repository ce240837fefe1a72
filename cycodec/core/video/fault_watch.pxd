"""FaultWatch: what went wrong since the last seek, and what must follow."""

from libc.stdint cimport int64_t


cdef enum:
    # Anchors that are tried for one position before the stream is decoded from its beginning.
    MAX_TRIES = 3
    # Frames that are remembered as left out.
    MOST_LEFT_OUT = 512
    # Damaged frames that are remembered.
    MOST_DAMAGED = 64


cdef enum Verdict:
    # The code of the run is final.
    VERDICT_FINAL = 0
    # The frame must come from a pass from the beginning in which no frame is left out.
    VERDICT_FROM_START = 1
    # The anchor of the last seek is bad; another one must be tried.
    VERDICT_BAD_ANCHOR = 2
    # The decoder may need frames that were left out: the reader must decode again and leave out
    # none.
    VERDICT_DECODE_ALL = 3


cdef class FaultWatch:
    # Packets that the decoder rejected or that gave no frame: all of them, and those since the last
    # seek.
    cdef int64_t errors
    cdef int faults
    # True if the decoder concealed a part of a frame since the last seek; and the last frames that
    # were damaged or rejected, in a ring.
    cdef bint has_damage
    cdef int64_t damaged[MOST_DAMAGED]
    cdef int num_damaged
    # True if new buffers have marks, so that a damaged picture may show them.
    cdef bint marks
    # True if `faults` was ever more than 0.
    cdef bint met_fault
    # True if a pass from the beginning needs a decoder that has seen nothing.
    cdef bint met_damage
    # True if frames on the way may be left out.
    cdef bint may_skip
    # True if some were left out since the last seek.
    cdef bint has_skipped
    # The numbers of the frames that the decoder may have left out, each at its remainder.
    cdef int64_t left_out[MOST_LEFT_OUT]
    # The numbers of the frames that no other one refers to, in the same way.
    cdef int64_t lone[MOST_LEFT_OUT]
    # The frame that must come next unless it was left out, and True if another one came since the
    # last seek.
    cdef int64_t next_number
    cdef bint out_of_turn
    # True if the next seek must go to the beginning.
    cdef bint from_start_only
    # Anchors that the position under way has found bad.
    cdef int num_bad_anchors

    cdef void restart(self, int64_t first) noexcept nogil
    cdef void note_error(self, bint counts) noexcept nogil
    cdef void note_damage(self, int64_t number) noexcept nogil
    cdef void note_known_damage(self) noexcept nogil
    cdef void note_lone(self, int64_t number) noexcept nogil
    cdef void note_left_out(self, int64_t number) noexcept nogil
    cdef bint may_be_missing(self, int64_t number) noexcept nogil
    cdef void note_frame(self, int64_t number, int64_t reached) noexcept nogil
    cdef Verdict check(self, int code, bint from_anchor) noexcept nogil
