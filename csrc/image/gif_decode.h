/* GIF. */
#ifndef CYCODEC_GIF_DECODE_H
#define CYCODEC_GIF_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "image/canvas.h"
#include "image/result.h"

typedef struct {
    int x, y, width, height; /* the frame may reach beyond the canvas */
    int delay;               /* in hundredths of a second */
    int disposal;            /* CANVAS_* */
    int clear;               /* the palette's transparent entry, or -1 */
    int is_interlaced, colours;
    const uint8_t *palette;
    size_t place; /* of the coded data */
} GifFrame;

typedef struct {
    int width, height;
    int plays; /* 0 repeats for ever */
    int num_frames;
    GifFrame *frames;
    const uint8_t *data;
    size_t size;
    int is_cut; /* true if the data end before the trailer */
    char message[IMAGE_MESSAGE];
} GifImage;

/* Find all frames. The data must live as long as the image. Return 0 or a code of result.h;
 * gif_close frees what was allocated, in both cases. */
int gif_open(GifImage *gif, const uint8_t *data, size_t size);
void gif_close(GifImage *gif);

/* Draw a frame onto the canvas, which shows the frame before. Return 0 or a code. */
int gif_draw(GifImage *gif, int number, Canvas *canvas);

#endif
