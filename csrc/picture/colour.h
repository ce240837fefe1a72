/* The meaning of a frame's colour properties, for conversions on the CPU and on the GPU. */
#ifndef CYCODEC_COLOUR_H
#define CYCODEC_COLOUR_H

#include <libavutil/frame.h>

/* Copy the pixel format and the colour properties. */
void colour_copy(AVFrame *out, const AVFrame *in);

/* True if the frame's values span the full range, by its colour range or else by its pixel
 * format. */
int colour_is_full_range(const AVFrame *frame);

/* Set Kr and Kb of ITU-T H.273's matrix coefficients for an AVColorSpace. Like swscale, use BT.601
 * for a space that is unknown or has no such pair. */
void colour_luma_weights(int space, double *kr, double *kb);

/* Return swscale's {crv, cbu, cgu, cgv} for an AVColorSpace. Like the ffmpeg command's scale
 * filter, return BT.601's if swscale has none. */
const int *colour_coefficients(int space);

#endif
