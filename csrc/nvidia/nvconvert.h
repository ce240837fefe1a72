/* From pictures in device memory to RGB in the caller's device memory: the counterpart of convert.h. */
#ifndef CYCODEC_NVCONVERT_H
#define CYCODEC_NVCONVERT_H

#include <libavutil/frame.h>

#include "nvidia/nvaxis.h"
#include "nvidia/nvdevice.h"
#include "nvidia/nvlayout.h"
#include "nvidia/nvstages.h"
#include "picture/target.h"

#include "arguments.h"

/* The weights of chroma of 4:2:0 for pictures of a size; 0: none. */
typedef struct {
    int width, height;
    NvAxis rows, columns;
    NvBlock tables;
} NvChroma;

/* What one backend keeps from picture to picture. */
typedef struct {
    NvBlock rgb;      /* a picture of another size than the result's */
    NvBlock upload;   /* one that comes from the host, and ... */
    uint8_t *staging; /* ... there */
    NvStages stages;
    NvChroma chroma;
    CUevent used; /* behind what uses all this on ... */
    CUstream stream;
} NvScratch;

void nvconvert_free(const NvDevice *device, NvScratch *scratch);

/* The colours of a picture: its luma and chroma, and what csrc/convert.c knows of them. */
typedef struct {
    int space; /* AVColorSpace */
    int full_range;
} NvColour;

NvColour nvconvert_colour(const AVFrame *frame);

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

/* Have NPP convert what it can from now on: find out what it means by a twist. 0 or -1 with `error`. */
int nvconvert_try_npp(NvDevice *device, char error[NV_ERROR_BYTES]);

/* Whether nvconvert_frame takes a pixel format. */
int nvconvert_knows(int pixel_format);

/* The same of a frame in host memory, which is uploaded before. */
int nvconvert_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                    const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                    char error[NV_ERROR_BYTES]);

#endif
