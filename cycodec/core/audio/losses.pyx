"""The packets that gave no samples since the last frame, in order.

Note [Loss before a window]

Decoding begins shortly before a window, so that the decoder settles. If packets are lost while it
does so, it settles on what these leave behind, and not on what a decoder of the whole stream has.
Decoding then begins anew, so far back that the decoder has settled before the first lost packet.
"""

from libc.stdint cimport int64_t


cdef class Losses:

    cdef void add(self, int64_t ordinal, int64_t pts, int64_t samples, bint is_mute) noexcept nogil:
        """Add a packet; a negative number of samples corrects the one before."""
        cdef Loss *last = &self.items[self.count - 1] if self.count > 0 else NULL
        if last != NULL and (samples < 0 or self.count == MOST_LOSSES):
            last.samples = max(0, last.samples + samples)
        elif samples > 0:
            self.items[self.count] = Loss(ordinal, pts, samples, is_mute)
            self.count += 1

    cdef void drop_mute(self) noexcept nogil:
        """Forget the packets without an error."""
        cdef int kept = 0
        cdef int i
        for i in range(self.count):
            if not self.items[i].is_mute:
                self.items[kept] = self.items[i]
                kept += 1
        self.count = kept

    cdef void drop_last(self) noexcept nogil:
        """Forget the last packet."""
        if self.count > 0:
            self.count -= 1

    cdef void clear(self) noexcept nogil:
        self.count = 0
