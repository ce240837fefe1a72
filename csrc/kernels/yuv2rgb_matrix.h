/* The fixed-point numbers by which swscale converts YUV to RGB: Note [Two arithmetics] in
 * yuv2rgb.c. */
#ifndef CYCODEC_YUV2RGB_MATRIX_H
#define CYCODEC_YUV2RGB_MATRIX_H

#include <stdint.h>

typedef struct {
    int16_t luma_scale, luma_offset;         /* for (y << 3) - luma_offset */
    int16_t v_red, u_green, v_green, u_blue; /* for (chroma << 3) - 1024 */
    struct {                                 /* 16.16 numbers of YUV2RGB_TABLES */
        int32_t luma_scale, luma_offset;
        int32_t v_red, u_green, v_green, u_blue; /* steps of luma */
    } table;
} Yuv2RgbMatrix;

/* Fill in a matrix from sws_getCoefficients' {crv, cbu, cgu, cgv}. */
void yuv2rgb_matrix(Yuv2RgbMatrix *matrix, const int *coefficients, int full_range);

#endif
