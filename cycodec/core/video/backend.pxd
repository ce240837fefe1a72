"""VideoBackend: from packets to frames to pictures, on one device."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.video.unwritten cimport MarkedPictures
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class VideoBackend:
    # Methods that return int return 0, an AVERROR, or BACKEND_FAILED.
    cdef int send(self, const AVPacket *packet) noexcept nogil
    cdef int receive(self, AVFrame *frame) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef int skip_nonref(self, bint skip) noexcept nogil
    cdef bint needs_first_packet(self) noexcept nogil
    cdef bint knows_padding(self) noexcept nogil
    cdef void show_first_packet(self, const AVPacket *packet) noexcept nogil
    cdef void mark_pictures(self, bint marks) noexcept nogil
    cdef bint expect(self, const SequenceHeaders *told, const SequenceHeaders *before) noexcept nogil
    cdef bint is_as_new(self) noexcept nogil
    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil
    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil
    cdef int make_black(self, const void *target, uint8_t *out) noexcept nogil
    cdef int delay(self) noexcept nogil
    cdef bint holds_back(self) noexcept nogil
    cdef void hurry(self, bint hurry) noexcept nogil
    cdef bint shows_undecodable(self) noexcept nogil
    cdef object failure(self)
    cdef int reopen(self) except -1
    cdef void abandon(self) noexcept
    cdef bint has_made_up(self) noexcept nogil
    cdef void choose_marks(self, MarkedPictures chosen) noexcept nogil
