/* From a decoded frame in any pixel format to RGB in the caller's memory: one region, one orientation. */
#ifndef CYCODEC_CONVERT_H
#define CYCODEC_CONVERT_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "picture/target.h"

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

#endif
