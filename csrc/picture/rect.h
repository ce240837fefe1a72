/* A half-open rectangle of pixels. */
#ifndef CYCODEC_RECT_H
#define CYCODEC_RECT_H

typedef struct {
    int x0, y0, x1, y1;
} Rect;

#endif
