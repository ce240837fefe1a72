"""The frames of a stream as its header describes them: the index of approximate mode.

A header tells the begin, the end and the average frame rate of a stream. Frame i is then the frame
that is played in the middle of the i-th of equally long frames. Positions are instants in units of
the time base.
"""

import math

from libc.math cimport ceil, rint

from cycodec.core.container.limits cimport largest_time
from cycodec.core.error import InstantError
from cycodec.core.video.stream_index cimport StreamIndex

# An instant that went through float32 may have left the stream by half of this part of itself.
cdef double FLOAT32_STEP = 2.0 ** -23
# Rounding errors in the quotient of two times are smaller than this.
cdef double ROUNDING = 1e-6


cdef object as_position(double ticks):
    """Return the position at or before a time in units of the time base.

    No stream reaches as far as the largest position, so that a later time ends there.
    """
    cdef double most = <double> largest_time()
    return math.floor(min(max(ticks, -most), most))


cdef class HeaderIndex(StreamIndex):
    """The frames that a header promises, at equal distances.

    Parameters
    ----------
    name : str
        The name of the source, for errors.
    time_base : Fraction
        Seconds of one unit of pts.
    begin_seconds : float
    end_seconds : float or None
        None if the header does not tell it; no instant is then too late.
    fps : float or None
        The average number of frames per second; None if the header does not tell it.
    count : int or None
        The number of frames; None if the header does not tell it.
    """

    def __cinit__(self, str name not None, time_base, begin_seconds, end_seconds, fps, count):
        self.name = name
        self.time_base = float(time_base)
        self.begin_seconds = begin_seconds
        self.end_seconds = math.inf if end_seconds is None else end_seconds
        self.fps = fps
        self.count = count

    def __len__(self):
        if self.count is None:
            raise ValueError(
                f"{self.name}: the header does not say how many frames there are (use seek_mode='exact')"
            )
        return self.count

    def __bool__(self):
        """True even if the header does not tell the number of frames, for which `len` raises."""
        return True

    cdef double known_fps(self) except? -1:
        if not self.fps:
            raise ValueError(f"{self.name}: the header has no frame rate (use seek_mode='exact')")
        return self.fps

    @property
    def first_position(self):
        """A reader's position for the first frame."""
        return as_position(rint(self.begin_seconds / self.time_base))

    def position_of(self, number):
        """Return a reader's position for a frame number: the middle of the time at which the frame
        should be played.
        """
        cdef double fps = self.known_fps()
        cdef double middle = <double> number + 0.5
        # Rounding does not move the middle of a frame's time into another frame.
        return as_position((self.begin_seconds + middle / fps) / self.time_base)

    def positions_of(self, numbers):
        """Return a reader's positions for several frame numbers: a list."""
        self.known_fps()
        return [self.position_of(number) for number in numbers]

    def position_at(self, seconds):
        """Return a reader's position for the frame that is played at an instant.

        Raises
        ------
        InstantError
            (an IndexError and a RuntimeError) The instant is outside the stream.
        ValueError
            The header has no frame rate.
        """
        cdef double instant = seconds
        cdef double slack = abs(instant) * FLOAT32_STEP
        cdef double last
        if not self.begin_seconds - slack <= instant <= self.end_seconds + slack:
            raise InstantError(
                f"no frame is played at {instant:.6g} s: the stream runs from {self.begin_seconds:.6g} s "
                f"to {self.end_seconds:.6g} s"
            )
        last = max(self.begin_seconds, self.end_seconds - 0.5 / self.known_fps())
        return as_position(min(max(instant, self.begin_seconds), last) / self.time_base + ROUNDING)

    def numbers_played(self, double start, double stop):
        """Return the numbers of the frames that are played in [start, stop), in seconds: a range.
        """
        cdef double fps
        if start >= stop:
            return range(0)
        fps = self.known_fps()
        count = len(self)
        # A range that is shorter than the rounding holds the frame at its start, as any other.
        first = min(max(as_position((start - self.begin_seconds) * fps + ROUNDING), 0), count - 1)
        after = max(as_position(ceil((stop - self.begin_seconds) * fps - ROUNDING)), first + 1)
        return range(max(first, 0), min(after, count))
