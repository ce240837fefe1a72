/* One region of a decoded frame to pixels of one layout, in one orientation, without resampling. */
#ifndef CYCODEC_TO_PIXELS_H
#define CYCODEC_TO_PIXELS_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/kernel_choice.h"
#include "picture/target.h"

typedef struct ToPixels ToPixels;

ToPixels *to_pixels_alloc(void);
void to_pixels_free(ToPixels *to_pixels);

/* Convert the target's region to rows `stride` bytes apart. The target's stages are ignored. It may
 * only be planar if to_pixels_gives_planes says so. Return 0, AVERROR, or STRAY_BITS if swscale
 * must convert the picture. */
int to_pixels_run(ToPixels *to_pixels, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
                  ptrdiff_t stride);

/* Choose whether swscale converts everything, without kernels and tables. */
void to_pixels_use_swscale(ToPixels *to_pixels, int is_by_swscale);

/* True if to_pixels_run can write planes for this frame and target. */
int to_pixels_gives_planes(ToPixels *to_pixels, const AVFrame *frame, const ConvertTarget *target);

/* True if converting a few rows at a time costs no more than converting the whole region at
 * once. */
int to_pixels_is_by_rows(ToPixels *to_pixels, const AVFrame *frame, const ConvertTarget *target);

/* Return the kernel that was found last, or NO_KERNEL. */
Kernel to_pixels_kernel(const ToPixels *to_pixels);

#endif
