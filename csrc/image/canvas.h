/* The canvas of animations: frames are drawn over each other. */
#ifndef CYCODEC_CANVAS_H
#define CYCODEC_CANVAS_H

#include <stdint.h>

#include "picture/rect.h"

/* What happens to the rectangle of a frame before the next one is drawn. */
enum { CANVAS_KEEP, CANVAS_CLEAR, CANVAS_RESTORE };

typedef struct {
    int width, height;
    uint8_t *pixels; /* packed RGB and alpha, transparent at first */
    uint8_t *saved;  /* the pixels before the last frame, if it is to be taken away */
    Rect last;       /* the rectangle of the last frame */
    int disposal;    /* of the last frame */
} Canvas;

/* Return 0, or -1 without memory. */
int canvas_init(Canvas *canvas, int width, int height);
void canvas_free(Canvas *canvas);

/* Dispose of the last frame, and prepare for one in a rectangle inside the canvas. Return 0, or -1
 * without memory. */
int canvas_begin(Canvas *canvas, Rect rect, int disposal);

/* Draw packed RGB and alpha into the rectangle: in place of what is there, or blended over it by
 * the arithmetic of libwebp. */
void canvas_draw(Canvas *canvas, const uint8_t *pixels, int is_blended);

#endif
