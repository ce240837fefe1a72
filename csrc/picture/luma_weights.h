/* Kr and Kb of ITU-T H.273's matrix coefficients. */
#ifndef CYCODEC_LUMA_WEIGHTS_H
#define CYCODEC_LUMA_WEIGHTS_H

#include <libavutil/pixfmt.h>

/* Set Kr and Kb for an AVColorSpace. Like swscale, use BT.601 for a space that is unknown or has no
 * such pair. */
static inline void luma_weights(int space, double *kr, double *kb) {
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

#endif
