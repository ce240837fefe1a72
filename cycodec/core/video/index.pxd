"""FrameIndex: the frames of a stream, and where to seek for each."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from cycodec.core.video.stream_index cimport StreamIndex


cdef struct Anchor:
    # A packet at which decoding may begin.
    int64_t pts
    int64_t dts
    # position of the packet in the source, in bytes
    int64_t pos
    # where reading must begin so that parsers are in step when the packet comes
    int64_t sync_pos
    # number of the first frame that decoding from this packet gives
    int64_t first
    # ordinal of the packet
    int32_t ordinal
    int32_t size
    uint32_t digest


cdef class FrameIndex(StreamIndex):
    cdef int64_t *pts_values
    cdef int64_t *duration_values
    cdef int count
    cdef Anchor *anchors
    cdef int num_anchors
    # ordinal of each frame's packet
    cdef int32_t *ordinals
    # number of each packet's frame, or -1
    cdef int32_t *numbers
    cdef int num_packets
    # the time base
    cdef int num, den
    # how many frames may wait in the decoder for an earlier one; LARGEST_REORDER at most
    cdef public int reorder
    # True if the decoder has confirmed the frames, where the packets left doubt
    cdef public bint confirmed
    # True if the times were made up from the frame rate
    cdef public bint synthesized
    # what made the index: "headers", "scan", "decoded" or "mappings"
    cdef public str origin
    # (size, digest) of the source, or None
    cdef public object fingerprint
    # -1 if it is unknown
    cdef public int stream_index

    cdef int allocate(self, int count, int num_anchors, int num_packets) except -1
    cdef int checked(self, int number) except -1
    cdef double seconds(self, int64_t ticks) noexcept nogil
    cdef int number_of_pts(self, int64_t pts) noexcept nogil
    cdef int number_of_stamp(self, int64_t stamp) noexcept nogil
    cdef int first_at_or_after(self, int64_t pts) noexcept nogil
    cdef int anchor_of(self, int number) noexcept nogil
    cdef int number_at(self, double seconds) noexcept nogil
    cdef object begins(self)
    cdef int copy_arrays(self, dict arrays) except -1
