"""What went wrong since the last seek, and what must follow.

Note [Unseen faults]

An index from headers does not know packets that the decoder rejects or that give no frame. Anything
suspicious on the way (an error, a packet without a picture, a frame out of turn) makes the reader
decode the stream from its beginning with nothing left out; there frames must come one by one. The
decoder conceals damaged frames with what it decoded before them, so that they, too, are only taken
from such a pass. A fault stays unknown until a request decodes that part of the stream. `confirm`
decodes the first and the last GOP.
"""

from libc.stdint cimport int64_t

from cycodec.core.container.codes cimport CONTRADICTION
from cycodec.core.video.fault_watch cimport MOST_LEFT_OUT


cdef class FaultWatch:
    """The faults of one reader."""

    def __cinit__(self):
        self.may_skip = True
        self.marks = True

    cdef void restart(self, int64_t first) noexcept nogil:
        """Forget what belongs to the run so far; `first` is the first frame of the next one."""
        cdef int i
        self.faults = 0
        self.has_damage = False
        self.num_damaged = 0
        self.out_of_turn = False
        self.has_skipped = False
        self.next_number = first
        for i in range(MOST_LEFT_OUT):
            self.left_out[i] = self.lone[i] = -1

    cdef void note_error(self, bint counts) noexcept nogil:
        """Note that the decoder rejected a packet or gave no frame for it; with `counts`, frames of
        this run may be incomplete.
        """
        self.errors += 1
        if counts:
            self.faults += 1
            self.met_fault = True

    cdef void note_damage(self, int64_t number) noexcept nogil:
        """Remember a frame that is damaged or was rejected, if others may refer to it."""
        if number >= 0 and self.lone[number % MOST_LEFT_OUT] != number:
            self.damaged[self.num_damaged % MOST_DAMAGED] = number
            self.num_damaged += 1

    cdef void note_known_damage(self) noexcept nogil:
        """Have the next seek lead to a pass from the beginning with nothing left out."""
        self.met_damage = True
        self.from_start_only = True
        self.may_skip = False

    cdef void note_lone(self, int64_t number) noexcept nogil:
        """Note that no other frame refers to a frame, whose packet is sent next."""
        if number >= 0:
            self.lone[number % MOST_LEFT_OUT] = number

    cdef void note_left_out(self, int64_t number) noexcept nogil:
        """Note that the decoder may leave out a frame, whose packet it receives next."""
        self.has_skipped = True
        if number >= 0:
            self.left_out[number % MOST_LEFT_OUT] = number

    cdef bint may_be_missing(self, int64_t number) noexcept nogil:
        """Return True if the decoder was allowed to leave out a frame."""
        return self.left_out[number % MOST_LEFT_OUT] == number

    cdef void note_frame(self, int64_t number, int64_t reached) noexcept nogil:
        """Compare a frame that came out with the one that must come next; `reached` came out last.

        Only frames that were left out may be missing between them.
        """
        if number <= reached or number < self.next_number:
            self.out_of_turn = True
        while self.next_number < number and not self.out_of_turn:
            self.out_of_turn = not self.may_be_missing(self.next_number)
            self.next_number += 1
        self.next_number = number + 1

    cdef Verdict check(self, int code, bint from_anchor) noexcept nogil:
        """Decide what follows a run that ended with a code.

        A frame does not come if the anchor is bad, or if the decoder needed what was left out. The
        reader first tries another anchor, then decodes all frames; only then does it report a
        contradiction.
        """
        if code == 0 and (self.faults or self.has_damage) and (
            from_anchor or self.has_skipped or self.marks
        ):
            self.note_known_damage()
            return VERDICT_FROM_START
        if code != CONTRADICTION:
            return VERDICT_FINAL
        if from_anchor:
            self.num_bad_anchors += 1
            self.from_start_only = self.num_bad_anchors >= MAX_TRIES or self.faults > 0
            self.met_damage = self.met_damage or self.from_start_only
            return VERDICT_BAD_ANCHOR
        # a decoder may have learned from this run what the ffmpeg command's does not know
        self.met_damage = True
        if self.has_skipped:
            self.may_skip = False
            self.from_start_only = True
            return VERDICT_DECODE_ALL
        return VERDICT_FINAL
