/* Axes of csrc/axis.h in device memory, where kernels find their weights. */
#ifndef CYCODEC_NVAXIS_H
#define CYCODEC_NVAXIS_H

#include "kernels/axis.h"
#include "nvidia/nvdevice.h"

#include "arguments.h"

/* Put two axes, of which the second may have no places, into a block. Waits, so that any stream may use them. Called with the
 * device's context current. */
CUresult nvaxis_upload(NvBlock *block, const Axis axes[2], NvAxis *first, NvAxis *second, CUstream stream);

#endif
