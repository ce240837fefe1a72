"""See index.pxd."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport IndexHandle
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.stream_index cimport StreamIndex
from cycodec.libav cimport avutil
from cycodec.libav.avutil cimport AVRational


cdef int count(IndexHandle index) noexcept nogil:
    """Return the number of frames; 0 for None, and for the index of approximate mode."""
    return (<FrameIndex> index).count if index is not None and (<StreamIndex> index).is_exact else 0


cdef IndexHandle decoder_index(object decoder):
    """Return the index of an open VideoDecoder; None if it is in approximate mode."""
    return decoder.index


cdef int index_length(IndexHandle index) noexcept nogil:
    """Return the number of frames."""
    return count(index)


cdef int64_t index_pts(IndexHandle index, int number) noexcept nogil:
    """Return when a frame begins, in units of the time base; AV_NOPTS_VALUE outside the stream."""
    return (<FrameIndex> index).pts_values[number] if 0 <= number < count(index) else avutil.AV_NOPTS_VALUE


cdef int64_t index_duration(IndexHandle index, int number) noexcept nogil:
    """Return how long a frame is played, in units of the time base; 0 outside the stream."""
    return (<FrameIndex> index).duration_values[number] if 0 <= number < count(index) else 0


cdef int index_number_at(IndexHandle index, double seconds) noexcept nogil:
    """Return the number of the frame that is played at an instant; -1 outside the stream."""
    return (<FrameIndex> index).number_at(seconds) if count(index) > 0 else -1


cdef int index_gop_begin(IndexHandle index, int number) noexcept nogil:
    """Return the number of the first frame of the GOP of a frame; -1 outside the stream.

    Decoding of the frame begins at the packet of that GOP's key frame.
    """
    if not 0 <= number < count(index):
        return -1
    if (<FrameIndex> index).num_anchors == 0:
        return 0
    return <int> max((<FrameIndex> index).anchors[(<FrameIndex> index).anchor_of(number)].first, 0)


cdef AVRational index_time_base(IndexHandle index) noexcept nogil:
    """Return the unit of `index_pts` and `index_duration`, in seconds; 0 / 1 for None."""
    cdef AVRational base
    base.num, base.den = 0, 1
    if count(index) > 0:
        base.num, base.den = (<FrameIndex> index).num, (<FrameIndex> index).den
    return base
