"""The frame index of a video stream."""

from libc.stdint cimport int64_t

from cycodec.core.video.index cimport FrameIndex
from cycodec.libav.avutil cimport AVRational


cdef FrameIndex decoder_index(object decoder)
cdef int index_length(FrameIndex index) noexcept nogil
cdef int64_t index_pts(FrameIndex index, int number) noexcept nogil
cdef int64_t index_duration(FrameIndex index, int number) noexcept nogil
cdef int index_number_at(FrameIndex index, double seconds) noexcept nogil
cdef AVRational index_time_base(FrameIndex index) noexcept nogil
