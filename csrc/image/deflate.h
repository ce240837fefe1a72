/* Compression in the zlib format. */
#ifndef CYCODEC_DEFLATE_H
#define CYCODEC_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Compress with a level from 0 to 9. Return the memory, which the caller frees with free(), and set
 * its size; or return NULL without memory, or if the build found no library. */
uint8_t *deflate_bytes(const uint8_t *data, size_t size, int level, size_t *out_size);

#endif
