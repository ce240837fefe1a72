/* Our own way from YUV to RGB, where it is known to give swscale's bytes: Note [Own kernel] in convert_kernel.c. */
#ifndef CYCODEC_CONVERT_KERNEL_H
#define CYCODEC_CONVERT_KERNEL_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/axis.h"
#include "picture/rect.h"

typedef enum {
    KERNEL_PRODUCTS, /* 8 bits, by the arithmetics of yuv2rgb.h */
    KERNEL_TABLES,
    KERNEL_DEEP, /* more bits, with one chroma sample for two columns: yuv2rgb_deep.h */
    KERNEL_FULL, /* 4:4:4 */
    NO_KERNEL
} Kernel;

/* The last answer, and what KERNEL_DEEP keeps from picture to picture. All zeros at first. */
typedef struct {
    int known, format, space, range, ragged;
    Kernel kernel;
    Axis filter; /* of chroma, for ... */
    int height;
    uint8_t *chroma; /* two rows of 8 bits */
    size_t chroma_size;
} Kernels;

/* Converts a whole frame by swscale; 0 or AVERROR. */
typedef int KernelReference(void *context, const AVFrame *frame, uint8_t *rgb, int stride);

/* The kernel that gives swscale's bytes for frames like this one, which turned are `width` x `height`; or NO_KERNEL. */
Kernel kernels_find(Kernels *kernels, const AVFrame *like, int width, int height, KernelReference *reference,
                    void *context);
void kernels_free(Kernels *kernels);

/* Whether each pixel is made of the samples that cover it, so that no rows above and below are needed. */
int kernel_is_per_pixel(Kernel kernel);

/* Rows `y0` to `y1` of a frame that is cut from one of `height` rows, from its row `top` on, an even one. Rows of packed RGB,
 * or of planes `plane_stride` bytes apart (0: packed). 0 or AVERROR. */
int kernel_run(Kernels *kernels, Kernel kernel, const AVFrame *frame, int y0, int y1, int top, int height, uint8_t *rgb,
               ptrdiff_t stride, ptrdiff_t plane_stride);

#endif
