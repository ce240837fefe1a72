"""What a reader asks about the frames of a stream, without knowing where the answers come from.

A reader works in positions. FrameIndex defines them as frame numbers. The base class, which knows
no frames in advance, defines them as instants in units of the time base: a frame stands for the
instants at which it is played. HeaderIndex adds what a container's header says of the frames.

A decoder's session has a FrameIndex or a HeaderIndex. Both give these answers, so that their users
need not know which of them they have: `len`, `begin_seconds`, `end_seconds`, `first_position`,
`position_of`, `positions_of`, `position_at` and `numbers_played`.
"""

from libc.stdint cimport int64_t

from cycodec.core.compat cimport compat_frame_duration
from cycodec.core.container.limits cimport is_sane_time, largest_time

from cycodec.libav cimport avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class StreamIndex(IndexHandle):
    """Frames known by the times that the decoder gives them.

    Parameters
    ----------
    stamped : bool
        Packets get their ordinals in place of their pts.
    """

    def __cinit__(self, *arguments, bint stamped=False, **options):
        self.stamped = stamped

    @property
    def identity(self):
        """How a decoded frame is recognised: "time", "pts", "stamp" (the ordinal of its packet) or
        "order".
        """
        return "time"

    cdef int64_t position_of_frame(self, const AVFrame *frame, int64_t outputs, int64_t reached,
                                   int64_t step) noexcept nogil:
        """Return the position of a frame that came out; below 0 if an exact index does not have it.

        `outputs` frames came out before it since the beginning of the pass, the last one at
        `reached`; `step` is the usual distance between frames. Here the position is the last
        instant at which the frame is played.
        """
        cdef int64_t begin = frame.best_effort_timestamp
        if self.stamped:
            return frame.pts
        if begin == avutil.AV_NOPTS_VALUE:
            return reached + step if is_sane_time(reached) else reached
        if not is_sane_time(begin):
            return begin
        return begin + min(max(played_duration(frame, step), 1), largest_time()) - 1

    cdef bint holds(self, const AVFrame *frame, int64_t came_out, int64_t position) noexcept nogil:
        """Return True if a frame, which came out at a position, is the one at another position."""
        return came_out == position or frame.best_effort_timestamp <= position <= came_out

    cdef bint may_refer(self, int64_t position, int64_t damaged) noexcept nogil:
        """Return True if the frame at a position may refer to a damaged one, or is that frame."""
        return position == damaged

    cdef int shown_later(self, int64_t position) noexcept nogil:
        """Return how many frames after the one at a position hold all to which it may refer."""
        return 0

    cdef bint has_known_damage(self, int64_t position) noexcept nogil:
        """Return True if the frame at a position needs a pass from the beginning, because frames
        near it are damaged.
        """
        return False

    cdef bint is_confirmed(self) noexcept nogil:
        """Return True if the packets left doubt about the frames, and the decoder has confirmed
        them.
        """
        return False

    cdef bint is_decoded(self):
        """Return True if a decoder has given all frames in this order."""
        return False

    cdef int64_t number_of_packet(self, const AVPacket *packet, int64_t ordinal) noexcept nogil:
        """Return the number of the frame that a packet gives; -1 for no frame."""
        return -1

    cdef int64_t pts_of(self, int64_t position, const AVFrame *frame) noexcept nogil:
        """Return when the frame at a position begins."""
        return frame.best_effort_timestamp

    cdef int64_t duration_of(self, int64_t position, const AVFrame *frame, int64_t step) noexcept nogil:
        """Return how long the frame at a position is played."""
        return played_duration(frame, step)


cdef int64_t played_duration(const AVFrame *frame, int64_t step) noexcept nogil:
    """Return how long a frame says it is played; `step` if it does not say."""
    cdef int64_t duration = compat_frame_duration(frame)
    return duration if duration > 0 else step
