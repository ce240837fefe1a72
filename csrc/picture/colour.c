#include "picture/colour.h"

#include <libswscale/swscale.h>

#include "picture/luma_weights.h"

void colour_copy(AVFrame *out, const AVFrame *in) {
    out->format = in->format;
    out->colorspace = in->colorspace;
    out->color_range = in->color_range;
    out->color_primaries = in->color_primaries;
    out->color_trc = in->color_trc;
}

int colour_is_full_range(const AVFrame *frame) {
    if (frame->color_range != AVCOL_RANGE_UNSPECIFIED)
        return frame->color_range == AVCOL_RANGE_JPEG;
    switch (frame->format) {
    case AV_PIX_FMT_YUVJ411P:
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ444P: return 1;
    default: return 0;
    }
}

void colour_luma_weights(int space, double *kr, double *kb) {
    luma_weights(space, kr, kb);
}

const int *colour_coefficients(int space) {
    if (space < AVCOL_SPC_BT709 || space > AVCOL_SPC_BT2020_CL || space == AVCOL_SPC_YCGCO)
        space = AVCOL_SPC_BT470BG;
    return sws_getCoefficients(space);
}
