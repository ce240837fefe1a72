"""JPEG, PNG and GIF pictures, and rows of pixels."""

from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport uint8_t

from cycodec.core.image.source_bytes cimport SourceBytes
from cycodec.core.video.cpu cimport Rect


cdef extern from "image/pixels.h" nogil:
    ctypedef struct PixelFormat:
        int channels
        int depth
    ctypedef struct PixelRows:
        uint8_t *data
        ptrdiff_t stride
        PixelFormat format

cdef extern from "image/canvas.h" nogil:
    ctypedef struct Canvas:
        int width
        int height
        uint8_t *pixels
    enum:
        CANVAS_KEEP
        CANVAS_CLEAR
        CANVAS_RESTORE

cdef extern from "image/jpeg_decode.h" nogil:
    ctypedef struct JpegReader:
        pass

cdef extern from "image/png_decode.h" nogil:
    ctypedef struct PngSamples:
        int colour_type
        int bits
        int is_clear
    ctypedef struct PngFrame:
        int x, y, width, height, delay, delay_units, disposal, blend
    ctypedef struct PngImage:
        int width
        int height
        int is_interlaced
        int orientation
        PngSamples samples
        const uint8_t *exif
        size_t exif_size
        int plays
        int num_frames
        PngFrame *frames
        char *message

cdef extern from "image/gif_decode.h" nogil:
    ctypedef struct GifFrame:
        int x, y, width, height, delay, disposal, clear, is_interlaced
    ctypedef struct GifImage:
        int width
        int height
        int plays
        int num_frames
        GifFrame *frames
        int is_cut
        char *message


cdef class AnimationCanvas:
    cdef Canvas canvas
    cdef int prepare(self, int width, int height) except -1
    cdef int begin(self, Rect rect, int disposal) noexcept nogil
    cdef void draw(self, const uint8_t *pixels, bint is_blended) noexcept nogil


cdef class JpegPicture:
    cdef SourceBytes bytes
    cdef JpegReader *reader
    cdef readonly int width, height, channels, depth, orientation
    cdef readonly bint is_progressive
    cdef readonly bytes exif


cdef class PngPicture:
    cdef SourceBytes bytes
    cdef PngImage png
    cdef AnimationCanvas canvas
    cdef readonly int channels, depth


cdef class GifPicture:
    cdef SourceBytes bytes
    cdef GifImage gif
    cdef AnimationCanvas canvas
    cdef readonly int channels, depth, orientation


cdef void convert_pixels(uint8_t *out, PixelFormat to, const uint8_t *source, PixelFormat format,
                         int width) noexcept nogil
cdef Rect rect_of(tuple region)
