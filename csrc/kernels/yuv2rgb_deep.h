/* Rows of YUV to RGB of formats for which swscale takes its general path: more than 8 bits, 4:4:4,
 * and interleaved samples. The bytes equal those of its C code, which also serves x86 there. */
#ifndef CYCODEC_YUV2RGB_DEEP_H
#define CYCODEC_YUV2RGB_DEEP_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"
#include "kernels/yuv2rgb_matrix.h"

/* True if vector kernels convert these rows. The plain loops serve comparisons and the ends of
 * rows. */
int deep_pays(void);

enum { DEEP_MOST_TAPS = 5, DEEP_MOST_BITS = 15 };

/* Make `width` samples of chroma from `count` rows, weighted in 4096ths (Note [swscale's filter] in
 * sws_filter.c) and cut to 8 bits. */
void deep_chroma_row(uint8_t *out, const uint16_t *const rows[DEEP_MOST_TAPS], const int16_t *weights, int count,
                     int width, int depth);

/* Convert an even number of luma samples of `depth` bits, with one u and v for every two. The
 * output is as yuv2rgb_row's. */
void deep_row(uint8_t *rgb, RgbLayout layout, const uint16_t *y, const uint8_t *u, const uint8_t *v, int width,
              const Yuv2RgbMatrix *matrix, int depth);

/* Convert 4:4:4 of 8 to DEEP_MOST_BITS bits. Samples are bytes, or 16-bit words if they have more
 * than 8 bits. */
void deep_full_row(uint8_t *rgb, RgbLayout layout, const void *y, const void *u, const void *v, int width,
                   const Yuv2RgbMatrix *matrix, int depth);

#endif
