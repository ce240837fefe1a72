/* Antialiased bilinear resampling of packed pixels, row by row. Rows come while they are in the
 * cache, and no whole input frame is ever written. uint8 has the bytes of torch's kernel: Note
 * [Resampling rows] in resample.c. */
#ifndef CYCODEC_RESAMPLE_H
#define CYCODEC_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "picture/rect.h"
#include "picture/target.h"
#include "resample/group.h"

typedef struct Resampler Resampler;

/* Resample pixels of one, three or four channels from in_width x in_height to out_width x
 * out_height, of which only `region` is made. The input is uint8 for CONVERT_UINT8 and float32 for
 * both floats. Return NULL without memory. */
Resampler *resampler_alloc(int in_width, int in_height, int out_width, int out_height, Rect region, ConvertType type,
                           int channels);
void resampler_free(Resampler *resampler);

/* Return the rectangle of the input that the region needs. */
Rect resampler_needs(const Resampler *resampler);

/* Return how many rows are resampled together. */
int resampler_step(const Resampler *resampler);

/* Begin a new frame. `out` is the first pixel of the region, and its rows are `out_stride` bytes
 * apart. */
void resampler_begin(Resampler *resampler, uint8_t *out, ptrdiff_t out_stride);

/* Take the next `count` rows of the rectangle of resampler_needs, `stride` bytes apart, each from
 * its first needed column. `count` is a multiple of resampler_step except for the last rows. All
 * rows of the result that are complete are written. */
void resampler_rows(Resampler *resampler, const void *rows, ptrdiff_t stride, int count);

#endif
