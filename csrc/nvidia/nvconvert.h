/* From pictures in device memory to RGB in the caller's device memory: the counterpart of
 * convert/convert.h. */
#ifndef CYCODEC_NVCONVERT_H
#define CYCODEC_NVCONVERT_H

#include <libavutil/frame.h>

#include "nvidia/nvaxis.h"
#include "nvidia/nvdevice.h"
#include "nvidia/nvlayout.h"
#include "nvidia/nvstages.h"
#include "picture/target.h"

#include "arguments.h"

/* The weights of chroma of 4:2:0 for pictures of a size, or nothing if the size is 0. */
typedef struct {
    int width, height;
    NvAxis rows, columns;
    NvBlock tables;
} NvChroma;

/* What one backend keeps from picture to picture. */
typedef struct {
    NvBlock rgb;      /* a picture of another size than the result's */
    NvBlock upload;   /* a picture that comes from the host */
    uint8_t *staging; /* the same picture in host memory */
    NvStages stages;
    NvChroma chroma;
    CUevent used;    /* recorded behind the last work that uses this memory */
    CUstream stream; /* the stream of that work */
} NvScratch;

void nvconvert_free(const NvDevice *device, NvScratch *scratch);

/* The colour properties of a picture. */
typedef struct {
    int space; /* AVColorSpace */
    int full_range;
} NvColour;

NvColour nvconvert_colour(const AVFrame *frame);

/* Convert the target's region of a decoded surface to device memory. Rows of RGB, or of one plane,
 * are `row_stride` bytes apart. Return 0, or -1 with `error`. */
int nvconvert_surface(const NvDevice *device, NvScratch *scratch, CUstream stream, const NvSurface *surface,
                      const NvLayout *layout, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                      int64_t row_stride, char error[NV_ERROR_BYTES]);

/* Convert a frame of AV_PIX_FMT_CUDA, whose samples have the depth and the chroma of
 * `pixel_format`. Wait for libavcodec's queued work before, and behind until the frame may be
 * freed. */
int nvconvert_device_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                           int pixel_format, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                           int64_t row_stride, char error[NV_ERROR_BYTES]);

/* Let NPP convert what it can from now on: Note [What a twist is] in nvconvert.c. Return 0, or -1
 * with `error`. */
int nvconvert_try_npp(NvDevice *device, char error[NV_ERROR_BYTES]);

/* True if nvconvert_frame converts a pixel format. */
int nvconvert_knows(int pixel_format);

/* Upload a frame from host memory and convert it. */
int nvconvert_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                    const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                    char error[NV_ERROR_BYTES]);

#endif
