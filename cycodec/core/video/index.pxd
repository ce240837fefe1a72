"""FrameIndex: which frames come out, and where to seek for each."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.video.stream_index cimport StreamIndex


# A packet at which decoding can begin.
cdef struct Anchor:
    int64_t pts
    int64_t dts
    # The offset of the packet in the source, in bytes; -1 if the container does not tell it.
    int64_t pos
    # The offset at which reading must begin so that parsers deliver this packet whole.
    int64_t sync_pos
    # The number of the first frame that can be decoded from here.
    int64_t first
    # The number of the packet among the stream's packets, in file order.
    int32_t ordinal
    # The size and a digest of the packet's bytes, by which a stamped index recognises it; else 0.
    int32_t size
    uint32_t digest


cdef class FrameIndex(StreamIndex):
    # The pts and the duration of each frame, by frame number.
    cdef int64_t *pts_values
    cdef int64_t *duration_values
    # The number of frames.
    cdef int count
    # The anchors, sorted by `first`.
    cdef Anchor *anchors
    cdef int num_anchors
    # What the packets of each anchor, up to the next one, say of later pictures. They are zero
    # where nobody looked; a saved index does not hold them.
    cdef SequenceHeaders *headers
    # True if some packets hold parameter sets or sequence headers.
    cdef bint repeats_headers
    # True if packets differ in what the decoder remembers, so that it must begin with the first.
    cdef bint changes_memory
    # The anchors whose packets were read for that purpose alone.
    cdef int headers_read
    # For each anchor, 1 if a pass over the whole stream has met damage up to the next one; see Note
    # [Known damage]. A saved index does not hold them.
    cdef uint8_t *damaged_anchors
    # The numbers of the frames that such a pass found damaged.
    cdef readonly list damaged
    # True if readers must check the packets before an anchor, and the anchor up to which they have;
    # see Note [Packets before the anchor] in earlier_packets.pyx.
    cdef bint needs_check
    cdef int checked_anchor
    # The ordinal of the packet that gives a frame, by frame number; NULL if nobody needs it.
    cdef int32_t *ordinals
    # The number of the frame that a packet gives, by ordinal; -1 if it gives none. NULL like
    # `ordinals`.
    cdef int32_t *numbers
    cdef int num_packets
    # The time base: one unit of pts is num / den seconds.
    cdef int num, den
    # True if the packets left doubt about the frames, and a decoder has confirmed them.
    cdef public bint confirmed
    # True if the timestamps were computed from the frame rate because the source has none.
    cdef public bint synthesized
    # True if decoding the whole stream showed frames in another order than that of their times.
    cdef readonly bint shuffled
    # What the index was made from: "headers", "scan" (the packets), "decoded" (the frames) or
    # "mappings".
    cdef public str origin
    # The size and the digest of the source; None if they were not computed.
    cdef public object fingerprint
    # The number of the stream in its container; -1 if it is not known.
    cdef public int stream_index
    # Width and height that the first picture states, both 0 if that is not known. The header of the
    # container may state another size.
    cdef public int first_width, first_height

    cdef int allocate(self, int count, int num_anchors, int num_packets) except -1
    cdef int checked(self, int number) except -1
    cdef double seconds(self, int64_t ticks) noexcept nogil
    cdef int number_of_pts(self, int64_t pts) noexcept nogil
    cdef int number_of_stamp(self, int64_t stamp) noexcept nogil
    cdef int first_at_or_after(self, int64_t pts) noexcept nogil
    cdef int anchor_of(self, int number) noexcept nogil
    cdef bint is_only(self, const Anchor *anchor) noexcept nogil
    cdef void note_doubt_from(self, int64_t number) noexcept nogil
    cdef int leading_pictures(self, int anchor) noexcept nogil
    cdef int number_at(self, double seconds) noexcept nogil
    cdef object begins(self)
    cdef object shown_begins(self)
    cdef int copy_arrays(self, dict arrays) except -1
