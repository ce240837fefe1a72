/* What each place along the width or the height of resampled pictures is made of. */
#ifndef CYCODEC_AXIS_H
#define CYCODEC_AXIS_H

#include <stdint.h>

/* `count` places of the input from `first` on, weighted by what stands from `start` on in the axis' table. */
typedef struct {
    int first, count, start;
} Span;

typedef struct {
    int length; /* of the result */
    int extent; /* of the input, as far as it is needed */
    int shift;  /* binary places of fixed-point weights */
    int used;   /* weights in all */
    Span *spans;
    int16_t *fixed; /* for uint8; */
    float *floats;  /* otherwise, with a zero behind an odd number of them */
} Axis;

/* Antialiased bilinear resampling of `in` places to `out`, of which [from, to) is wanted: a triangle as wide as a place of
 * the coarser side, cut off at the ends. Weights are made in double precision, as torch makes them for uint8; fixed ones
 * have as many binary places as leave the largest of them 16 bits. Gives the first place of the input that is needed, from
 * which the spans count, or -1: out of memory. The axis is all zeros before, and to be freed either way. */
int axis_init(Axis *axis, int in, int out, int from, int to, int fixed);
void axis_free(Axis *axis);

#endif
