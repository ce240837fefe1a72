/* The zlib format by libdeflate, where the build found it, and by zlib. libdeflate takes half of
 * zlib's time, but needs the whole input and the room for the whole output. */
#ifndef CYCODEC_INFLATE_H
#define CYCODEC_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "image/result.h"

/* A piece of the compressed data. */
typedef struct {
    const uint8_t *data;
    size_t size;
} Piece;

/* Decompress the first `wanted` of `total` bytes. Return 0 or a code of result.h. */
int inflate_pieces(const Piece *pieces, int count, uint8_t *out, size_t wanted, size_t total);

/* Return 1 if this build can decompress. */
int inflate_is_available(void);

#endif
