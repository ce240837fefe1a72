/* Rows that only change places or range: planes to packed pixels, luma to gray. */
#ifndef CYCODEC_PACK_ROWS_H
#define CYCODEC_PACK_ROWS_H

#include <stdint.h>

/* Write packed Y, U and V. With `paired`, each chroma sample serves two columns. */
void pack_yuv_row(uint8_t *out, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width, int paired);

/* Write bytes of alpha into pixels of RGBA. */
void put_alpha_row(uint8_t *rgba, const uint8_t *alpha, int width);

/* Write packed pixels of three rows of floats. */
void pack_float_row(float *out, const float *first, const float *second, const float *third, int width);

/* Write each byte from the limited range in the full range: clip((byte * 19077 - 296944) >> 14),
 * which is swscale's arithmetic in one step. */
void full_range_row(uint8_t *out, const uint8_t *luma, int width);

/* Return the same of one byte. */
uint8_t full_range_byte(uint8_t luma);

#endif
