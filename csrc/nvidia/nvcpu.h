/* The CPU's functions that the GPU's conversion calls: Note [One copy in the process] in
 * kernels/cpu_functions.h. */
#ifndef CYCODEC_NVCPU_H
#define CYCODEC_NVCPU_H

#include "kernels/cpu_functions.h"

/* core/gpu/device sets it when it is imported. */
extern const CpuFunctions *cpu;

#endif
