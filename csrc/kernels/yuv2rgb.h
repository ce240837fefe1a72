/* Row kernels from 8-bit planar 4:2:0 and 4:2:2 to RGB, packed or in planes. Their bytes equal
 * those of swscale's default path on x86 or of its C code: Note [Two arithmetics] in yuv2rgb.c. */
#ifndef CYCODEC_YUV2RGB_H
#define CYCODEC_YUV2RGB_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"
#include "kernels/yuv2rgb_matrix.h"

typedef enum {
    YUV2RGB_PRODUCTS, /* 16-bit products cut to their high half */
    YUV2RGB_TABLES    /* a table of luma, shifted by chroma */
} Yuv2RgbArithmetic;

/* True if a vector kernel converts rows of this arithmetic. The plain loops serve comparisons and
 * the ends of rows. */
int yuv2rgb_pays(Yuv2RgbArithmetic arithmetic);

/* Convert one row of `width` luma samples, with one u and v for every two of them. Write exactly
 * `width` packed pixels, or `width` bytes to each of three planes. */
void yuv2rgb_row(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
                 const Yuv2RgbMatrix *matrix, Yuv2RgbArithmetic arithmetic);

#endif
