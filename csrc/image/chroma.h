/* Chroma planes of half the size, interpolated to the size of the luma. */
#ifndef CYCODEC_CHROMA_H
#define CYCODEC_CHROMA_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const uint8_t *data;
    ptrdiff_t stride;
    int rows;
} ChromaPlane;

/* Write a plane of width x height. `is_deep` is true for 16-bit samples, and `is_halved_down` if
 * the plane has half the rows, too. Between samples, the nearer one weighs three times as much. */
void chroma_upsample(uint8_t *out, ptrdiff_t stride, const ChromaPlane *plane, int width, int height, int is_deep,
                     int is_halved_down);

#endif
