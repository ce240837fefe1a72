/* Floats in [0, 1] from a frame's planes, computed in float32 and rounded to float16 last. */
#ifndef CYCODEC_FLOATS_H
#define CYCODEC_FLOATS_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

#include "picture/rect.h"
#include "picture/target.h"

/* Memory for rows, which grows when needed. The owner frees `data` with av_free. */
typedef struct {
    float *data;
    size_t size; /* bytes */
} FloatLines;

/* True if convert_float_picture converts a pixel format whose planes can be addressed. */
int convert_float_knows(const AVPixFmtDescriptor *desc);

/* True if convert_float_picture can also write planes for a pixel format. */
int convert_float_knows_planes(const AVPixFmtDescriptor *desc);

/* Convert a rectangle of a frame to rows of `type`, one of the floats: packed pixels if
 * `plane_stride` is 0, else planes that lie `plane_stride` bytes apart. Return 0 or AVERROR. */
int convert_float_picture(FloatLines *lines, const AVFrame *frame, Rect want, uint8_t *rgb, ptrdiff_t stride,
                          ptrdiff_t plane_stride, ConvertType type);

/* Convert rows of 8-bit samples, or of 16-bit samples if `deep`, to floats. Return 0 or AVERROR. */
int convert_float_rows(FloatLines *lines, uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride,
                       int samples, int rows, int deep, ConvertType type);

#endif
