/* YUV 4:2:0 of VP8 to RGB, as libwebp does it for WebP: its bytes differ from swscale's. */
#ifndef CYCODEC_WEBP_RGB_H
#define CYCODEC_WEBP_RGB_H

#include <stddef.h>
#include <stdint.h>

#include "picture/rect.h"

typedef struct {
    int width, height;
    const uint8_t *planes[4]; /* Y, U, V, and alpha or NULL */
    ptrdiff_t strides[4];
} WebpPlanes;

/* Write a region as packed RGB, or with `channels` of 4 as RGB and alpha. Return 0, or -1 without
 * memory. */
int webp_rgb(const WebpPlanes *planes, Rect region, uint8_t *out, ptrdiff_t stride, int channels);

#endif
