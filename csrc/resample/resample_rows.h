/* The vector kernels of resample.c, and what they share with it. */
#ifndef CYCODEC_RESAMPLE_ROWS_H
#define CYCODEC_RESAMPLE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/axis.h"
#include "resample/resample.h"

/* A group is four rows after the horizontal pass. The plain kernels and those of floats write one row after the other,
 * `pitch` samples apart; the others interleave them: four bytes a sample, one of each row. */
#define GROUP_PADDING 64 /* samples that may be written behind a row of a group */

/* What a horizontal kernel goes by: `steps` is its own. */
typedef struct HorizontalPlan HorizontalPlan;
typedef void HorizontalKernel(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan);
struct HorizontalPlan {
    HorizontalKernel *kernel;
    const Axis *axis;
    ptrdiff_t pitch;
    int chunks, pixels; /* of the result in one chunk */
    int *counts;        /* steps of each chunk */
    void *steps;
};

/* The weights of the four rows of a group: high and low bytes, or pairs of rows 0 and 2, 1 and 3. */
typedef struct {
    int32_t high, low, even, odd;
} GroupWeights;

/* `samples` bytes of a row of the result from `count` groups. */
typedef void VerticalKernel(uint8_t *out, int samples, const uint8_t *const *groups, const GroupWeights *weights,
                            int count, int shift);

/* The same of floats, from `count` rows. */
typedef void VerticalFloatKernel(float *out, int samples, const float *const *rows, const float *weights, int count);

/* Whether there are interleaving kernels for the axis; `plan` has its axis and is filled in. 0: there are
 * none. -1: out of memory. */
int plan_vector_rows(HorizontalPlan *plan);
VerticalKernel *find_vector_columns(const Axis *axis);

/* Vector kernels of floats, or NULL. */
HorizontalKernel *find_float_rows(void);
VerticalFloatKernel *find_float_columns(void);

/* One pixel by the definition, for what a vector leaves over. */
static inline void resample_float_pixel(float *out, const float *row, const Span *span, const float *weights) {
    float sum[3] = {0};
    const float *in = row + 3 * (ptrdiff_t)span->first;
    for (int i = 0; i < span->count; i++, in += 3)
        for (int c = 0; c < 3; c++)
            sum[c] += weights[span->start + i] * in[c];
    for (int c = 0; c < 3; c++)
        out[c] = sum[c];
}

/* Zeroed memory on a cache line, to be freed by free(). */
void *resample_memory(size_t count, size_t size);

#endif
