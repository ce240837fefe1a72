"""JPEG and PNG files from packed pixels."""

from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport uint8_t, uintptr_t
from libc.stdlib cimport free

from cycodec.core.image.source_bytes cimport check_image


cdef extern from "image/image_encode.h" nogil:
    ctypedef struct ImageToEncode:
        int width, height, channels, depth
        const uint8_t *pixels
        ptrdiff_t stride
        const uint8_t *exif
        const uint8_t *icc
        size_t exif_size, icc_size
    ctypedef struct JpegSettings:
        int quality, across, down, is_progressive, is_optimized
    ctypedef struct EncodedImage:
        uint8_t *data
        size_t size
        char *message
    int jpeg_encode(const ImageToEncode *image, const JpegSettings *settings, EncodedImage *out)
    int png_encode(const ImageToEncode *image, int level, EncodedImage *out)


cdef ImageToEncode image_at(uintptr_t pointer, ptrdiff_t stride, tuple shape, int depth, bytes exif, bytes icc):
    cdef ImageToEncode image
    image.height, image.width, image.channels = shape
    image.depth = depth
    image.pixels = <const uint8_t *> pointer
    image.stride = stride
    image.exif, image.exif_size = <const uint8_t *> (<char *> exif), len(exif)
    image.icc, image.icc_size = <const uint8_t *> (<char *> icc), len(icc)
    return image


cdef bytes taken(EncodedImage *file):
    try:
        return (<const char *> file.data)[:file.size]
    finally:
        free(file.data)


def encode_jpeg(uintptr_t pointer, ptrdiff_t stride, tuple shape not None, int quality, tuple subsampling not None,
                bint progressive, bint optimize, bytes exif not None, bytes icc not None):
    """Return a JPEG file.

    Parameters
    ----------
    pointer, stride : int
        The address of packed 8-bit pixels, and the bytes between rows.
    shape : (int, int, int)
        Height, width, and channels: 1 or 3.
    quality : int
    subsampling : (int, int)
        How many luma samples a chroma sample spans across and down.
    progressive, optimize : bool
    exif, icc : bytes
        b"" for none.
    """
    cdef ImageToEncode image = image_at(pointer, stride, shape, 8, exif, icc)
    cdef JpegSettings settings
    cdef EncodedImage file
    cdef int code
    settings.quality = quality
    settings.across, settings.down = subsampling
    settings.is_progressive, settings.is_optimized = progressive, optimize
    file.data, file.size = NULL, 0
    file.message[0] = 0
    with nogil:
        code = jpeg_encode(&image, &settings, &file)
    check_image(code, "JPEG", "JpegEncoder", file.message)
    return taken(&file)


def encode_png(uintptr_t pointer, ptrdiff_t stride, tuple shape not None, int depth, int level, bytes exif not None,
               bytes icc not None):
    """Return a PNG file of 1 to 4 channels, with a level of compression from 0 to 9."""
    cdef ImageToEncode image = image_at(pointer, stride, shape, depth, exif, icc)
    cdef EncodedImage file
    cdef int code
    file.data, file.size = NULL, 0
    file.message[0] = 0
    with nogil:
        code = png_encode(&image, level, &file)
    check_image(code, "PNG", "PngEncoder", file.message)
    return taken(&file)
