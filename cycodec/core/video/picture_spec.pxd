"""PictureSpec: how decoded frames become pictures in memory."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport SpecHandle


cdef class PictureSpec(SpecHandle):
    # ConvertTarget * of csrc/picture/target.h.
    cdef void *target
    # Size of a stored frame, before it is oriented.
    cdef readonly int stored_width
    cdef readonly int stored_height
    # Pixels of a whole frame.
    cdef readonly int64_t frame_pixels
    # Size of a picture, after all stages.
    cdef readonly int width
    cdef readonly int height
    # Bytes from one row to the next, and of one whole picture.
    cdef readonly int64_t row_stride
    cdef readonly int64_t picture_bytes
