/* What a decoded frame is converted to: size, region, orientation, layout, type and resampling of a
 * picture.
 *
 * C code may read the struct. Cython code only holds pointers to it and calls the functions.
 */
#ifndef CYCODEC_TARGET_H
#define CYCODEC_TARGET_H

#include <stddef.h>
#include <stdint.h>

typedef enum { CONVERT_UINT8 = 0, CONVERT_FLOAT32 = 1, CONVERT_FLOAT16 = 2 } ConvertType;

static inline int convert_sample_size(ConvertType type) {
    return type == CONVERT_FLOAT32 ? 4 : type == CONVERT_FLOAT16 ? 2 : 1;
}

/* What the channels of a pixel are. YUV has a frame's own values, with chroma repeated for each
 * pixel. */
typedef enum { LAYOUT_RGB = 0, LAYOUT_GRAY = 1, LAYOUT_RGBA = 2, LAYOUT_YUV = 3 } ConvertLayout;

static inline int convert_channels(ConvertLayout layout) {
    return layout == LAYOUT_GRAY ? 1 : layout == LAYOUT_RGBA ? 4 : 3;
}

/* The type in which pictures are resampled: floats stay float32 until the last step rounds them to
 * float16. */
static inline ConvertType convert_unrounded(ConvertType type) {
    return type == CONVERT_UINT8 ? CONVERT_UINT8 : CONVERT_FLOAT32;
}

/* Antialiased bilinear resampling to width x height, of which the half-open region is kept. */
typedef struct {
    int width, height, x0, y0, x1, y1;
} ConvertStage;

typedef struct {
    int width, height;  /* size of the whole picture after orientation, before any stage */
    int x0, y0, x1, y1; /* half-open region of it that is converted */
    int orientation;    /* ORIENT_* of picture/orientation.h */
    ConvertLayout layout;
    ConvertType type;
    int planar; /* true if the result holds one plane for each channel, not packed pixels */
    int num_stages;
    const ConvertStage *stages; /* applied to the region one after the other */
} ConvertTarget;

/* Return a new target that holds a copy of the stages, or NULL without memory. `region` is {y0, y1,
 * x0, x1}. */
ConvertTarget *convert_target_new(int width, int height, const int region[4], int orientation, ConvertLayout layout,
                                  ConvertType type, int planar, int num_stages, const ConvertStage *stages);
void convert_target_free(ConvertTarget *target);

/* Width and height of the result, after the last stage. */
static inline int convert_target_width(const ConvertTarget *target) {
    const ConvertStage *last = target->num_stages ? &target->stages[target->num_stages - 1] : NULL;
    return last ? last->x1 - last->x0 : target->x1 - target->x0;
}

static inline int convert_target_height(const ConvertTarget *target) {
    const ConvertStage *last = target->num_stages ? &target->stages[target->num_stages - 1] : NULL;
    return last ? last->y1 - last->y0 : target->y1 - target->y0;
}

/* Bytes of a row of the result, or of a row of one of its planes. */
static inline ptrdiff_t convert_target_row_stride(const ConvertTarget *target) {
    return (ptrdiff_t)convert_target_width(target) * (target->planar ? 1 : convert_channels(target->layout)) *
           convert_sample_size(target->type);
}

/* Bytes of the whole result, without gaps. */
static inline size_t convert_target_picture_bytes(const ConvertTarget *target) {
    return (size_t)convert_target_row_stride(target) * (size_t)convert_target_height(target) *
           (size_t)(target->planar ? convert_channels(target->layout) : 1);
}

#endif
