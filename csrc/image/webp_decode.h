/* WebP by libwebp. */
#ifndef CYCODEC_WEBP_DECODE_H
#define CYCODEC_WEBP_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "image/pixels.h"
#include "image/result.h"
#include "picture/rect.h"

typedef struct {
    const uint8_t *data; /* the content of a VP8 or VP8L chunk, or chunks from ALPH to VP8 */
    size_t size;
    int width, height; /* what the container says */
} WebpCoded;

/* Return 1 if this build has libwebp. */
int webp_is_available(void);

/* Decode a region of a picture. Return 0 or a code of result.h. */
int webp_read(const WebpCoded *coded, Rect region, PixelRows out);

#endif
