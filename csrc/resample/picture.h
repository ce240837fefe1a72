/* Resampling of whole pictures in memory, of one to four channels. */
#ifndef CYCODEC_RESAMPLE_PICTURE_H
#define CYCODEC_RESAMPLE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "picture/rect.h"

typedef struct {
    int width, height, channels;
    int depth; /* bits of a sample: 8 or 16 */
    const uint8_t *data;
    ptrdiff_t stride; /* bytes between rows */
} PackedPicture;

/* Resample to width x height, of which `region` is written to rows that are `stride` bytes apart.
 * 8-bit samples have the bytes of torch's kernel; 16-bit samples are rounded from float32. Return
 * 0, or -1 without memory. */
int resample_picture(const PackedPicture *in, int width, int height, Rect region, uint8_t *out, ptrdiff_t stride);

#endif
