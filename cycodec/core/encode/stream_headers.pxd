"""StreamHeaders: the headers that packets of a stream need if another encoder's come before."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef class StreamHeaders:
    cdef NalFormat format
    cdef readonly bytes sets        # parameter sets or a sequence header, as packets hold them
    cdef readonly bint can_differ   # True if packets may bring headers unlike the container's

    cdef int use_start_codes(self, AVCodecParameters *parameters) except -1
    cdef int write_start_codes(self, AVPacket *packet) noexcept nogil
    cdef void break_link(self, uint8_t *data, int size) noexcept nogil
    cdef int complete(self, AVPacket *packet) noexcept nogil
    cdef bint has_sets(self, const uint8_t *data, int size) noexcept nogil
    cdef int behind_delimiter(self, const uint8_t *data, int size) noexcept nogil
