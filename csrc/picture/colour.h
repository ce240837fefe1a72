/* What a frame's colour properties mean to every conversion, on the CPU and on the GPU. */
#ifndef CYCODEC_COLOUR_H
#define CYCODEC_COLOUR_H

#include <libavutil/frame.h>

/* Whether a frame's values span the full range: what it says, else what its pixel format says. */
int colour_is_full_range(const AVFrame *frame);

/* Kr and Kb of ITU-T H.273's matrix coefficients for an AVColorSpace; what is unknown or has no such pair is taken for
 * BT.601, as swscale does. */
void colour_luma_weights(int space, double *kr, double *kb);

/* swscale's {crv, cbu, cgu, cgv} of an AVColorSpace as the ffmpeg command's scale filter chooses them: BT.601 for what
 * swscale lacks. */
const int *colour_coefficients(int space);

#endif
