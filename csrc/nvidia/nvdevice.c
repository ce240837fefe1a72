#include "nvidia/nvdevice.h"

enum { BLOCK_X = 32, BLOCK_Y = 8 };

int nvdevice_enter(const NvDevice *device, char error[NV_ERROR_BYTES]) {
    CUresult code = nv->cuCtxPushCurrent(device->context);
    if (code != CUDA_SUCCESS)
        nv->describe(error, "cannot use the CUDA context", code);
    return code == CUDA_SUCCESS ? 0 : -1;
}

int nvdevice_leave(CUresult code, const char *what, char error[NV_ERROR_BYTES]) {
    CUcontext popped;
    nv->cuCtxPopCurrent(&popped);
    if (code != CUDA_SUCCESS)
        nv->describe(error, what, code);
    return code == CUDA_SUCCESS ? 0 : -1;
}

CUresult nvdevice_grow(NvBlock *block, size_t size, CUstream stream) {
    CUresult code = CUDA_SUCCESS;
    if (block->size >= size)
        return code;
    if (block->memory) {
        nv->cuStreamSynchronize(stream); /* work that is queued may still use it */
        nvdevice_free(block);
    }
    code = nv->cuMemAlloc(&block->memory, size);
    block->size = code == CUDA_SUCCESS ? size : 0;
    return code;
}

void nvdevice_free(NvBlock *block) {
    if (block->memory)
        nv->cuMemFree(block->memory);
    *block = (NvBlock){0};
}

CUresult nvdevice_launch(CUfunction kernel, void *arguments, int width, int height, CUstream stream) {
    void *parameters[] = {arguments};
    unsigned columns = ((unsigned)width + BLOCK_X - 1) / BLOCK_X, rows = ((unsigned)height + BLOCK_Y - 1) / BLOCK_Y;
    return nv->cuLaunchKernel(kernel, columns, rows, 1, BLOCK_X, BLOCK_Y, 1, 0, stream, parameters, NULL);
}

int nvdevice_upload(const NvDevice *device, CUstream stream, const void *data, size_t size, uint64_t to,
                    char error[NV_ERROR_BYTES]) {
    if (nvdevice_enter(device, error) < 0)
        return -1;
    return nvdevice_leave(nv->cuMemcpyHtoDAsync((CUdeviceptr)to, data, size, stream), "cannot upload a picture", error);
}

int nvdevice_copy(const NvDevice *device, CUstream stream, uint64_t to, uint64_t from, size_t size,
                  char error[NV_ERROR_BYTES]) {
    if (nvdevice_enter(device, error) < 0)
        return -1;
    return nvdevice_leave(nv->cuMemcpyDtoDAsync((CUdeviceptr)to, (CUdeviceptr)from, size, stream),
                          "cannot copy a picture", error);
}

int nvdevice_clear(const NvDevice *device, CUstream stream, uint64_t to, size_t size, char error[NV_ERROR_BYTES]) {
    if (nvdevice_enter(device, error) < 0)
        return -1;
    return nvdevice_leave(nv->cuMemsetD8Async((CUdeviceptr)to, 0, size, stream), "cannot clear a picture", error);
}
