/* PNG and APNG. */
#ifndef CYCODEC_PNG_DECODE_H
#define CYCODEC_PNG_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "image/pixels.h"
#include "image/png_rows.h"
#include "image/result.h"
#include "picture/rect.h"

/* What an APNG frame does to its rectangle of the canvas when it is drawn, and afterwards. */
enum { PNG_BLEND_SOURCE = 0, PNG_BLEND_OVER = 1 };

typedef struct {
    int x, y, width, height;
    int delay, delay_units; /* the frame is shown for delay / delay_units seconds */
    int disposal, blend;    /* as the fcTL chunk stores them */
    size_t place;           /* of the first chunk of its data */
} PngFrame;

typedef struct {
    int width, height, is_interlaced, orientation;
    PngSamples samples;
    const uint8_t *exif; /* NULL if there is none */
    size_t exif_size;
    int plays; /* of an APNG; 0 repeats for ever */
    int num_frames;
    PngFrame *frames; /* of an APNG; the picture that other decoders show may not be one of them */

    const uint8_t *data;
    size_t size, first_data; /* where the first IDAT chunk begins */
    char message[IMAGE_MESSAGE];
} PngImage;

/* Read the chunks before the picture, and those of all frames. The data must live as long as the
 * image. Return 0 or a code of result.h; png_close frees what was allocated, in both cases. */
int png_open(PngImage *png, const uint8_t *data, size_t size, int wants_frames);
void png_close(PngImage *png);

/* Decode a region of the picture, or of a frame of an APNG. Return 0 or a code. */
int png_read(PngImage *png, const PngFrame *frame, Rect region, PixelRows out);

#endif
