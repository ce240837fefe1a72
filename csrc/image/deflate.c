#include "image/deflate.h"

#include <stdlib.h>

#ifdef CYCODEC_WITH_LIBDEFLATE
#include <libdeflate.h>
#elif defined(CYCODEC_WITH_ZLIB)
#include <zlib.h>
#endif

uint8_t *deflate_bytes(const uint8_t *data, size_t size, int level, size_t *out_size) {
    uint8_t *out = NULL;
    *out_size = 0;
#ifdef CYCODEC_WITH_LIBDEFLATE
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);
    if (!compressor)
        return NULL;
    size_t room = libdeflate_zlib_compress_bound(compressor, size);
    out = malloc(room);
    *out_size = out ? libdeflate_zlib_compress(compressor, data, size, out, room) : 0;
    libdeflate_free_compressor(compressor);
#elif defined(CYCODEC_WITH_ZLIB)
    uLongf room = compressBound((uLong)size);
    out = malloc(room);
    if (out && compress2(out, &room, data, (uLong)size, level) == Z_OK)
        *out_size = room;
#else
    (void)data, (void)size, (void)level;
#endif
    if (*out_size == 0) {
        free(out);
        return NULL;
    }
    return out;
}
