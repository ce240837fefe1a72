/* Rows of RGB bytes to Y, U and V of 14 bits, as swscale reads RGB for its general path. */
#ifndef CYCODEC_RGB2YUV_H
#define CYCODEC_RGB2YUV_H

#include <stdint.h>

/* The weights of red, green and blue in 32768ths, for each of Y, U and V. */
typedef struct {
    int16_t weights[3][3];
} Rgb2Yuv;

/* Fill in the weights from sws_getCoefficients' {crv, cbu, cgu, cgv}. */
void rgb2yuv_weights(Rgb2Yuv *to, const int *coefficients);

/* Make a row of channel 0 (Y), 1 (U) or 2 (V) from red, green and blue in words. */
void rgb2yuv_row(uint16_t *out, const uint16_t *red, const uint16_t *green, const uint16_t *blue, int width,
                 const Rgb2Yuv *to, int channel);

#endif
