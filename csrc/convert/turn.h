/* Copies of planes, turned to an orientation. */
#ifndef CYCODEC_TURN_H
#define CYCODEC_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "picture/orientation.h"
#include "picture/rect.h"

/* Copy a rectangle of a plane to `out`. Pixels have `size` bytes. `rect` and the size of the whole
 * plane, width x height, are in coordinates of the turned plane. */
void turn_plane(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int size, Rect rect,
                int width, int height, int orientation);

#endif
