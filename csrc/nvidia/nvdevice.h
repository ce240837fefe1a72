/* A GPU for conversions: its context, its memory, and work on its streams. */
#ifndef CYCODEC_NVDEVICE_H
#define CYCODEC_NVDEVICE_H

#include "nvidia/nvshim.h"

/* NppStreamContext of NPP's headers, with the additional fields of 13.2. NPP reads the fields that
 * it knows. */
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

/* A GPU's context, and the kernels of cycodec/cuda/kernels/convert.cu compiled for it. */
typedef struct {
    CUcontext context;
    CUfunction convert_picture, resize_picture, resample_rows;
    NvNppConvert *npp;  /* used instead of the kernel where possible; NULL means never */
    int npp_adds_first; /* result of nvconvert_try_npp */
    NvNppContext npp_context;
} NvDevice;

/* Make the device's context current in this thread, and restore the previous one. `code` is the
 * result of the work between the two. Return 0, or -1 with `error`. */
int nvdevice_enter(const NvDevice *device, char error[NV_ERROR_BYTES]);
int nvdevice_leave(CUresult code, const char *what, char error[NV_ERROR_BYTES]);

/* Device memory that is kept from picture to picture. */
typedef struct {
    CUdeviceptr memory;
    size_t size;
} NvBlock;

/* The context must be current for these. Grow a block to at least `size` bytes; new memory does not
 * keep the old content. */
CUresult nvdevice_grow(NvBlock *block, size_t size, CUstream stream);
void nvdevice_free(NvBlock *block); /* also waits for the device */

/* Launch a kernel that has one struct as its argument, with a thread for each pixel. */
CUresult nvdevice_launch(CUfunction kernel, void *arguments, int width, int height, CUstream stream);

/* Queue a copy from host memory, a copy from device memory, or zeros. These enter and leave the
 * context themselves. */
int nvdevice_upload(const NvDevice *device, CUstream stream, const void *data, size_t size, uint64_t to,
                    char error[NV_ERROR_BYTES]);
int nvdevice_copy(const NvDevice *device, CUstream stream, uint64_t to, uint64_t from, size_t size,
                  char error[NV_ERROR_BYTES]);
int nvdevice_clear(const NvDevice *device, CUstream stream, uint64_t to, size_t size, char error[NV_ERROR_BYTES]);

#endif
