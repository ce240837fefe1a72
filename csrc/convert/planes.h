/* Packed pixels to planes. */
#ifndef CYCODEC_PLANES_H
#define CYCODEC_PLANES_H

#include <stddef.h>
#include <stdint.h>

/* Write a packed picture as one plane for each of its 3 or 4 channels. Planes have `height` rows,
 * which are `out_stride` bytes apart. Rows of the packed picture are `in_stride` bytes apart, and
 * samples have 1, 2 or 4 bytes. */
void split_planes(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int width, int height,
                  int channels, int sample_size);

#endif
