/* Rows of YUV to RGB where chroma is filtered along rows, too: odd widths, 4:1:1 and 4:1:0. The
 * arithmetic is that of swscale's general path: Notes [General path] in yuv2rgb_deep.c and [RGB48]
 * in float_rows.c. All levels give the same bits. */
#ifndef CYCODEC_WIDE_ROWS_H
#define CYCODEC_WIDE_ROWS_H

#include <stdint.h>

#include "kernels/axis.h"
#include "kernels/float_rows.h"

enum { WIDE_MOST_TAPS = 5, WIDE_MOST_BITS = 14 };

/* The filter from columns of chroma to columns of the result. All zeros at first. */
typedef struct {
    Axis axis;
    void *steps; /* the vector kernel's tables, or NULL if it cannot convert these rows */
} WideColumns;

/* Make the filter. Return 0, or -1 without memory. The caller frees it in both cases. */
int wide_columns_make(WideColumns *columns, int in, int out);
void wide_columns_free(WideColumns *columns);

/* Filter a row of words of `depth` bits to integers of `bits` bits, 15 or 19. `out` has room for
 * three more samples. */
void wide_columns_row(int32_t *out, const uint16_t *in, const WideColumns *columns, int depth, int bits);

/* How filtered chroma becomes a factor around 0: (weighted sum + offset) >> shift. */
typedef struct {
    int32_t offset;
    int shift;
} WideSum;

/* Make the sums of chroma from `count` rows, weighted in 4096ths. */
void wide_chroma_row(FloatChroma out, const int32_t *const u[WIDE_MOST_TAPS], const int32_t *const v[WIDE_MOST_TAPS],
                     const int16_t *weights, int count, int width, const FloatColours *colours, WideSum sum);

/* Make 8-bit samples of chroma from `count` rows of 15 bits, weighted in 4096ths. */
void wide_byte_chroma_row(uint8_t *out, const int32_t *const rows[WIDE_MOST_TAPS], const int16_t *weights, int count,
                          int width);

/* Convert `width` pixels of words to bytes, with one sum of chroma for each. */
void wide_byte_row(uint8_t *rgb, RgbLayout layout, const uint16_t *luma, FloatChroma chroma, int width,
                   const FloatColours *colours);

/* True if vector kernels convert these rows. */
int wide_pays(void);

#endif
