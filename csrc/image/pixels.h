/* Rows of packed pixels of still images: conversions between channel counts and depths. */
#ifndef CYCODEC_PIXELS_H
#define CYCODEC_PIXELS_H

#include <stddef.h>
#include <stdint.h>

/* How the pixels of a picture lie in memory. */
typedef struct {
    int channels; /* 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha */
    int depth;    /* 8, or 16 in the byte order of the machine */
} PixelFormat;

/* A picture in the caller's memory, or in a buffer. */
typedef struct {
    uint8_t *data;
    ptrdiff_t stride; /* bytes between rows */
    PixelFormat format;
} PixelRows;

static inline int pixel_bytes(PixelFormat format) {
    return format.channels * format.depth / 8;
}

/* Convert a row. Alpha that the input lacks is opaque, and alpha that the output lacks is dropped.
 * Gray is round(0.2989 R + 0.587 G + 0.114 B). 8 bits become 16 by a factor of 257; 16 bits become
 * 8 by their high byte. */
void pixels_convert(uint8_t *out, PixelFormat to, const uint8_t *in, PixelFormat from, int width);

/* Convert a row of CMYK, as JPEG files store it (0 is full ink), to RGB. */
void pixels_from_cmyk(uint8_t *out, const uint8_t *in, int width);

/* Copy a picture of width x height into another orientation (ORIENT_* of picture/orientation.h). */
void pixels_orient(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int width, int height,
                   int pixel_size, int orientation);

/* Return the orientation that the bytes of an Exif block ask for, from its TIFF header on; 0 if it
 * has none. */
int exif_orientation(const uint8_t *exif, size_t size);

#endif
