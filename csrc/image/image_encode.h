/* JPEG and PNG files from packed pixels. */
#ifndef CYCODEC_IMAGE_ENCODE_H
#define CYCODEC_IMAGE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "image/result.h"

typedef struct {
    int width, height, channels;
    int depth; /* 8, or 16 in the byte order of the machine */
    const uint8_t *pixels;
    ptrdiff_t stride; /* bytes between rows */
    const uint8_t *exif, *icc;
    size_t exif_size, icc_size; /* 0 for none */
} ImageToEncode;

typedef struct {
    int quality;
    int across, down; /* how many luma samples a chroma sample spans */
    int is_progressive, is_optimized;
} JpegSettings;

/* A file in memory, which the caller frees with free(). */
typedef struct {
    uint8_t *data;
    size_t size;
    char message[IMAGE_MESSAGE];
} EncodedImage;

/* Return 0 or a code of result.h. A JPEG image has 1 or 3 channels of 8 bits. */
int jpeg_encode(const ImageToEncode *image, const JpegSettings *settings, EncodedImage *out);
int png_encode(const ImageToEncode *image, int level, EncodedImage *out);

#endif
