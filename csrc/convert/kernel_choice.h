/* Our own kernels from YUV to RGB, used where they give swscale's bytes: Note [Own kernel] in
 * kernel_choice.c. */
#ifndef CYCODEC_CONVERT_KERNEL_H
#define CYCODEC_CONVERT_KERNEL_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/chosen_kernels.h"
#include "convert/frame_rows.h"
#include "convert/scaler.h"
#include "convert/wide.h"
#include "kernels/axis.h"
#include "kernels/rgb_layout.h"
#include "picture/rect.h"
#include "picture/target.h"

typedef enum {
    KERNEL_PRODUCTS,      /* 8 bits, by one arithmetic of yuv2rgb.h */
    KERNEL_TABLES,        /* 8 bits, by the other; every second chroma row of 4:2:2 is skipped */
    KERNEL_TABLES_BY_ROW, /* the same with all chroma rows */
    KERNEL_DEEP,          /* more bits, with one chroma sample for two columns: yuv2rgb_deep.h */
    KERNEL_FULL,          /* 4:4:4 */
    KERNEL_WIDE,          /* chroma is filtered along rows, too: wide.h */
    /* floats, by the arithmetics of float_rows.h */
    KERNEL_FLOAT_TABLES,
    KERNEL_FLOAT_TABLES_BY_ROW,
    KERNEL_FLOAT_WRAPPED,
    KERNEL_FLOAT_BIASED,
    NO_KERNEL
} Kernel;

/* The last choice, and what kernels keep from picture to picture. All zeros at first. */
typedef struct {
    int known;
    Trial trial;
    Kernel kernel;
    Axis filter; /* of chroma, for pictures of `height` rows */
    int height;
    void *chroma; /* two rows of 8 bits, or three of 32 bits for floats */
    size_t chroma_size;
    FrameRows rows;
    Wide wide;
} Kernels;

/* Return the kernel that gives swscale's values of `type` for frames like this one, whose size
 * after orientation is width x height, or NO_KERNEL. `scalers` give swscale's values. With
 * `has_alpha`, these are the values of RGBA. */
Kernel kernels_find(Kernels *kernels, const AVFrame *like, int width, int height, ConvertType type, int has_alpha,
                    Scalers *scalers);
void kernels_free(Kernels *kernels);

/* True if each pixel only needs the samples that cover it, and no rows above or below. */
int kernel_is_per_pixel(Kernel kernel);

/* Convert rows y0 to y1 of a frame that shows the even row `top` and the following ones of a
 * picture of `height` rows. A layout with a fourth sample gets the frame's alpha. Return 0,
 * STRAY_BITS or AVERROR. */
int kernel_run(Kernels *kernels, Kernel kernel, const AVFrame *frame, int y0, int y1, int top, int height, uint8_t *rgb,
               ptrdiff_t stride, RgbLayout layout, ConvertType type);

#endif
