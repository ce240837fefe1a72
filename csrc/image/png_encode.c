#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/checksum.h"
#include "image/deflate.h"
#include "image/image_encode.h"

enum { NONE, SUB, UP, AVERAGE, PAETH, FILTERS };

/* A file that grows. */
typedef struct {
    uint8_t *data;
    size_t size, room;
    int failed; /* true if there was no memory */
} Growing;

static void put(Growing *file, const void *data, size_t size) {
    if (file->failed)
        return;
    if (file->size + size > file->room) {
        size_t room = 2 * (file->size + size);
        uint8_t *larger = realloc(file->data, room);
        if (!larger) {
            file->failed = 1;
            return;
        }
        file->data = larger;
        file->room = room;
    }
    if (size)
        memcpy(file->data + file->size, data, size);
    file->size += size;
}

static void put_number(Growing *file, uint32_t value) {
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    put(file, bytes, 4);
}

static void put_chunk(Growing *file, const char *type, const uint8_t *data, size_t size) {
    put_number(file, (uint32_t)size);
    put(file, type, 4);
    put(file, data, size);
    put_number(file, chunk_crc(chunk_crc(0, (const uint8_t *)type, 4), data, size));
}

static uint8_t paeth(int left, int over, int corner) {
    int to_left = abs(over - corner), to_over = abs(left - corner), to_corner = abs(left + over - 2 * corner);
    if (to_left <= to_over && to_left <= to_corner)
        return (uint8_t)left;
    return (uint8_t)(to_over <= to_corner ? over : corner);
}

/* Filter a row. Return the sum of its values as signed bytes, the measure by which a filter is
 * chosen. */
static size_t filter_row(int filter, uint8_t *restrict out, const uint8_t *restrict row, const uint8_t *restrict above,
                         size_t size, size_t step) {
    size_t sum = 0;
    for (size_t i = 0; i < size && i < step; i++) {
        int over = above[i];
        out[i] = (uint8_t)(row[i] - (filter == UP || filter == PAETH ? over : filter == AVERAGE ? over / 2 : 0));
    }
    switch (filter) {
    case NONE: memcpy(out, row, size); break;
    case SUB:
        for (size_t i = step; i < size; i++)
            out[i] = (uint8_t)(row[i] - row[i - step]);
        break;
    case UP:
        for (size_t i = step; i < size; i++)
            out[i] = (uint8_t)(row[i] - above[i]);
        break;
    case AVERAGE:
        for (size_t i = step; i < size; i++)
            out[i] = (uint8_t)(row[i] - (row[i - step] + above[i]) / 2);
        break;
    case PAETH:
        for (size_t i = step; i < size; i++)
            out[i] = (uint8_t)(row[i] - paeth(row[i - step], above[i], above[i - step]));
        break;
    }
    for (size_t i = 0; i < size; i++)
        sum += out[i] < 128 ? out[i] : 256 - out[i];
    return sum;
}

/* Copy a row in the byte order of the file. */
static void load_row(uint8_t *out, const ImageToEncode *image, int y) {
    const uint8_t *row = image->pixels + y * image->stride;
    size_t samples = (size_t)image->width * image->channels;
    if (image->depth == 8) {
        memcpy(out, row, samples);
        return;
    }
    const uint16_t *words = (const uint16_t *)row;
    for (size_t i = 0; i < samples; i++) {
        out[2 * i] = (uint8_t)(words[i] >> 8);
        out[2 * i + 1] = (uint8_t)words[i];
    }
}

/* Return the filtered rows, each behind the byte of its filter, or NULL without memory. */
static uint8_t *filter_rows(const ImageToEncode *image, int level, size_t row_bytes) {
    size_t step = (size_t)image->channels * image->depth / 8;
    uint8_t *out = malloc((row_bytes + 1) * image->height), *rows = calloc(3, row_bytes);
    if (out && rows) {
        uint8_t *above = rows, *row = rows + row_bytes, *trial = rows + 2 * row_bytes, *to = out;
        for (int y = 0; y < image->height; y++, to += row_bytes + 1) {
            size_t least = SIZE_MAX;
            load_row(row, image, y);
            for (int filter = NONE; filter < (level ? FILTERS : SUB); filter++) {
                size_t sum = filter_row(filter, trial, row, above, row_bytes, step);
                if (sum >= least)
                    continue;
                least = sum;
                to[0] = (uint8_t)filter;
                memcpy(to + 1, trial, row_bytes);
            }
            uint8_t *before = above;
            above = row;
            row = before;
        }
    }
    free(rows);
    if (!rows) {
        free(out);
        out = NULL;
    }
    return out;
}

static void put_header(Growing *file, const ImageToEncode *image) {
    static const uint8_t types[5] = {0, 0, 4, 2, 6};
    uint8_t header[13] = {0};
    for (int i = 0; i < 4; i++) {
        header[i] = (uint8_t)((uint32_t)image->width >> (24 - 8 * i));
        header[4 + i] = (uint8_t)((uint32_t)image->height >> (24 - 8 * i));
    }
    header[8] = (uint8_t)image->depth;
    header[9] = types[image->channels];
    put(file, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(file, "IHDR", header, sizeof(header));
}

static void put_icc(Growing *file, const ImageToEncode *image) {
    static const char name[] = "ICC profile\0"; /* its last zero names the method of compression */
    Growing content = {0};
    size_t size;
    uint8_t *packed = deflate_bytes(image->icc, image->icc_size, 6, &size);
    put(&content, name, sizeof(name));
    put(&content, packed, size);
    file->failed |= !packed || content.failed;
    if (!file->failed)
        put_chunk(file, "iCCP", content.data, content.size);
    free(content.data);
    free(packed);
}

static void put_pixels(Growing *file, const uint8_t *data, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t part = size - at < INT_MAX ? size - at : INT_MAX; /* a chunk can hold no more */
        put_chunk(file, "IDAT", data + at, part);
        at += part;
    }
}

int png_encode(const ImageToEncode *image, int level, EncodedImage *out) {
#ifndef CYCODEC_WITH_ZLIB
    (void)image, (void)level, (void)out;
    return IMAGE_NO_LIBRARY;
#else
    Growing file = {0};
    size_t row_bytes = (size_t)image->width * image->channels * image->depth / 8, size = 0;
    uint8_t *rows = filter_rows(image, level, row_bytes);
    uint8_t *packed = rows ? deflate_bytes(rows, (row_bytes + 1) * image->height, level, &size) : NULL;
    free(rows);
    if (!packed)
        return IMAGE_NO_MEMORY;
    put_header(&file, image);
    if (image->icc_size)
        put_icc(&file, image);
    if (image->exif_size)
        put_chunk(&file, "eXIf", image->exif, image->exif_size);
    put_pixels(&file, packed, size);
    put_chunk(&file, "IEND", NULL, 0);
    free(packed);
    if (file.failed) {
        free(file.data);
        return IMAGE_NO_MEMORY;
    }
    out->data = file.data;
    out->size = file.size;
    return 0;
#endif
}
