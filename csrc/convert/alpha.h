/* The fourth channel of RGBA, in swscale's arithmetic. */
#ifndef CYCODEC_ALPHA_H
#define CYCODEC_ALPHA_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"
#include "picture/target.h"

/* Write the alpha of row y of a frame into a row of pixels or into the fourth plane. Frames without
 * alpha are opaque. Return 0, or STRAY_BITS for words with bits above their depth. */
int alpha_row(uint8_t *rgb, RgbLayout layout, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y,
              ConvertType type);

#endif
