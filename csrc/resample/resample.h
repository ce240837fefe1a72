/* Antialiased bilinear resampling of packed RGB, row by row: what goes in is in the cache still, and no whole frame of it
 * is ever written. The bytes are those of torch's kernel for uint8: Note [Resampling rows] in resample.c. */
#ifndef CYCODEC_RESAMPLE_H
#define CYCODEC_RESAMPLE_H

#include "picture/rect.h"
#include "picture/target.h"

typedef struct Resampler Resampler;

/* From in_width x in_height to out_width x out_height, of which only `region` is made. What goes in is uint8 for
 * CONVERT_UINT8 and float32 for both floats. NULL: out of memory. */
Resampler *resampler_alloc(int in_width, int in_height, int out_width, int out_height, Rect region, ConvertType type);
void resampler_free(Resampler *resampler);

/* Which rectangle of the input the region needs. */
Rect resampler_needs(const Resampler *resampler);

/* Rows are best brought in fours: the kernels do four at a time. */
enum { RESAMPLE_ROWS = 4 };

/* A new frame, which will be written to `out`, the region's first pixel; rows of it are `out_stride` bytes apart. */
void resampler_begin(Resampler *resampler, uint8_t *out, ptrdiff_t out_stride);

/* The next `count` rows of what resampler_needs says, `stride` bytes apart, each from its first needed column: a multiple
 * of RESAMPLE_ROWS, unless they are the last ones. Every row of the result that is complete by them is written. */
void resampler_rows(Resampler *resampler, const void *rows, ptrdiff_t stride, int count);

#endif
