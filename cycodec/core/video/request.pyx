"""What a reader is asked for: positions, how pictures are made, and the caller's memory."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.wanted cimport Wanted


BLACK = NOTHING_BEFORE


cdef class Request:
    """Frames that are wanted, and where they go.

    Parameters
    ----------
    spec : PictureSpec
    positions : sequence of int
        In any order, with repeats.
    out : int
        Address of the pictures, one behind the other.
    pts, durations : int
        Addresses of int64 arrays, which the reader fills.
    valid : int
        Address of a uint8 array, which the reader fills: 1 for a good picture; with `masking`, 0
        for a frame that is damaged or cannot be decoded, which becomes the last good picture, and
        BLACK where there is none.
    masking : bool
        Frames that are damaged or cannot be decoded do not raise.
    slots : sequence of int or None
        The slot of each position in the result; None: 0, 1, 2, and so on.

    Notes
    -----
    The caller keeps the memory alive until the request is served.
    """

    def __cinit__(self, PictureSpec spec not None, positions, size_t out, size_t pts, size_t durations, size_t valid,
                  bint masking=False, slots=None):
        self.spec = spec
        self.positions = positions
        self.out = <uint8_t *> out
        self.pts = <int64_t *> pts
        self.durations = <int64_t *> durations
        self.valid = <uint8_t *> valid
        self.wanted = Wanted(positions, slots, masking)

    def part(self, positions, slots):
        """Return the part of this request that another reader serves: some positions, and their
        slots.
        """
        return Request(self.spec, positions, <size_t> self.out, <size_t> self.pts, <size_t> self.durations,
                       <size_t> self.valid, self.wanted.masking, slots)

    def aim(self, int64_t position, size_t out):
        """Ask for another frame, in other memory.

        Only a request for a single frame may be used again in this way.
        """
        if self.wanted.count != 1:
            raise ValueError(f"a request for {self.wanted.count} frames cannot be used again for a single one")
        self.positions = (position,)
        self.wanted.slots[0].position = position
        self.out = <uint8_t *> out

    @property
    def masking(self):
        """True if frames that cannot be decoded are replaced instead of raising."""
        return self.wanted.masking
