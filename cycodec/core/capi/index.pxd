"""The frame index of a video stream."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport IndexHandle
from cycodec.libav.avutil cimport AVRational


cdef IndexHandle decoder_index(object decoder)
cdef int index_length(IndexHandle index) noexcept nogil
cdef int64_t index_pts(IndexHandle index, int number) noexcept nogil
cdef int64_t index_duration(IndexHandle index, int number) noexcept nogil
cdef int index_number_at(IndexHandle index, double seconds) noexcept nogil
cdef int index_gop_begin(IndexHandle index, int number) noexcept nogil
cdef AVRational index_time_base(IndexHandle index) noexcept nogil
