/* Row kernels from 8-bit planar 4:2:0 and 4:2:2 to packed RGB24, bit-identical to swscale's default x86 path. */
#ifndef CYCODEC_YUV2RGB_H
#define CYCODEC_YUV2RGB_H

#include <stdint.h>

typedef struct {
    int16_t luma_scale, luma_offset;         /* of (y << 3) - luma_offset */
    int16_t v_red, u_green, v_green, u_blue; /* of (chroma << 3) - 1024 */
} Yuv2RgbMatrix;

/* `coefficients` are sws_getCoefficients' {crv, cbu, cgu, cgv}. */
void yuv2rgb_matrix(Yuv2RgbMatrix *matrix, const int *coefficients, int full_range);

/* Which kernels may be used where the processor has them; for tests. The default is all. */
enum { YUV2RGB_PLAIN = 0, YUV2RGB_AVX2 = 1, YUV2RGB_AVX512 = 2 };
void yuv2rgb_limit(int limit);

/* Whether a row is done by a vector kernel: the plain loop is for comparing, and for what a vector leaves over. Elsewhere (on
 * Arm, for one) swscale's own vector code is the faster one. */
int yuv2rgb_pays(void);

/* One row: `width` luma samples, one u and v for every two of them. Writes 3 * width bytes and no more. */
void yuv2rgb_row(uint8_t *rgb, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
                 const Yuv2RgbMatrix *matrix);

#endif
