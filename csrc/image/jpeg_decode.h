/* JPEG by libjpeg-turbo. */
#ifndef CYCODEC_JPEG_DECODE_H
#define CYCODEC_JPEG_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "image/pixels.h"
#include "image/result.h"
#include "picture/rect.h"

typedef struct JpegReader JpegReader;

typedef struct {
    int width, height; /* as stored, before any orientation */
    int components;    /* 1, 3, or 4 for CMYK and YCCK */
    int orientation;   /* ORIENT_* of picture/orientation.h, from the Exif block */
    int is_progressive;
    const uint8_t *exif; /* from its TIFF header on; NULL if there is none */
    size_t exif_size;
} JpegInfo;

typedef struct {
    int reduction; /* 1, 2, 4 or 8: each edge is divided by it and rounded up */
    Rect region;   /* the part of the reduced picture to decode */
    int wants_ink; /* true if the result of a picture of four components is its inks, not RGB */
} JpegRequest;

/* Return 1 if this build can read JPEG. */
int jpeg_is_available(void);

/* Return NULL without memory. */
JpegReader *jpeg_reader_alloc(void);
void jpeg_reader_free(JpegReader *reader);

/* Read the header. `data` stays the caller's and must live until the picture was read. Return 0 or
 * a code of result.h. */
int jpeg_reader_open(JpegReader *reader, const uint8_t *data, size_t size, JpegInfo *info);

/* Decode the picture. Return 0 or a code. A reader reads its picture once. */
int jpeg_reader_read(JpegReader *reader, const JpegRequest *request, PixelRows out);

/* Return what libjpeg says about the last error. */
const char *jpeg_reader_message(const JpegReader *reader);

#endif
