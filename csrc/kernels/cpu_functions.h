/* Functions of the CPU's conversion that the GPU's conversion calls.
 *
 * Note [One copy in the process]: extension modules cannot link to each other, and a file that is
 * linked into two of them has its tables and levels twice. So only core/video/cpu links the CPU's
 * conversion, and core/gpu/device gets this table from it. Inside the CPU's conversion calls stay
 * direct.
 */
#ifndef CYCODEC_CPU_FUNCTIONS_H
#define CYCODEC_CPU_FUNCTIONS_H

#include "kernels/axis.h"
#include "kernels/sws_filter.h"
#include "kernels/yuv2rgb_matrix.h"
#include "picture/colour.h"

#define CPU_FUNCTIONS(X)                                                                                               \
    X(axis_init)                                                                                                       \
    X(axis_free)                                                                                                       \
    X(sws_filter_rows)                                                                                                 \
    X(sws_filter_columns)                                                                                              \
    X(yuv2rgb_matrix)                                                                                                  \
    X(colour_is_full_range)                                                                                            \
    X(colour_luma_weights)                                                                                             \
    X(colour_coefficients)

typedef struct {
#define X(name) __typeof__(name) *name;
    CPU_FUNCTIONS(X)
#undef X
} CpuFunctions;

extern const CpuFunctions cpu_functions;

#endif
