"""FrameIndex: which frames come out, and where to seek for each."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from cycodec.core.video.stream_index cimport StreamIndex


cdef struct Anchor:
    # A packet at which decoding can begin
    int64_t pts
    int64_t dts
    int64_t pos
    int64_t sync_pos        # where to begin reading so that parsers are in step when the packet comes
    int64_t first           # number of the first frame that it can give
    int32_t ordinal         # its number among the stream's packets
    int32_t size
    uint32_t digest


cdef class FrameIndex(StreamIndex):
    cdef int64_t *pts_values
    cdef int64_t *duration_values
    cdef int count
    cdef Anchor *anchors
    cdef int num_anchors
    cdef int32_t *ordinals          # frame number -> packet ordinal
    cdef int32_t *numbers           # packet ordinal -> frame number, or -1
    cdef int num_packets
    cdef int num, den               # time base
    cdef public int reorder       # frames that can wait in the decoder for an earlier one
    cdef public bint confirmed    # whether the decoder has said so too, where there was doubt
    cdef public bint synthesized  # whether the timestamps were made up from the frame rate
    cdef public str origin        # how it was made: "scan", "sample table", "decoded", "mappings", ...
    cdef public object fingerprint  # of the source: (size, digest), or None
    cdef public int stream_index    # -1: not known

    cdef int allocate(self, int count, int num_anchors, int num_packets) except -1
    cdef int checked(self, int number) except -1
    cdef double seconds(self, int64_t ticks) noexcept nogil
    cdef int number_of_pts(self, int64_t pts) noexcept nogil
    cdef int number_of_stamp(self, int64_t stamp) noexcept nogil
    cdef int first_at_or_after(self, int64_t pts) noexcept nogil
    cdef int anchor_of(self, int number) noexcept nogil
    cdef int leading_pictures(self, int anchor) noexcept nogil
    cdef int number_at(self, double seconds) noexcept nogil
    cdef object begins(self)
