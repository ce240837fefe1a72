/* A GPU as converting needs it, its memory, and what is queued on its streams. */
#ifndef CYCODEC_NVDEVICE_H
#define CYCODEC_NVDEVICE_H

#include "nvidia/nvshim.h"

/* NppStreamContext as NPP's headers have it, with the longer end of 13.2: NPP reads as much of it as it knows. */
typedef struct {
    CUstream stream;
    int device, multiprocessors, threads_per_multiprocessor, threads_per_block;
    size_t shared_memory;
    int capability_major, capability_minor;
    unsigned stream_flags;
    int reserved;
    void *workspace;
} NvNppContext;

typedef struct {
    int width, height;
} NvNppSize;

/* nppiNV12ToRGB_8u_ColorTwist32f_P2C3R_Ctx */
typedef int NvNppConvert(const uint8_t *const planes[2], int pitches[2], uint8_t *rgb, int row, NvNppSize size,
                         const float twist[3][4], NvNppContext context);

/* Its context, and the kernels of cycodec/cuda/kernels/convert.cu compiled for it. */
typedef struct {
    CUcontext context;
    CUfunction convert_picture, resize_picture, resample_rows;
    NvNppConvert *npp;  /* used instead of the kernel where it can be; NULL: never */
    int npp_adds_first; /* what nvconvert_try_npp has found */
    NvNppContext npp_context;
} NvDevice;

/* Make its context the current one of this thread, and the one before again, where `code` is how things went between.
 * 0 or -1 with `error`. */
int nvdevice_enter(const NvDevice *device, char error[NV_ERROR_BYTES]);
int nvdevice_leave(CUresult code, const char *what, char error[NV_ERROR_BYTES]);

/* Device memory that is kept from picture to picture. */
typedef struct {
    CUdeviceptr memory;
    size_t size;
} NvBlock;

/* These are called with the context current. At least `size` bytes, whose content is not kept when they are new ones. */
CUresult nvdevice_grow(NvBlock *block, size_t size, CUstream stream);
void nvdevice_free(NvBlock *block); /* waits for the device */

/* A kernel with one struct as its argument, a thread for each place. */
CUresult nvdevice_launch(CUfunction kernel, void *arguments, int width, int height, CUstream stream);

/* These enter and leave by themselves: from host memory, from device memory, and zeros. */
int nvdevice_upload(const NvDevice *device, CUstream stream, const void *data, size_t size, uint64_t to,
                    char error[NV_ERROR_BYTES]);
int nvdevice_copy(const NvDevice *device, CUstream stream, uint64_t to, uint64_t from, size_t size,
                  char error[NV_ERROR_BYTES]);
int nvdevice_clear(const NvDevice *device, CUstream stream, uint64_t to, size_t size, char error[NV_ERROR_BYTES]);

#endif
