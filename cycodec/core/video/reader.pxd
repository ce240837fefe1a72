"""FrameReader: the seek policy and the one loop that every video access goes through."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.request cimport Request, Slot
from cycodec.core.video.stream cimport FrameFacts, FrameStream


cdef class FrameReader(FrameStream):
    cdef const Slot *wanted             # of the request under way, sorted
    cdef int num_wanted
    cdef bint masking
    # True if a converted frame had the size that its spec was made for; the owner may set it
    cdef public bint size_proved
    cdef bint has_proof
    cdef FrameFacts proof               # of the frame that proved it
    cdef bint from_start                # whether the next seek has to go to the beginning

    cdef readonly int64_t frames_converted
    cdef readonly int64_t frames_damaged

    cdef int place_of(self, int64_t number) noexcept nogil
    cdef int seek_number(self, int64_t number) noexcept nogil
    cdef int seek_time(self, int64_t pts) noexcept nogil
    cdef bint can_go_on(self, int64_t position) noexcept nogil
    cdef int run_to(self, int64_t position) noexcept nogil
    cdef int reach(self, int64_t position) noexcept nogil
    cdef int prove_size(self, PictureSpec spec) noexcept nogil
    cdef int convert(self, PictureSpec spec, uint8_t *out) noexcept nogil
    cdef int repeat(self, Request request, const Slot *slot, const Slot *before) noexcept nogil
    cdef int check_signals(self) noexcept nogil
    cdef int serve(self, Request request) noexcept nogil
    cdef int fill(self, Request request, const Slot *slot, uint8_t **last) noexcept nogil
    cdef int finish(self, int code) except -1
