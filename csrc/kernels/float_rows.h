/* Row kernels from planar YUV to RGB of floats in [0, 1], packed or in planes: the same bits on every level, since each
 * operation of the plain loop is done alone and rounded to float32. */
#ifndef CYCODEC_FLOAT_ROWS_H
#define CYCODEC_FLOAT_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* What samples are masked with, and what their float32 is biased and multiplied by. */
typedef struct {
    unsigned mask;
    float luma_bias, luma_scale, chroma_bias;
    float cr_red, cb_green, cr_green, cb_blue;
} FloatColours;

typedef struct {
    int deep;   /* samples of 16 bits, little endian; else of 8 */
    int paired; /* each chroma sample serves two columns */
    int half;   /* float16 comes out, to nearest, ties to even; else float32 */
} FloatRowKind;

/* `width` pixels, the first of which begins a chroma sample: packed, or `width` values to each of three planes that lie
 * `plane_stride` bytes apart (0: packed). */
void float_row(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int width,
               const FloatColours *colours, FloatRowKind kind);

#endif
