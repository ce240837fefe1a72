"""OrderWatch: whether the pictures of a run come in the order that the index promises."""

from libc.stdint cimport int64_t, uint64_t

from cycodec.core.bitstream.picture_parser cimport Entry, PictureHeader, PictureParser
from cycodec.libav.avcodec cimport AVPacket


cdef enum:
    # Pictures that are remembered: more than the 16 that H.264 and HEVC can reorder.
    REMEMBERED = 32


cdef class OrderWatch:
    cdef PictureParser parser
    # The first frame of the run, and how many pictures must still come that are shown before it.
    cdef int64_t first
    cdef int leading
    # The first number that was not sent yet; those behind it that were sent are bits of `ahead`.
    cdef int64_t complete_to
    cdef uint64_t ahead
    # True if order counts are compared with the pts of the packets, else with frame numbers.
    cdef bint goes_by_pts
    # Picture order counts and numbers, or pts, of the last pictures, in a ring.
    cdef int orders[REMEMBERED]
    cdef int64_t numbers[REMEMBERED]
    cdef int count
    # The largest of those that left the ring, and of those before the last reset of the order
    # count.
    cdef int oldest_order
    cdef int64_t oldest_number
    # Without order counts: the last picture sent that is no B-picture, and the last one shown
    # before it; -1: none.
    cdef int64_t reference
    cdef int64_t last_shown
    # True if packets may hold fields, because a decoder has confirmed that each one gives a frame.
    cdef bint allows_fields
    # The type of the last picture sent, as AVPictureType; AV_PICTURE_TYPE_NONE if it is not known.
    cdef int type
    # Its picture order count, and whether decoding can begin at it.
    cdef int order
    cdef Entry entry
    # True if a picture of HEVC came after the last key picture that is not a leading one.
    cdef bint met_trailing
    # True if a packet contradicted the index.
    cdef bint is_wrong

    cdef void restart(self, int64_t first, int leading) noexcept nogil
    cdef void note_packet(self, const AVPacket *packet, int64_t number) noexcept nogil
    cdef void read_header(self, const AVPacket *packet, PictureHeader *header) noexcept nogil
    cdef bint is_late_leading(self, const AVPacket *packet) noexcept nogil
    cdef bint may_leave_out(self) noexcept nogil
    cdef void note_number(self, int64_t number) noexcept nogil
    cdef void note_order(self, const PictureHeader *header, int64_t number) noexcept nogil
    cdef bint count_starts_again(self, int order) noexcept nogil
    cdef void note_type(self, const PictureHeader *header, int64_t number) noexcept nogil
    cdef void note_shown(self, int64_t number) noexcept nogil
    cdef bint may_give(self, int64_t number) noexcept nogil
    cdef void abandon(self) noexcept


cdef OrderWatch new_order_watch(PictureParser parser, bint goes_by_pts)
