/* Resampling behind the conversion to RGB. */
#ifndef CYCODEC_STAGES_H
#define CYCODEC_STAGES_H

#include "convert/to_rgb.h"
#include "resample/resample.h"

typedef struct {
    Resampler *resampler;
    ConvertStage stage;
    int in_width, in_height;
    uint8_t *picture; /* the result; NULL for the last stage, which writes to the caller's memory */
} BuiltStage;

/* The resamplers of the last target, and memory. All zeros at first. */
typedef struct {
    BuiltStage *built;
    int num_built;
    ConvertType type;
    uint8_t *rows; /* packed RGB that enters the first stage */
    size_t rows_size;
} Stages;

void stages_free(Stages *stages);

/* Convert a frame to packed RGB through all stages of the target, of which there is at least one.
 * Return 0 or AVERROR. */
int stages_run(Stages *stages, ToRgb *to_rgb, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb,
               ptrdiff_t stride);

#endif
