/* The vector kernels of resample.c. */
#ifndef CYCODEC_RESAMPLE_ROWS_H
#define CYCODEC_RESAMPLE_ROWS_H

#include "resample/group.h"

/* Fill in a plan, which has its axis, for an interleaving kernel. Return 1, 0 if there is none for
 * the axis, or -1 without memory. */
int plan_vector_rows(HorizontalPlan *plan);

/* Return the interleaving kernel for an axis, or NULL. */
VerticalKernel *find_vector_columns(const Axis *axis);

/* Return a vector kernel for floats, or NULL. */
HorizontalKernel *find_float_rows(int channels);
VerticalFloatKernel *find_float_columns(void);

#endif
