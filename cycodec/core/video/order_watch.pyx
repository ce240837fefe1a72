"""Whether the pictures of a run come in the order that the index promises.

Note [Proof of the order]

An index from a container believes its timestamps. They are right only if they sort the pictures as
the decoder does. Two facts prove it for a frame, without decoding more than the frame needs:

1. When the frame comes out, the packets of all frames before it, from the anchor on, have been
   sent. A decoder gives frames in the order of display, so that none of them can follow.
2. For H.264 and HEVC, the picture order counts of the packets rise as the frame numbers do, or as
   the pts do, which hidden packets have, too. For MPEG-1, MPEG-2 and MPEG-4, the types of the
   pictures tell their order.

A leading picture of HEVC behind trailing pictures is a contradiction, too. Pictures that follow an
anchor and are shown before it must come before it, too. A picture that is a
single field is a contradiction. What happened before the anchor is not proved: a packet there may
give no frame.
"""

from libc.stdint cimport INT32_MIN, INT64_MIN, int64_t, uint64_t

from cycodec.core.bitstream.nal cimport header_bytes
from cycodec.core.bitstream.picture_parser cimport ENTRY_YES, PictureHeader, PictureParser

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVPacket


cdef enum:
    # nal_unit_type of leading pictures of HEVC (ITU-T H.265, table 7-1); trailing ones are below
    RADL_N = 6
    RASL_R = 9


cdef class OrderWatch:
    """Follows the packets of one reader. See `new_order_watch`."""

    cdef void restart(self, int64_t first, int leading) noexcept nogil:
        """Begin a new run.

        `first` is the number of its first frame. `leading` pictures follow that are shown before it
        and may be missing.
        """
        self.first = self.complete_to = first
        self.leading = leading
        self.ahead = 0
        self.count = 0
        self.oldest_order = INT32_MIN
        self.oldest_number = INT64_MIN
        self.is_wrong = False
        self.reference = self.last_shown = -1
        self.type = avutil.AV_PICTURE_TYPE_NONE
        self.met_trailing = False
        self.parser.restart()

    cdef void note_packet(self, const AVPacket *packet, int64_t number) noexcept nogil:
        """Look at a packet before it is sent; a number below 0 gives no frame.

        Where the index goes by pts, hidden packets must be in order, too. Decoders may drop a
        picture that is shown before a hidden one and comes after it.
        """
        cdef PictureHeader header
        self.read_header(packet, &header)
        if self.parser.has_order and self.goes_by_pts and packet.pts != avutil.AV_NOPTS_VALUE:
            self.note_order(&header, packet.pts)
        elif number >= 0 and self.parser.has_order:
            self.note_order(&header, number)
        elif number >= 0 and self.parser.reorders:
            self.note_type(&header, number)
        if number >= 0:
            self.note_number(number)

    cdef void read_header(self, const AVPacket *packet, PictureHeader *header) noexcept nogil:
        self.type = avutil.AV_PICTURE_TYPE_NONE
        if self.parser.reorders:
            self.parser.read(packet, header)
            self.type = header.type
            self.order = header.order
            self.entry = header.entry
            self.is_wrong = self.is_wrong or (header.is_field and not self.allows_fields) or (
                self.is_late_leading(packet)
            )

    cdef bint is_late_leading(self, const AVPacket *packet) noexcept nogil:
        """Return True for a leading picture of HEVC behind trailing ones (ITU-T H.265, 7.4.2.2).

        Its key picture is lost or comes later. Other pictures depend on whether it is decoded.
        """
        cdef int place, kind
        if self.parser.nal.codec_id != avcodec.AV_CODEC_ID_HEVC:
            return False
        header_bytes(&self.parser.nal, packet.data, packet.size, &place)
        if place < 0:
            return False
        kind = (packet.data[place] >> 1) & 63
        if RADL_N <= kind <= RASL_R:
            return self.met_trailing
        self.met_trailing = kind < RADL_N
        return False

    cdef bint may_leave_out(self) noexcept nogil:
        """Return True if the last picture may be one that no other refers to.

        In codecs without order counts, only B-pictures are. A packet in which the parser finds no
        picture is none: the decoder may give no frame for it.
        """
        if self.parser.has_order or self.type == avutil.AV_PICTURE_TYPE_B:
            return True
        return self.type == avutil.AV_PICTURE_TYPE_NONE and not self.parser.reorders

    cdef void note_number(self, int64_t number) noexcept nogil:
        """Remember that the packet of a frame was sent."""
        cdef int64_t distance = number - self.complete_to
        if number < self.first:
            self.leading -= 1
            return
        if distance < 0:
            # A hidden picture may have the pts of a frame, which is not in the index twice.
            return
        if distance >= 64:
            self.is_wrong = True
            return
        self.ahead |= (<uint64_t> 1) << distance
        while self.ahead & 1:
            self.ahead >>= 1
            self.complete_to += 1

    cdef void note_type(self, const PictureHeader *header, int64_t number) noexcept nogil:
        """Follow the order of display of MPEG-1, 2 and 4 and their like.

        A B-picture is shown when it is decoded, any other picture when the next one of its kind is.
        """
        if header.type == avutil.AV_PICTURE_TYPE_NONE:
            return
        if header.type == avutil.AV_PICTURE_TYPE_B:
            self.is_wrong = self.is_wrong or 0 <= self.reference <= number
            self.note_shown(number)
            return
        if number < self.first:
            self.is_wrong = True        # only B-pictures are shown before the anchor's
        if self.reference >= 0:
            self.note_shown(self.reference)
        self.is_wrong = self.is_wrong or number <= self.reference
        self.reference = number

    cdef void note_shown(self, int64_t number) noexcept nogil:
        self.is_wrong = self.is_wrong or number <= self.last_shown
        self.last_shown = number

    cdef void note_order(self, const PictureHeader *header, int64_t number) noexcept nogil:
        """Compare a picture order count with those of the pictures before."""
        cdef int remembered = min(self.count, <int> REMEMBERED)
        cdef int place, i
        if header.entry == ENTRY_YES and self.count_starts_again(header.order):
            for i in range(remembered):
                self.oldest_number = max(self.oldest_number, self.numbers[i])
            self.count = remembered = 0
            self.oldest_order = INT32_MIN
        for i in range(remembered):
            if (self.orders[i] < header.order) != (self.numbers[i] < number):
                self.is_wrong = True
        if header.order <= self.oldest_order or number <= self.oldest_number:
            self.is_wrong = True
        place = self.count % REMEMBERED
        if self.count >= REMEMBERED:
            self.oldest_order = max(self.oldest_order, self.orders[place])
            self.oldest_number = max(self.oldest_number, self.numbers[place])
        self.orders[place] = header.order
        self.numbers[place] = number
        self.count += 1

    cdef bint count_starts_again(self, int order) noexcept nogil:
        """Return True if a key picture's order count is not above the earlier ones, as with IDR
        pictures.

        All pictures before such a picture are shown before it.
        """
        cdef int i
        for i in range(min(self.count, <int> REMEMBERED)):
            if self.orders[i] >= order:
                return True
        return self.oldest_order >= order

    cdef bint may_give(self, int64_t number) noexcept nogil:
        """Return True if nothing contradicts that the frame which came out has a number."""
        return not self.is_wrong and number < self.complete_to and self.leading <= 0

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        self.parser.abandon()


cdef OrderWatch new_order_watch(PictureParser parser, bint goes_by_pts):
    """Return a watch that reads headers with a parser of its own.

    `goes_by_pts` is True if the index sorts packets by the pts that the container states.
    """
    cdef OrderWatch watch = OrderWatch()
    watch.goes_by_pts = goes_by_pts
    watch.parser = parser
    return watch
