/* The weights by which rows or columns of pictures are resampled. */
#ifndef CYCODEC_AXIS_H
#define CYCODEC_AXIS_H

#include <stdint.h>

/* The input of one output sample: `count` samples from `first` on. Their weights begin at `start`
 * in the axis' table. */
typedef struct {
    int first, count, start;
} Span;

typedef struct {
    int length; /* length of the result */
    int extent; /* length of the part of the input that is needed */
    int shift;  /* binary places of fixed-point weights */
    int used;   /* number of weights */
    Span *spans;
    int16_t *fixed; /* weights for uint8, else NULL */
    float *floats;  /* weights for floats, else NULL; a zero follows each odd number of weights */
} Axis;

/* Make the weights of antialiased bilinear resampling from `in` samples to `out`, of which [from,
 * to) is wanted. The filter is a triangle, cut at the ends, that reaches one sample of the coarser
 * side in both directions. Like torch for uint8, use double precision. Fixed-point weights have the
 * most binary places with which the largest fits 16 bits. Return the first input sample that is
 * needed, from which the spans count, or -1 without memory. The axis is all zeros before, and the
 * caller frees it in both cases. */
int axis_init(Axis *axis, int in, int out, int from, int to, int fixed);
void axis_free(Axis *axis);

#endif
