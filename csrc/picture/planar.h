/* Pixel formats whose samples can be read in place. */
#ifndef CYCODEC_PLANAR_H
#define CYCODEC_PLANAR_H

#include <libavutil/pixdesc.h>

/* True if Y, U and V lie in three planes, as bytes or as little-endian words that use their low
 * bits. A fourth plane may hold alpha. */
static inline int has_yuv_planes(const AVPixFmtDescriptor *desc) {
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT;
    if (!desc || desc->flags & others || !(desc->flags & AV_PIX_FMT_FLAG_PLANAR) || desc->nb_components < 3)
        return 0;
    for (int i = 0; i < 3; i++)
        if (desc->comp[i].plane != i || desc->comp[i].shift || desc->comp[i].step != (desc->comp[i].depth + 7) / 8)
            return 0;
    return 1;
}

/* The same without alpha. */
static inline int is_planar_yuv(const AVPixFmtDescriptor *desc) {
    return has_yuv_planes(desc) && desc->nb_components == 3;
}

/* True if there is luma alone, as bytes or as little-endian words that use their low bits. */
static inline int is_plain_gray(const AVPixFmtDescriptor *desc) {
    const uint64_t others = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT;
    return desc && !(desc->flags & others) && desc->nb_components == 1 && !desc->comp[0].shift &&
           desc->comp[0].step == (desc->comp[0].depth + 7) / 8;
}

#endif
