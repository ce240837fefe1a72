/* From pictures in device memory to RGB in the caller's device memory: the counterpart of convert.h. */
#ifndef CYCODEC_NVCONVERT_H
#define CYCODEC_NVCONVERT_H

#include <libavutil/frame.h>

#include "convert.h"
#include "nvdec.h"

#include "arguments.h"

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

/* A device as converting needs it: its context, and the kernels of cycodec/cuda/kernels/convert.cu compiled for it. */
typedef struct {
    CUcontext context;
    CUfunction convert_picture, resize_picture, resample_axis;
    NvNppConvert *npp; /* used instead of the kernel where it can be; NULL: never */
    int npp_major;
    NvNppContext npp_context;
} NvDevice;

/* Scratch memory of one backend. */
typedef struct {
    CUdeviceptr rgb;
    size_t size;
    uint8_t *staging; /* on the host */
    CUdeviceptr upload;
    size_t upload_size;
} NvScratch;

void nvconvert_free(const NvDevice *device, NvScratch *scratch);

/* The colours of a picture: its luma and chroma, and what csrc/convert.c knows of them. */
typedef struct {
    int space; /* AVColorSpace */
    int full_range;
} NvColour;

/* The target's region of a decoded surface to `out`, device memory, rows of RGB or of one plane `row_stride` bytes apart.
 * 0 or -1 with `error`. */
int nvconvert_surface(const NvDevice *device, NvScratch *scratch, CUstream stream, const NvSurface *surface,
                      const NvLayout *layout, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                      int64_t row_stride, char error[NV_ERROR_BYTES]);

/* The same of a frame of AV_PIX_FMT_CUDA, whose samples have the depth and the chroma of `pixel_format`. Waits for what
 * libavcodec has queued, and until the frame may be freed. */
int nvconvert_device_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                           int pixel_format, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                           int64_t row_stride, char error[NV_ERROR_BYTES]);

/* Whether nvconvert_frame takes a pixel format. */
int nvconvert_knows(int pixel_format);

/* The same of a frame in host memory, which is uploaded before. */
int nvconvert_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                    const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                    char error[NV_ERROR_BYTES]);

/* Rows of RGB in host memory to device memory. */
int nvconvert_upload(const NvDevice *device, CUstream stream, const uint8_t *rgb, size_t size, uint64_t out,
                     char error[NV_ERROR_BYTES]);

int nvconvert_copy(const NvDevice *device, CUstream stream, uint64_t to, uint64_t from, size_t size,
                   char error[NV_ERROR_BYTES]);
/* One axis of what is in device memory already. */
int nvconvert_resample(const NvDevice *device, CUstream stream, const NvResample *resample, char error[NV_ERROR_BYTES]);

int nvconvert_clear(const NvDevice *device, CUstream stream, uint64_t to, size_t size, char error[NV_ERROR_BYTES]);

#endif
