/* The fourth channel of RGBA, in swscale's arithmetic. */
#ifndef CYCODEC_ALPHA_H
#define CYCODEC_ALPHA_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"
#include "picture/target.h"

/* True if the rows of kernels, which make packed pixels opaque, lack the alpha of a format. */
static inline int alpha_is_missing(RgbLayout layout, const AVPixFmtDescriptor *desc) {
    return layout.is_opaque && (layout.plane_stride || desc->flags & AV_PIX_FMT_FLAG_ALPHA);
}

/* Write the alpha of row y of a frame into a row of pixels or into the fourth plane. Frames without
 * alpha are opaque. Return 0, or STRAY_BITS for words with bits above their depth. */
int alpha_row(uint8_t *rgb, RgbLayout layout, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y,
              ConvertType type);

#endif
