"""Pictures that libavcodec decodes."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from cycodec.core.image.decode cimport PixelRows
from cycodec.core.video.cpu cimport Rect
from cycodec.core.video.target cimport ConvertTarget
from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avutil cimport AVFrame


cdef class CodedPicture:
    cdef AVFrame *frame
    cdef str format             # of the image, for errors
    cdef str name               # of the source

    cdef int interpolate_chroma(self) except -1
    cdef int read_argb(self, Rect region, PixelRows out) noexcept nogil
    cdef int read_webp(self, Rect region, PixelRows out) noexcept nogil
    cdef int read_yuv(self, const ConvertTarget *target, Rect region, PixelRows out) noexcept nogil


cdef class PictureDecoder:
    cdef AVCodecContext *context
    cdef str format
    cdef str name

    cdef CodedPicture receive(self)
