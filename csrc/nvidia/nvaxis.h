/* Axes of kernels/axis.h in device memory, from which the CUDA kernels read their weights. */
#ifndef CYCODEC_NVAXIS_H
#define CYCODEC_NVAXIS_H

#include "kernels/axis.h"
#include "nvidia/nvdevice.h"

#include "arguments.h"

/* Put two axes, of which the second may be empty, into a block. Wait, so that any stream may use
 * them. The device's context must be current. */
CUresult nvaxis_upload(NvBlock *block, const Axis axes[2], NvAxis *first, NvAxis *second, CUstream stream);

#endif
