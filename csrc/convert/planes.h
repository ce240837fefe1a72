/* What is done to pictures behind the conversion of their colours: resampling, and being laid out in planes. */
#ifndef CYCODEC_CONVERT_STAGES_H
#define CYCODEC_CONVERT_STAGES_H

#include "convert/convert.h"
#include "resample/resample.h"

typedef struct {
    Resampler *resampler;
    ConvertStage stage;
    int in_width, in_height;
    uint8_t *picture; /* what comes out, unless it is the last stage */
} BuiltStage;

/* Memory for it, and the resamplers that the last picture needed. */
typedef struct {
    BuiltStage *built;
    int num_built;
    ConvertType type;
    uint8_t *picture, *rows;
    size_t picture_size, rows_size;
} Stages;

void stages_free(Stages *stages);

/* Have the converter make pictures without stages and planes, and do the rest. 0 or AVERROR. */
int stages_run(Stages *stages, Converter *converter, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb,
               ptrdiff_t stride);

#endif
