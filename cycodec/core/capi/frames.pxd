"""Decoded frames of a video stream, and pictures made of them."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav.avutil cimport AVFrame


# The values of a picture.
cdef enum:
    PICTURE_UINT8 = 0       # 0 to 255
    PICTURE_FLOAT32 = 1     # 0 to 1
    PICTURE_FLOAT16 = 2     # 0 to 1


cdef FrameReader decoder_reader(object decoder)
cdef int reader_reach(FrameReader reader, int64_t number) noexcept nogil
cdef const AVFrame *reader_frame(FrameReader reader) noexcept nogil
cdef int reader_check(FrameReader reader, int code) except -1

cdef PictureSpec decoder_spec(object decoder, int y0, int y1, int x0, int x1, int height, int width, int type,
                              bint planar)
cdef int spec_height(PictureSpec spec) noexcept nogil
cdef int spec_width(PictureSpec spec) noexcept nogil
cdef int64_t spec_bytes(PictureSpec spec) noexcept nogil
cdef int reader_convert(FrameReader reader, PictureSpec spec, uint8_t *out) noexcept nogil
