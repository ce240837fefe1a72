"""See index.pxd."""

from libc.stdint cimport int64_t

from cycodec.core.video.index cimport FrameIndex
from cycodec.libav cimport avutil
from cycodec.libav.avutil cimport AVRational


cdef FrameIndex decoder_index(object decoder):
    """Return the index of an open VideoDecoder; None if it is in approximate mode."""
    return decoder.index


cdef int index_length(FrameIndex index) noexcept nogil:
    """Return the number of frames."""
    return index.count


cdef int64_t index_pts(FrameIndex index, int number) noexcept nogil:
    """Return when a frame begins, in units of the time base; AV_NOPTS_VALUE outside the stream."""
    return index.pts_values[number] if 0 <= number < index.count else avutil.AV_NOPTS_VALUE


cdef int64_t index_duration(FrameIndex index, int number) noexcept nogil:
    """Return how long a frame is played, in units of the time base; 0 outside the stream."""
    return index.duration_values[number] if 0 <= number < index.count else 0


cdef int index_number_at(FrameIndex index, double seconds) noexcept nogil:
    """Return the number of the frame that is played at an instant; -1 outside the stream."""
    return index.number_at(seconds)


cdef AVRational index_time_base(FrameIndex index) noexcept nogil:
    """Return the unit of `index_pts` and `index_duration`, in seconds."""
    cdef AVRational base
    base.num, base.den = index.num, index.den
    return base
