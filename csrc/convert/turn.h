/* Copying pictures turned. */
#ifndef CYCODEC_TURN_H
#define CYCODEC_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "picture/orientation.h"
#include "picture/rect.h"

/* A rectangle of a plane of `size`-byte pixels to `out`. `rect` and `width` x `height` (the whole plane) are in coordinates of the
 * turned plane. */
void turn_plane(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int size, Rect rect,
                int width, int height, int orientation);

#endif
