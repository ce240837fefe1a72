"""The headers of MPEG-4's video object planes, read against the rules of the specification."""

from libc.stdint cimport int64_t, uint8_t


cdef enum:
    # Bytes that `is_legal_plane` reads at most: a group header of 7 bytes, the start code of a
    # plane, and 99 bits: its type (2), seconds (62), time (16), and the other fields (19).
    LONGEST_PLANE_HEADERS = 24


cdef struct VideoLayer:
    # What the header of a plane depends on in that of its video object layer.
    unsigned resolution     # vop_time_increment_resolution: units of time in a second
    int time_bits           # of vop_time_increment
    bint is_interlaced
    bint may_reorder        # True if the layer allows B-VOPs for certain
    int macroblocks         # of a picture


cdef struct PlaneClock:
    # The times of the planes so far. Seconds are counted, other times are in units of the layer.
    int64_t second          # of the last plane that others refer to
    int64_t second_before   # of the one before, or of a group header behind that
    int64_t time            # of the last plane that others refer to
    int64_t distance        # between the last two of them


cdef bint read_video_layer(const uint8_t *data, int size, VideoLayer *layer) noexcept nogil
cdef bint is_legal_plane(const VideoLayer *layer, PlaneClock *clock, const uint8_t *data, int size) noexcept nogil
