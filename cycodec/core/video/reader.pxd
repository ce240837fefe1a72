"""FrameReader: the seek policy and the one loop that every video access goes through."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.video.backend cimport Target
from cycodec.core.video.stream cimport FrameStream


cdef struct Slot:
    int64_t position        # what is wanted: a frame number, or a pts where there is no index
    int32_t slot            # where it goes


cdef class FrameReader(FrameStream):
    cdef const Slot *wanted             # of the request under way, sorted
    cdef int num_wanted
    cdef bint masking
    cdef bint primed                    # whether the request under way has begun with `prime`
    cdef bint from_start                # whether the next seek has to go to the beginning

    cdef readonly int64_t frames_converted
    cdef readonly int64_t frames_damaged

    cdef int place_of(self, int64_t number) noexcept nogil
    cdef int seek_number(self, int64_t number) noexcept nogil
    cdef int seek_time(self, int64_t pts) noexcept nogil
    cdef bint can_go_on(self, int64_t position) noexcept nogil
    cdef int run_to(self, int64_t position) noexcept nogil
    cdef int reach(self, int64_t position) noexcept nogil
    cdef void begin_request(self) noexcept nogil
    cdef int fill(self, int count, const Target *target, uint8_t *out, int64_t frame_stride, int64_t *pts,
                  int64_t *durations, uint8_t *valid) noexcept nogil
    cdef int finish(self, int code) except -1
