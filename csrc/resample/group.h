/* Groups of four rows after the horizontal pass: what resample.c and its vector kernels share.
 *
 * The plain kernels and those for floats write one row after the other, `pitch` samples apart. The
 * other kernels interleave the rows: four bytes a sample, one of each row.
 */
#ifndef CYCODEC_GROUP_H
#define CYCODEC_GROUP_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/axis.h"

enum { RESAMPLE_ROWS = 4 }; /* rows of a group */

#define GROUP_PADDING 64 /* samples that a kernel may write behind a row of a group */

/* The tables of a horizontal kernel. */
typedef struct HorizontalPlan HorizontalPlan;
typedef void HorizontalKernel(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan);
struct HorizontalPlan {
    HorizontalKernel *kernel;
    const Axis *axis;
    int channels; /* of a pixel: three or four */
    ptrdiff_t pitch;
    int chunks, pixels; /* number of chunks, and pixels of the result in each */
    int *counts;        /* steps of each chunk */
    void *steps;        /* the kernel's own tables */
};

/* The weights of the four rows of a group: high and low bytes, or pairs of rows 0 and 2, 1 and
 * 3. */
typedef struct {
    int32_t high, low, even, odd;
} GroupWeights;

/* Write `samples` bytes of a row of the result from `count` groups. */
typedef void VerticalKernel(uint8_t *out, int samples, const uint8_t *const *groups, const GroupWeights *weights,
                            int count, int shift);

/* Write `samples` floats of a row of the result from `count` rows. */
typedef void VerticalFloatKernel(float *out, int samples, const float *const *rows, const float *weights, int count);

/* One pixel by the plain definition, where a vector does not fit. */
static inline void resample_float_pixel(float *out, const float *row, const Span *span, const float *weights,
                                        int channels) {
    float sum[4] = {0};
    const float *in = row + channels * (ptrdiff_t)span->first;
    for (int i = 0; i < span->count; i++, in += channels)
        for (int c = 0; c < channels; c++)
            sum[c] += weights[span->start + i] * in[c];
    for (int c = 0; c < channels; c++)
        out[c] = sum[c];
}

/* Return zeroed memory that begins on a cache line, or NULL. The caller frees it with free(). */
static inline void *resample_memory(size_t count, size_t size) {
    size_t bytes = (count * size + 64) / 64 * 64; /* never 0 */
    void *memory = aligned_alloc(64, bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

#endif
