/* The weights by which swscale interpolates chroma of 4:2:0 to the size of luma: Note [swscale's filter]. */
#ifndef CYCODEC_SWS_FILTER_H
#define CYCODEC_SWS_FILTER_H

#include "kernels/axis.h"

/* Of `in` rows of chroma for `out` rows of luma, in 4096ths; and of columns, in 16384ths. 0, or -1: out of memory. The axis is
 * all zeros before, and to be freed either way. */
int sws_filter_rows(Axis *axis, int in, int out);
int sws_filter_columns(Axis *axis, int in, int out);

#endif
