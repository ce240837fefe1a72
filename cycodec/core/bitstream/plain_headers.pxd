"""PlainHeaders: whether a packet's headers are certain to be accepted by a decoder."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.bitstream.slice_header cimport OrderCount, SliceOrder, SliceSets
from cycodec.core.bitstream.vop_header cimport PlaneClock, VideoLayer
from cycodec.libav.avcodec cimport AVCodecParameters


cdef struct HeaderBytes:
    const uint8_t *data
    int size


cdef class PlainHeaders:
    cdef NalFormat nal
    cdef SliceSets sets
    # the picture order counts of H.264, of which the last one is that of the last plain packet
    cdef OrderCount count
    cdef int order
    # True if the last plain packet of H.264 is an IDR picture, or has a recovery point
    cdef bint is_idr
    cdef bint has_recovery
    # of macroblocks in MPEG-2's pictures
    cdef int rows
    # what MPEG-4's headers say, and the times of its pictures so far
    cdef VideoLayer layer
    cdef PlaneClock clock
    # H.264's parameter sets, or the sequence headers of MPEG-2 and 4: what packets may repeat
    cdef HeaderBytes[2] known
    # the memory that these belong to
    cdef list units
    # False for other codecs, and behind a packet that is not plain
    cdef bint is_known
    # True if a packet was plain
    cdef bint has_accepted

    cdef bint accepts(self, const uint8_t *data, int size) noexcept nogil
    cdef bint accepts_h264(self, const uint8_t *data, int size) noexcept nogil
    cdef bint accepts_mpeg2(self, const uint8_t *data, int size) noexcept nogil
    cdef bint accepts_mpeg4(self, const uint8_t *data, int size) noexcept nogil
    cdef int reach(self) noexcept nogil
    cdef bint needs_earlier(self, const uint8_t *data, int size) noexcept nogil
    cdef int keep(self, list units) except -1
    cdef bint repeats(self, const uint8_t *data, int size) noexcept nogil


cdef PlainHeaders new_plain_headers(const AVCodecParameters *parameters)
