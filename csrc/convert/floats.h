/* Floats of [0, 1] from a frame's planes, in full precision: float32, or float16 rounded from it. */
#ifndef CYCODEC_FLOATS_H
#define CYCODEC_FLOATS_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

#include "picture/rect.h"
#include "picture/target.h"

/* Memory for rows, that grows as it is needed; `data` is to be freed with av_free. */
typedef struct {
    float *data;
    size_t size; /* bytes */
} FloatLines;

/* Whether convert_float_picture takes a pixel format, provided that its planes can be addressed. */
int convert_float_knows(const AVPixFmtDescriptor *desc);

/* Whether it writes planes, too. */
int convert_float_knows_planes(const AVPixFmtDescriptor *desc);

/* A rectangle of a frame to rows of `type`, which is one of the floats: packed, or of planes `plane_stride` bytes apart (0:
 * packed). 0 or AVERROR. */
int convert_float_picture(FloatLines *lines, const AVFrame *frame, Rect want, uint8_t *rgb, ptrdiff_t stride,
                          ptrdiff_t plane_stride, ConvertType type);

/* The same of rows of 8-bit samples, or of 16-bit ones (`deep`). */
int convert_float_rows(FloatLines *lines, uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride,
                       int samples, int rows, int deep, ConvertType type);

#endif
