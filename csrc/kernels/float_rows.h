/* Row kernels from planar YUV to RGB of floats in [0, 1], packed or in planes. All levels give the
 * same bits, because each operation of the plain loop is rounded to float32 alone. */
#ifndef CYCODEC_FLOAT_ROWS_H
#define CYCODEC_FLOAT_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* The mask of samples, and biases and factors of their float32 values. */
typedef struct {
    unsigned mask;
    float luma_bias, luma_scale, chroma_bias;
    float cr_red, cb_green, cr_green, cb_blue;
} FloatColours;

typedef struct {
    int deep;   /* true for samples of 16 bits, little endian; else 8 bits */
    int paired; /* true if each chroma sample serves two columns */
    int half;   /* true if the result is float16, rounded to nearest, ties to even; else float32 */
} FloatRowKind;

/* Convert `width` pixels, of which the first begins a chroma sample. Write packed pixels if
 * `plane_stride` is 0, else `width` values to each of three planes that lie `plane_stride` bytes
 * apart. */
void float_row(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int width,
               const FloatColours *colours, FloatRowKind kind);

#endif
