/* The weights by which swscale interpolates chroma of 4:2:0 to the size of luma: Note [swscale's
 * filter]. */
#ifndef CYCODEC_SWS_FILTER_H
#define CYCODEC_SWS_FILTER_H

#include "kernels/axis.h"

/* Make the weights from `in` rows of chroma to `out` rows of luma, in 4096ths, or from columns to
 * columns, in 16384ths. Return 0, or -1 without memory. The axis is all zeros before, and the
 * caller frees it in both cases. */
int sws_filter_rows(Axis *axis, int in, int out);
int sws_filter_columns(Axis *axis, int in, int out);

#endif
