/* The rows of PNG pictures: undoing filters, and expanding samples to whole bytes. */
#ifndef CYCODEC_PNG_ROWS_H
#define CYCODEC_PNG_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "image/pixels.h"

enum { PNG_GRAY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GRAY_ALPHA = 4, PNG_RGB_ALPHA = 6 };

/* What the samples of a picture mean. */
typedef struct {
    int colour_type, bits;
    uint8_t palette[256][4]; /* RGB and alpha */
    int has_key;             /* true if `key` names a transparent gray or colour */
    uint16_t key[3];
    int is_clear; /* true if a palette has transparent entries */
} PngSamples;

/* Bytes of a row of `width` pixels, without the byte of its filter. */
size_t png_row_bytes(const PngSamples *samples, int width);

enum { PNG_SPARE = 4 }; /* bytes behind rows that must be readable */

/* Undo the filter of a row of `size` bytes in place. `above` is the row above, or NULL for the
 * first. `step` is the number of bytes of a pixel, at least 1. Return 0 if there is no such filter.
 */
int png_unfilter(int filter, uint8_t *row, const uint8_t *above, size_t size, int step);

/* The format of expanded rows. Palettes give RGB, and transparency gives alpha. */
PixelFormat png_expanded_format(const PngSamples *samples);

/* True if rows need no expansion: they have the expanded format already. */
int png_is_plain(const PngSamples *samples);

void png_expand(uint8_t *out, const uint8_t *row, const PngSamples *samples, int width);

#endif
