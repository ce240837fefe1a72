#include "picture/colour.h"

#include <libswscale/swscale.h>

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
    switch (space) {
    case AVCOL_SPC_BT709:
        *kr = 0.2126;
        *kb = 0.0722;
        break;
    case AVCOL_SPC_FCC:
        *kr = 0.30;
        *kb = 0.11;
        break;
    case AVCOL_SPC_SMPTE240M:
        *kr = 0.212;
        *kb = 0.087;
        break;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        *kr = 0.2627;
        *kb = 0.0593;
        break;
    default: *kr = 0.299; *kb = 0.114;
    }
}

const int *colour_coefficients(int space) {
    if (space < AVCOL_SPC_BT709 || space > AVCOL_SPC_BT2020_CL || space == AVCOL_SPC_YCGCO)
        space = AVCOL_SPC_BT470BG;
    return sws_getCoefficients(space);
}
