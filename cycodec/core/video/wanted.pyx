"""The positions that a request asks for, in order, and the questions about them."""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, qsort

from cycodec.core.search cimport first_at_least


cdef class Wanted:
    """Sorted positions, each with its slot.

    Parameters
    ----------
    positions : sequence of int
        In any order, with repeats.
    slots : sequence of int or None
        The slot of each position; None: 0, 1, 2, and so on.
    masking : bool
    """

    def __cinit__(self, positions=(), slots=None, bint masking=False):
        cdef int count = len(positions)
        cdef bint is_sorted = True
        cdef int i
        self.masking = masking
        self.slots = <Slot *> malloc((count + 1) * sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError()
        self.count = count
        for i in range(count):
            self.slots[i].position = positions[i]
            self.slots[i].slot = i if slots is None else slots[i]
            if i and self.slots[i].position < self.slots[i - 1].position:
                is_sorted = False
        if not is_sorted:
            with nogil:
                qsort(self.slots, count, sizeof(Slot), compare_slots)

    def __dealloc__(self):
        free(self.slots)

    cdef int first_from(self, int64_t position) noexcept nogil:
        """Return the index in `slots` of the first position that is not before another one."""
        return first_at_least(&self.slots[0].position, sizeof(Slot), self.count, position)

    cdef bint holds(self, int64_t position) noexcept nogil:
        """Return True if a position is wanted."""
        cdef int first = self.first_from(position)
        return first < self.count and self.slots[first].position == position

    cdef bint needs(self, int64_t number) noexcept nogil:
        """Return True if a frame must be decoded for its own sake.

        Note [Frames on the way]: packets of frames that are not wanted, before the last wanted
        frame, are sent with AVDISCARD_NONREF: the decoder leaves them out if no other frame refers
        to them. Frames after the last wanted one are always decoded, so that the next request can
        continue from there.
        """
        if self.count == 0 or number < 0 or number > self.slots[self.count - 1].position:
            return True
        return self.holds(number)


cdef Wanted NOTHING = Wanted()


cdef int compare_slots(const void *a, const void *b) noexcept nogil:
    cdef const Slot *x = <const Slot *> a
    cdef const Slot *y = <const Slot *> b
    if x.position != y.position:
        return -1 if x.position < y.position else 1
    return -1 if x.slot < y.slot else 1
