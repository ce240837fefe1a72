"""Mp3Run: the bytes between two frames of an MP3 stream that begin no frame."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from cycodec.core.bitstream.sound cimport SampleRange
from cycodec.libav.avcodec cimport AVPacket


cdef class Mp3Run:
    cdef uint8_t *data              # of the packets in the run
    cdef int size
    cdef int capacity
    cdef double average             # bytes of a frame, over the last frames
    cdef int64_t frames             # of the stream so far, lost ones included; 0: none was seen
    cdef int64_t refilled           # bytes of main data since the run; -1: none is missing
    cdef int overlapping            # samples that overlap with those of a lost frame
    cdef SampleRange padding        # at the end of the stream: sound.mp3_padding
    cdef bint knows_padding         # True once `padding` was read

    cdef void restart(self) noexcept nogil
    cdef int add(self, const AVPacket *packet) noexcept nogil
    cdef int64_t pass_frame(self, const AVPacket *packet) noexcept nogil
    cdef bint is_damaged(self, const AVPacket *packet) noexcept nogil
    cdef uint32_t padding_in(self, int64_t samples) noexcept nogil
    cdef int64_t lost_frames(self, const uint8_t *next_header) noexcept nogil
