/* One region of a decoded frame to RGB, in one orientation, without resampling. */
#ifndef CYCODEC_TO_RGB_H
#define CYCODEC_TO_RGB_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/kernel_choice.h"
#include "picture/target.h"

typedef struct ToRgb ToRgb;

ToRgb *to_rgb_alloc(void);
void to_rgb_free(ToRgb *to_rgb);

/* Convert the target's region to rows `stride` bytes apart. The target's stages are ignored. It may
 * only be planar if to_rgb_gives_planes says so. Return 0 or AVERROR. */
int to_rgb_run(ToRgb *to_rgb, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride);

/* True if to_rgb_run can write planes for this frame and target. */
int to_rgb_gives_planes(ToRgb *to_rgb, const AVFrame *frame, const ConvertTarget *target);

/* True if converting a few rows at a time costs no more than converting the whole region at
 * once. */
int to_rgb_is_by_rows(ToRgb *to_rgb, const AVFrame *frame, const ConvertTarget *target);

/* Return the kernel that was found last, or NO_KERNEL. */
Kernel to_rgb_kernel(const ToRgb *to_rgb);

#endif
