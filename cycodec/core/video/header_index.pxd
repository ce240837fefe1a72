"""HeaderIndex: the frames of a stream as its header describes them."""

from cycodec.core.video.stream_index cimport StreamIndex


cdef class HeaderIndex(StreamIndex):
    # The name of the source, for errors.
    cdef str name
    # The begin and the end of the stream in seconds; the end is infinite if the header does not
    # tell it.
    cdef readonly double begin_seconds
    cdef readonly double end_seconds
    # Seconds of one unit of pts.
    cdef double time_base
    # The average number of frames per second; None if the header does not tell it.
    cdef object fps
    # The number of frames; None if the header does not tell it.
    cdef object count

    cdef double known_fps(self) except? -1
