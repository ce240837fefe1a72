/* From a decoded frame in any pixel format to RGB in the caller's memory: one region, one orientation. */
#ifndef CYCODEC_CONVERT_H
#define CYCODEC_CONVERT_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/turn.h"

typedef enum { CONVERT_UINT8 = 0, CONVERT_FLOAT32 = 1, CONVERT_FLOAT16 = 2 } ConvertType;

static inline int convert_sample_size(ConvertType type) {
    return type == CONVERT_FLOAT32 ? 4 : type == CONVERT_FLOAT16 ? 2 : 1;
}

/* Floats are resampled in full precision, and rounded to half of it in the end. */
static inline ConvertType convert_unrounded(ConvertType type) {
    return type == CONVERT_UINT8 ? CONVERT_UINT8 : CONVERT_FLOAT32;
}

/* Antialiased bilinear resampling to width x height, and the half-open region of the result that is kept. */
typedef struct {
    int width, height, x0, y0, x1, y1;
} ConvertStage;

typedef struct {
    int width, height;  /* the whole output frame, after orientation */
    int x0, y0, x1, y1; /* the region of it that is wanted, half-open */
    int orientation;
    ConvertType type;
    int planar; /* the region's planes of R, G and B one behind the other, instead of packed pixels */
    int num_stages;
    const ConvertStage *stages; /* done to the region, one after the other, before it is written */
} ConvertTarget;

/* Rows of what comes out, or of one plane of it. */
static inline int convert_target_rows(const ConvertTarget *target) {
    if (target->num_stages)
        return target->stages[target->num_stages - 1].y1 - target->stages[target->num_stages - 1].y0;
    return target->y1 - target->y0;
}

typedef struct Converter Converter;

Converter *converter_alloc(void);
void converter_free(Converter *converter);

/* Convert the target's region of `frame` to rows of RGB, or of one plane, `row_stride` bytes apart. 0 or AVERROR. */
int converter_run(Converter *converter, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb,
                  ptrdiff_t row_stride);

/* Whether a picture may as well be converted a few rows at a time: no way to RGB that needs more of it is taken. */
int converter_is_by_rows(Converter *converter, const AVFrame *frame, const ConvertTarget *target);

/* Which kernel the converter has found last, as convert_kernel.h counts them; for tests. */
int converter_kernel(const Converter *converter);

/* The orientation that FFmpeg's autorotation gives to a display matrix (NULL: none). */
int orientation_from_matrix(const int32_t *matrix);

#endif
