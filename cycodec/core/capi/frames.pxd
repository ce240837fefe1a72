"""Decoded frames of a video stream, and pictures made of them."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.handles cimport ReaderHandle, SpecHandle
from cycodec.libav.avutil cimport AVFrame


# The values of a picture.
cdef enum:
    PICTURE_UINT8 = 0       # 0 to 255
    PICTURE_FLOAT32 = 1     # 0 to 1
    PICTURE_FLOAT16 = 2     # 0 to 1


cdef ReaderHandle decoder_reader(object decoder)
cdef int reader_reach(ReaderHandle reader, int64_t number) noexcept nogil
cdef const AVFrame *reader_frame(ReaderHandle reader) noexcept nogil
cdef int reader_check(ReaderHandle reader, int code) except -1

cdef SpecHandle decoder_spec(object decoder, int y0, int y1, int x0, int x1, int height, int width, int type,
                             bint planar)
cdef int spec_height(SpecHandle spec) noexcept nogil
cdef int spec_width(SpecHandle spec) noexcept nogil
cdef int64_t spec_bytes(SpecHandle spec) noexcept nogil
cdef int reader_convert(ReaderHandle reader, SpecHandle spec, uint8_t *out) noexcept nogil
