"""FrameReader: the one loop that every video access goes through."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.request cimport Request
from cycodec.core.video.stream cimport FrameFacts, FrameStream
from cycodec.core.video.wanted cimport Slot


cdef class FrameReader(FrameStream):
    # True if frames need not be compared with the size of a spec any more; the owner may set it.
    cdef public bint size_proved
    # What the frame that proved the size says of itself, if `has_proof`.
    cdef bint has_proof
    cdef FrameFacts proof

    # True if a pass from the beginning needs the source opened again, because the demuxer gives
    # other packets after a rewind (GIF files that were joined).
    cdef bint must_reopen

    cdef readonly int64_t frames_converted
    cdef readonly int64_t frames_damaged

    cdef int seek_to(self, int64_t position) noexcept nogil
    cdef int check_packets_before(self) noexcept nogil
    cdef bint must_open_again(self, bint has_retreated) noexcept nogil
    cdef int first_frame(self) noexcept nogil
    cdef bint can_go_on(self, int64_t position) noexcept nogil
    cdef bint goes_on_from_start(self) noexcept nogil
    cdef int run_to(self, int64_t position) noexcept nogil
    cdef int reach(self, int64_t position) noexcept nogil
    cdef int prove_size(self, PictureSpec spec) noexcept nogil
    cdef int convert(self, PictureSpec spec, uint8_t *out) noexcept nogil
    cdef int repeat(self, Request request, const Slot *slot, const Slot *before) noexcept nogil
    cdef int serve(self, Request request) noexcept nogil
    cdef int fill(self, Request request, const Slot *slot, uint8_t **last) noexcept nogil
    cdef bint refers_to_damage(self) noexcept nogil
    cdef int finish(self, int code) except -1
