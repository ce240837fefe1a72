#include "image/inflate.h"

#ifndef CYCODEC_WITH_ZLIB

int inflate_is_available(void) {
    return 0;
}
int inflate_pieces(const Piece *pieces, int count, uint8_t *out, size_t wanted, size_t total) {
    (void)pieces, (void)count, (void)out, (void)wanted, (void)total;
    return IMAGE_NO_LIBRARY;
}

#else

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#ifdef CYCODEC_WITH_LIBDEFLATE
#include <libdeflate.h>
#endif

enum { MAX_SURPLUS = 1 << 16 }; /* bytes behind the picture that are read for the checksum */

int inflate_is_available(void) {
    return 1;
}

static uInt clamp(size_t size) {
    return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

/* Decompress `wanted` bytes. With `checks`, read on to the checksum at the end of the stream. */
static int inflate_by_zlib(const Piece *pieces, int count, uint8_t *out, size_t wanted, int checks) {
    z_stream stream = {0};
    uint8_t rest[64];
    size_t made = 0, surplus = 0;
    int code = Z_OK;
    if (inflateInit(&stream) != Z_OK)
        return IMAGE_NO_MEMORY;
    for (int i = 0; i < count; i++) {
        const uint8_t *data = pieces[i].data;
        size_t left = pieces[i].size;
        while (left && code == Z_OK && (made < wanted || (checks && surplus < MAX_SURPLUS))) {
            int is_over = made >= wanted;
            stream.next_in = (Bytef *)data;
            stream.avail_in = clamp(left);
            stream.next_out = is_over ? rest : out + made;
            stream.avail_out = is_over ? sizeof(rest) : clamp(wanted - made);
            uInt in = stream.avail_in, room = stream.avail_out;
            code = inflate(&stream, Z_NO_FLUSH);
            data += in - stream.avail_in;
            left -= in - stream.avail_in;
            *(is_over ? &surplus : &made) += room - stream.avail_out;
        }
    }
    inflateEnd(&stream);
    if (code == Z_MEM_ERROR)
        return IMAGE_NO_MEMORY;
    if (code == Z_DATA_ERROR || code == Z_NEED_DICT)
        return IMAGE_DAMAGED;
    return made < wanted ? IMAGE_TRUNCATED : 0;
}

#ifdef CYCODEC_WITH_LIBDEFLATE

/* Return 0, IMAGE_NO_MEMORY, or IMAGE_DAMAGED if zlib should tell what is wrong. */
static int inflate_by_libdeflate(const Piece *pieces, int count, uint8_t *out, size_t total) {
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    uint8_t *joined = NULL;
    const uint8_t *data = pieces[0].data;
    size_t size = pieces[0].size, made = 0;
    if (!decompressor)
        return IMAGE_NO_MEMORY;
    if (count > 1) {
        size = 0;
        for (int i = 0; i < count; i++)
            size += pieces[i].size;
        data = joined = malloc(size ? size : 1);
        if (!joined) {
            libdeflate_free_decompressor(decompressor);
            return IMAGE_NO_MEMORY;
        }
        for (size_t i = 0, at = 0; i < (size_t)count; at += pieces[i++].size)
            memcpy(joined + at, pieces[i].data, pieces[i].size);
    }
    enum libdeflate_result result = libdeflate_zlib_decompress(decompressor, data, size, out, total, &made);
    libdeflate_free_decompressor(decompressor);
    free(joined);
    return result == LIBDEFLATE_SUCCESS && made == total ? 0 : IMAGE_DAMAGED;
}

#endif

int inflate_pieces(const Piece *pieces, int count, uint8_t *out, size_t wanted, size_t total) {
    if (count == 0)
        return IMAGE_TRUNCATED;
#ifdef CYCODEC_WITH_LIBDEFLATE
    if (wanted == total) {
        int code = inflate_by_libdeflate(pieces, count, out, total);
        if (code == 0 || code == IMAGE_NO_MEMORY)
            return code;
    }
#endif
    return inflate_by_zlib(pieces, count, out, wanted, wanted == total);
}

#endif
