#include "nvidia/nvaxis.h"

#include <stdlib.h>
#include <string.h>

static size_t align(size_t size) {
    return (size + 255) & ~(size_t)255;
}

static size_t weights_bytes(const Axis *axis) {
    return (size_t)axis->used * (axis->fixed ? sizeof(*axis->fixed) : sizeof(*axis->floats));
}

static size_t axis_bytes(const Axis *axis) {
    return align((size_t)axis->length * sizeof(Span)) + align(weights_bytes(axis));
}

/* Write an axis to `place`, which is copied to `memory` later. */
static NvAxis lay_out(const Axis *axis, uint8_t *place, CUdeviceptr memory) {
    size_t spans = (size_t)axis->length * sizeof(Span);
    memcpy(place, axis->spans, spans);
    memcpy(place + align(spans), axis->fixed ? (const void *)axis->fixed : (const void *)axis->floats,
           weights_bytes(axis));
    return (NvAxis){memory, memory + align(spans), axis->length, axis->shift};
}

CUresult nvaxis_upload(NvBlock *block, const Axis axes[2], NvAxis *first, NvAxis *second, CUstream stream) {
    size_t half = axis_bytes(&axes[0]), size = half + axis_bytes(&axes[1]);
    uint8_t *staging = calloc(1, size);
    CUresult code = staging ? nvdevice_grow(block, size, stream) : NV_OUT_OF_MEMORY;
    if (code == CUDA_SUCCESS) {
        *first = lay_out(&axes[0], staging, block->memory);
        *second = lay_out(&axes[1], staging + half, block->memory + half);
        code = nv->cuMemcpyHtoDAsync(block->memory, staging, size, stream);
    }
    if (code == CUDA_SUCCESS)
        code = nv->cuStreamSynchronize(stream);
    free(staging);
    return code;
}
