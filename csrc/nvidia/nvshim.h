/* The functions of NVIDIA's driver, as a table of pointers that is filled where the driver is
 * installed.
 *
 * Note [No CUDA at build time]: no NVIDIA library is linked. The types come from the vendored
 * headers of nv-codec-headers. libnvcuvid is opened by name. cuda-python (cycodec/cuda/driver.py)
 * has opened libcuda already and gives its addresses. So one build serves machines with and without
 * a GPU.
 */
#ifndef CYCODEC_NVSHIM_H
#define CYCODEC_NVSHIM_H

#include <stddef.h>
#include <stdint.h>

#include "third_party/nvcodec/dynlink_cuda.h"
#include "third_party/nvcodec/dynlink_cuviddec.h"
#include "third_party/nvcodec/dynlink_nvcuvid.h"

/* name, type */
#define NVSHIM_DRIVER_FUNCTIONS(X)                                                                                     \
    X(cuCtxPushCurrent, tcuCtxPushCurrent_v2)                                                                          \
    X(cuCtxPopCurrent, tcuCtxPopCurrent_v2)                                                                            \
    X(cuMemAlloc, tcuMemAlloc_v2)                                                                                      \
    X(cuMemFree, tcuMemFree_v2)                                                                                        \
    X(cuMemcpyDtoDAsync, tcuMemcpyDtoDAsync_v2)                                                                        \
    X(cuMemcpyDtoH, tcuMemcpyDtoH_v2)                                                                                  \
    X(cuMemcpyHtoDAsync, tcuMemcpyHtoDAsync_v2)                                                                        \
    X(cuMemsetD8Async, tcuMemsetD8Async)                                                                               \
    X(cuStreamSynchronize, tcuStreamSynchronize)                                                                       \
    X(cuStreamWaitEvent, tcuStreamWaitEvent)                                                                           \
    X(cuEventCreate, tcuEventCreate)                                                                                   \
    X(cuEventDestroy, tcuEventDestroy_v2)                                                                              \
    X(cuEventRecord, tcuEventRecord)                                                                                   \
    X(cuEventSynchronize, tcuEventSynchronize)                                                                         \
    X(cuLaunchKernel, tcuLaunchKernel)                                                                                 \
    X(cuGetErrorName, tcuGetErrorName)

#define NVSHIM_CUVID_FUNCTIONS(X)                                                                                      \
    X(cuvidGetDecoderCaps)                                                                                             \
    X(cuvidCreateVideoParser)                                                                                          \
    X(cuvidParseVideoData)                                                                                             \
    X(cuvidDestroyVideoParser)                                                                                         \
    X(cuvidCreateDecoder)                                                                                              \
    X(cuvidDestroyDecoder)                                                                                             \
    X(cuvidReconfigureDecoder)                                                                                         \
    X(cuvidDecodePicture)                                                                                              \
    X(cuvidGetDecodeStatus)                                                                                            \
    X(cuvidMapVideoFrame64)                                                                                            \
    X(cuvidUnmapVideoFrame64)

/* Not every version of nv-codec-headers declares it. */
typedef CUresult CUDAAPI tcuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags);
#define NV_OUT_OF_MEMORY ((CUresult)2)   /* CUDA_ERROR_OUT_OF_MEMORY */
#define NV_NOT_SUPPORTED ((CUresult)801) /* CUDA_ERROR_NOT_SUPPORTED */
enum { NV_EVENT_DISABLE_TIMING = 2 };    /* CU_EVENT_DISABLE_TIMING */

enum { NV_ERROR_BYTES = 256 };

typedef struct {
#define X(name, type) type *name;
    NVSHIM_DRIVER_FUNCTIONS(X)
#undef X
#define X(name) t##name *name;
    NVSHIM_CUVID_FUNCTIONS(X)
#undef X
    /* Write "what: CUDA_ERROR_NAME (number)". */
    void (*describe)(char error[NV_ERROR_BYTES], const char *what, CUresult code);
} NvFunctions;

/* The one table of the process belongs to core/gpu/device, which links nvshim.c. core/gpu/nvdec
 * links nvdec.c, which has a pointer of its own, and sets that to the same table when it is
 * imported. */
extern NvFunctions *nv;

/* Open libnvcuvid. Return 0, or -1 with the reason in `error`. */
int nvshim_open_cuvid(char error[NV_ERROR_BYTES]);

/* Return the name of libcuda's function `number`, or NULL behind the last one, and take its
 * address. */
const char *nvshim_driver_name(int number);
void nvshim_set_driver_function(int number, size_t address);

#endif
