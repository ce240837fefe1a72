"""Timeline: where decoded samples belong by their timestamps."""

from libc.stdint cimport int64_t

from cycodec.libav.avformat cimport AVStream


cdef struct Timeline:
    int num                 # the time base of timestamps, in seconds: num / den
    int den
    int rate                # samples per second; 0: not known yet
    bint loose              # True if timestamps may be off by a whole packet
    bint restarts           # True if a step back is a new count, however short
    bint is_certain         # True if packets are known to be missing before the next one
    bint anchored           # True once a timestamp was seen
    int64_t anchor_pts      # a timestamp
    int64_t anchor_position     # and the position that belongs to it
    int64_t position        # of the next sample; holes are counted
    int64_t deviation       # how far the last timestamp was ahead of its position, in samples
    int64_t last_samples    # of the last frame that had a timestamp


cdef int64_t longest_hole(int rate) noexcept nogil
cdef int64_t place_samples(Timeline *timeline, int64_t pts, int64_t samples) noexcept nogil
cdef void start_timeline(Timeline *timeline, const AVStream *stream, int rate,
                         bint has_times) noexcept nogil
