/* Row kernels from 8-bit planar 4:2:0 and 4:2:2 to RGB, packed or in planes, bit-identical to swscale's default path on x86 or
 * to its C code: Note [Two arithmetics] in yuv2rgb.c. */
#ifndef CYCODEC_YUV2RGB_H
#define CYCODEC_YUV2RGB_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    YUV2RGB_PRODUCTS, /* 16-bit products cut to their high half */
    YUV2RGB_TABLES,   /* a table of luma, shifted by chroma */
    YUV2RGB_NUM_ARITHMETICS
} Yuv2RgbArithmetic;

typedef struct {
    int16_t luma_scale, luma_offset;         /* of (y << 3) - luma_offset */
    int16_t v_red, u_green, v_green, u_blue; /* of (chroma << 3) - 1024 */
    struct {                                 /* 16.16, of YUV2RGB_TABLES */
        int32_t luma_scale, luma_offset;
        int32_t v_red, u_green, v_green, u_blue; /* steps of luma */
    } table;
} Yuv2RgbMatrix;

/* `coefficients` are sws_getCoefficients' {crv, cbu, cgu, cgv}. */
void yuv2rgb_matrix(Yuv2RgbMatrix *matrix, const int *coefficients, int full_range);

/* Whether rows of this arithmetic are done by a vector kernel: the plain loops are for comparing, and for what a vector
 * leaves over. */
int yuv2rgb_pays(Yuv2RgbArithmetic arithmetic);

/* One row: `width` luma samples, one u and v for every two of them. Writes 3 * width bytes and no more: packed, or `width` of
 * them to each of three planes that lie `plane_stride` bytes apart (0: packed). */
void yuv2rgb_row(uint8_t *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
                 const Yuv2RgbMatrix *matrix, Yuv2RgbArithmetic arithmetic);

#endif
