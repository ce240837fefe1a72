/* Rows of planar YUV to RGB where swscale takes its general path: more than 8 bits, and 4:4:4. Bit-identical to its C code,
 * which serves x86 there, too. */
#ifndef CYCODEC_YUV2RGB_DEEP_H
#define CYCODEC_YUV2RGB_DEEP_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/yuv2rgb_matrix.h"

/* Whether these rows are done by vector kernels: the plain loops are for comparing, and for what a vector leaves over. */
int deep_pays(void);

enum { DEEP_MOST_TAPS = 5, DEEP_LEAST_BITS = 9, DEEP_MOST_BITS = 14 };

/* `width` samples of chroma, weighed from `count` rows in 4096ths (Note [swscale's filter] in sws_filter.c) and cut to 8 bits. */
void deep_chroma_row(uint8_t *out, const uint16_t *const rows[DEEP_MOST_TAPS], const int16_t *weights, int count,
                     int width, int depth);

/* `width` luma samples of `depth` bits, an even number, with one u and v for every two of them. Output is as yuv2rgb_row's. */
void deep_row(uint8_t *rgb, ptrdiff_t plane_stride, const uint16_t *y, const uint8_t *u, const uint8_t *v, int width,
              const Yuv2RgbMatrix *matrix, int depth);

/* 4:4:4 of 8 to DEEP_MOST_BITS bits: samples are bytes, or 16-bit words where they have more than 8. */
void deep_full_row(uint8_t *rgb, ptrdiff_t plane_stride, const void *y, const void *u, const void *v, int width,
                   const Yuv2RgbMatrix *matrix, int depth);

#endif
