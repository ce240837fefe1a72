/* Where the kernels put the samples of a pixel. */
#ifndef CYCODEC_RGB_LAYOUT_H
#define CYCODEC_RGB_LAYOUT_H

#include <stddef.h>

typedef struct {
    ptrdiff_t plane_stride; /* bytes from plane to plane, or 0 for packed pixels */
    int is_opaque;          /* true if packed pixels have a fourth sample, the largest one */
} RgbLayout;

/* Samples from pixel to pixel. */
static inline int rgb_step(RgbLayout layout) {
    return layout.plane_stride ? 1 : layout.is_opaque ? 4 : 3;
}

/* Samples from channel to channel. */
static inline ptrdiff_t rgb_next(RgbLayout layout, int sample_size) {
    return layout.plane_stride ? layout.plane_stride / sample_size : 1;
}

/* True if pixels get a fourth sample. */
static inline int has_fourth(RgbLayout layout) {
    return !layout.plane_stride && layout.is_opaque;
}

#endif
