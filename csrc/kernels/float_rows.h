/* Row kernels to RGB of floats in [0, 1]: swscale's integers for RGB48, divided by their largest
 * value. See Note [RGB48] in float_rows.c. All levels give the same bits. */
#ifndef CYCODEC_FLOAT_ROWS_H
#define CYCODEC_FLOAT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"
#include "kernels/yuv2rgb_matrix.h"

enum { FLOAT_MOST_TAPS = 5, FLOAT_MOST_BITS = 16 };

/* swscale's ways from YUV to RGB48. */
typedef enum {
    FLOAT_TABLES,  /* 8-bit 4:2:0 and 4:2:2 of even height: 8 bits by a table of luma */
    FLOAT_WRAPPED, /* the general path of old versions: sums wrap at 2^31 */
    FLOAT_BIASED   /* the general path of new versions: sums have room for 2^29 more */
} FloatArithmetic;

/* A result is clip((luma * luma_scale + luma_offset + chroma >> shift) + bias, 0, most) / most. */
typedef struct {
    FloatArithmetic arithmetic;
    int depth; /* bits of a sample */
    int32_t luma_scale, luma_offset;
    int shift, bias, most;
    int32_t v_red, u_green, v_green, u_blue;
} FloatColours;

typedef struct {
    int deep;   /* true for samples of 16 bits, little endian; else 8 bits */
    int paired; /* true if each chroma sample serves two columns */
    int half;   /* true if the result is float16, rounded to nearest, ties to even; else float32 */
} FloatRowKind;

/* The sums that chroma contributes to red, green and blue of a row. */
typedef struct {
    int32_t *red, *green, *blue;
} FloatChroma;

/* True if vector kernels convert these rows. The plain loops serve comparisons and the ends of
 * rows. */
int float_pays(void);

/* Fill in the numbers for samples of `depth` bits. */
void float_colours(FloatColours *colours, const Yuv2RgbMatrix *matrix, FloatArithmetic arithmetic, int depth);

/* Make `width` sums of chroma from `count` rows of u and v, weighted in 4096ths (Note [swscale's
 * filter] in sws_filter.c). FLOAT_TABLES reads one row. Rows hold bytes, or words if `deep`. */
void float_chroma_row(FloatChroma out, const void *const u[FLOAT_MOST_TAPS], const void *const v[FLOAT_MOST_TAPS],
                      const int16_t *weights, int count, int width, const FloatColours *colours, int deep);

/* Convert `width` pixels. Write them packed, or `width` values to each of three planes. */
void float_row(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width,
               const FloatColours *colours, FloatRowKind kind);

/* Divide samples by 65535, to float32, or to float16 if `half`. */
void float_samples(void *out, const uint16_t *in, int count, int half);

#endif
