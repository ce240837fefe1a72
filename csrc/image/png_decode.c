/* Note [PNG without libpng]
 *
 * Most of the time of a PNG file goes into its zlib stream. libpng feeds it to zlib row by row.
 * libdeflate decompresses the whole stream in half the time or less, which libpng cannot use. What
 * remains of the format, chunks and row filters, is small. A region is decompressed by zlib up to
 * its last row.
 *
 * The checksum of the zlib stream covers the pixels, so the CRCs of their chunks are not compared.
 * Those of the chunks that tell what pixels mean are.
 */
#include "image/png_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/checksum.h"
#include "image/inflate.h"

enum {
    SIGNATURE = 8,
    CHUNK = 12,          /* bytes of a chunk besides its content */
    MAX_PIXEL = 8,       /* bytes */
    MAX_RATIO = 1032,    /* deflate makes at most this many bytes of one */
    MAX_FRAMES = 1 << 20 /* a file with more frames only costs memory */
};

static uint32_t number_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int short_at(const uint8_t *at) {
    return at[0] << 8 | at[1];
}

typedef struct {
    const uint8_t *type, *content;
    size_t size, next; /* of the content; the place of the chunk behind it */
} Chunk;

static int complain(PngImage *png, int code, const char *text) {
    snprintf(png->message, sizeof(png->message), "%s", text);
    return code;
}

static int is_type(const Chunk *chunk, const char *type) {
    return memcmp(chunk->type, type, 4) == 0;
}

/* Return 1, or 0 if there is no further whole chunk. Of one that is cut off behind its type, size
 * and type are set. */
static int chunk_at(const PngImage *png, size_t place, Chunk *chunk) {
    if (place > png->size || png->size - place < 8)
        return 0;
    chunk->size = number_at(png->data + place);
    chunk->type = png->data + place + 4;
    chunk->content = png->data + place + 8;
    if (png->size - place < CHUNK || chunk->size > png->size - place - CHUNK)
        return 0;
    chunk->next = place + CHUNK + chunk->size;
    return 1;
}

static int has_good_crc(const Chunk *chunk) {
    return chunk_crc(0, chunk->type, chunk->size + 4) == number_at(chunk->content + chunk->size);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static int read_header(PngImage *png, const Chunk *chunk) {
    static const uint8_t depths[7] = {1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
    const uint8_t *at = chunk->content;
    if (!is_type(chunk, "IHDR") || chunk->size != 13)
        return complain(png, IMAGE_DAMAGED, "the header (IHDR) is missing");
    if (!has_good_crc(chunk))
        return complain(png, IMAGE_DAMAGED, "the CRC of the header (IHDR) is wrong");
    uint32_t width = number_at(at), height = number_at(at + 4);
    int bits = at[8], type = at[9];
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return complain(png, IMAGE_DAMAGED, "the header has an impossible size");
    if (type > 6 || (bits & (bits - 1)) || !(depths[type] & bits) || bits == 0 || at[10] || at[11] || at[12] > 1)
        return complain(png, IMAGE_DAMAGED, "the header has an impossible colour type, depth or method");
    png->width = (int)width;
    png->height = (int)height;
    png->samples.colour_type = type;
    png->samples.bits = bits;
    png->is_interlaced = at[12];
    for (int i = 0; i < 256; i++)
        png->samples.palette[i][3] = 255;
    return 0;
}

static int read_palette(PngImage *png, const Chunk *chunk) {
    if (chunk->size % 3 || chunk->size > 3 * 256 || !has_good_crc(chunk))
        return complain(png, IMAGE_DAMAGED, "the palette (PLTE) is damaged");
    for (size_t i = 0; i < chunk->size / 3; i++)
        memcpy(png->samples.palette[i], chunk->content + 3 * i, 3);
    return 0;
}

static int read_transparency(PngImage *png, const Chunk *chunk) {
    PngSamples *samples = &png->samples;
    if (!has_good_crc(chunk))
        return complain(png, IMAGE_DAMAGED, "the CRC of the transparency (tRNS) is wrong");
    if (samples->colour_type == PNG_PALETTE) {
        for (size_t i = 0; i < chunk->size && i < 256; i++)
            samples->palette[i][3] = chunk->content[i];
        samples->is_clear = chunk->size > 0;
    } else if ((samples->colour_type == PNG_GRAY && chunk->size >= 2) ||
               (samples->colour_type == PNG_RGB && chunk->size >= 6)) {
        samples->has_key = 1;
        for (int c = 0; c < (samples->colour_type == PNG_RGB ? 3 : 1); c++)
            samples->key[c] = (uint16_t)(short_at(chunk->content + 2 * c) & ((1 << samples->bits) - 1));
    }
    return 0;
}

static int read_frame(PngImage *png, const Chunk *chunk) {
    const uint8_t *at = chunk->content;
    if (chunk->size != 26 || !has_good_crc(chunk))
        return complain(png, IMAGE_DAMAGED, "a frame header (fcTL) is damaged");
    if ((png->num_frames & (png->num_frames - 1)) == 0) {
        size_t room = png->num_frames ? 2 * (size_t)png->num_frames : 1;
        PngFrame *frames = room > MAX_FRAMES ? NULL : realloc(png->frames, room * sizeof(*frames));
        if (!frames)
            return IMAGE_NO_MEMORY;
        png->frames = frames;
    }
    uint32_t width = number_at(at + 4), height = number_at(at + 8), x = number_at(at + 12), y = number_at(at + 16);
    if (width == 0 || height == 0 || width > (uint32_t)png->width || height > (uint32_t)png->height ||
        x > png->width - width || y > png->height - height)
        return complain(png, IMAGE_DAMAGED, "a frame lies outside of the canvas");
    int units = short_at(at + 22);
    png->frames[png->num_frames++] = (PngFrame){
        (int)x, (int)y, (int)width, (int)height, short_at(at + 20), units ? units : 100, at[24], at[25], chunk->next};
    return 0;
}

/* Read what stands behind the first IDAT chunk: the frames of an APNG of a stated number. */
static int read_frames(PngImage *png, uint32_t stated) {
    Chunk chunk;
    int is_ended = 0;
    for (size_t place = png->first_data; chunk_at(png, place, &chunk); place = chunk.next) {
        int code = is_type(&chunk, "fcTL") ? read_frame(png, &chunk) : 0;
        if (code)
            return code;
        if (is_type(&chunk, "IEND")) {
            is_ended = 1;
            break;
        }
    }
    if (png->num_frames < (int64_t)stated)
        return complain(png, is_ended ? IMAGE_DAMAGED : IMAGE_TRUNCATED, "it has fewer frames than it states");
    return 0;
}

int png_open(PngImage *png, const uint8_t *data, size_t size, int wants_frames) {
    static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    Chunk chunk;
    int code, is_animated = 0, has_palette = 0;
    uint32_t stated_frames = 0;
    memset(png, 0, sizeof(*png));
    png->data = data;
    png->size = size;
    png->plays = 1;
    if (!inflate_is_available())
        return IMAGE_NO_LIBRARY;
    if (size < SIGNATURE || memcmp(data, signature, SIGNATURE) != 0)
        return complain(png, IMAGE_DAMAGED, "the signature is missing");
    if (!chunk_at(png, SIGNATURE, &chunk))
        return complain(png, IMAGE_TRUNCATED, "the data end in the header");
    if ((code = read_header(png, &chunk)) < 0)
        return code;
    size_t place = chunk.next;
    for (; chunk_at(png, place, &chunk) && !is_type(&chunk, "IDAT") && !is_type(&chunk, "IEND"); place = chunk.next) {
        if (is_type(&chunk, "PLTE")) {
            code = read_palette(png, &chunk);
            has_palette = 1;
        } else if (is_type(&chunk, "tRNS")) {
            code = read_transparency(png, &chunk);
        } else if (is_type(&chunk, "fcTL") && is_animated && wants_frames) {
            code = read_frame(png, &chunk);
        } else if (is_type(&chunk, "acTL") && chunk.size == 8) {
            is_animated = 1;
            stated_frames = number_at(chunk.content);
            png->plays = (int)number_at(chunk.content + 4);
        } else if (is_type(&chunk, "eXIf")) {
            png->exif = chunk.content;
            png->exif_size = chunk.size;
            png->orientation = exif_orientation(chunk.content, chunk.size);
        }
        if (code < 0)
            return code;
    }
    if (png->samples.colour_type == PNG_PALETTE && !has_palette)
        return complain(png, IMAGE_DAMAGED, "the palette (PLTE) is missing");
    png->first_data = place;
    return is_animated && wants_frames ? read_frames(png, stated_frames) : 0;
}

void png_close(PngImage *png) {
    free(png->frames);
    png->frames = NULL;
}

/* ---- pixels ---------------------------------------------------------------------------------- */

/* The compressed pieces of a picture. */
typedef struct {
    Piece *pieces;
    int count;
    size_t size;
    int is_cut; /* true if the file ends inside a chunk */
} Pieces;

/* Find the chunks of a picture, from a place on. A chunk that the file cuts off counts as far as it
 * goes. Return 0 or a code. */
static int find_pieces(const PngImage *png, size_t place, int is_frame, Pieces *found) {
    const char *type = is_frame ? "fdAT" : "IDAT";
    Chunk chunk;
    for (; place < png->size; place = chunk.next) {
        int is_whole = chunk_at(png, place, &chunk);
        if (!is_whole && png->size - place < 8)
            break;
        if (!is_type(&chunk, type)) {
            if (found->count || !is_whole || is_type(&chunk, "IEND") || is_type(&chunk, "fcTL"))
                break;
            continue;
        }
        size_t left = png->size - place - 8, skipped = is_frame ? 4 : 0;
        size_t size = is_whole ? chunk.size : left < chunk.size ? left : chunk.size;
        if ((found->count & (found->count - 1)) == 0) {
            Piece *pieces = realloc(found->pieces, (found->count ? 2 * (size_t)found->count : 1) * sizeof(*pieces));
            if (!pieces)
                return IMAGE_NO_MEMORY;
            found->pieces = pieces;
        }
        size = size < skipped ? 0 : size - skipped;
        found->pieces[found->count++] = (Piece){chunk.content + skipped, size};
        found->size += size;
        if (!is_whole)
            break;
    }
    return 0;
}

/* The seven passes of an interlaced picture: first column and row, and the steps between them. */
static const struct {
    uint8_t x, y, right, down;
} passes[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

static int pass_edge(int edge, int first, int step) {
    return edge > first ? (edge - first + step - 1) / step : 0;
}

/* A picture whose rows are unfiltered one after the other. */
typedef struct {
    const PngSamples *samples;
    int width, height, step; /* bytes of a pixel, at least 1 */
    PixelFormat format;      /* of expanded rows */
    uint8_t *raw;            /* filter bytes and rows */
    uint8_t *line;           /* an expanded row, and room for another */
} Picture;

static int bad_filter(PngImage *png) {
    return complain(png, IMAGE_DAMAGED, "a row has an unknown filter");
}

static int write_rows(PngImage *png, const Picture *picture, Rect region, PixelRows out) {
    size_t row_bytes = png_row_bytes(picture->samples, picture->width);
    int is_plain = png_is_plain(picture->samples);
    uint8_t *above = NULL, *row = picture->raw;
    ptrdiff_t left = (ptrdiff_t)region.x0 * pixel_bytes(picture->format);
    for (int y = 0; y < region.y1; y++, above = row + 1, row += row_bytes + 1) {
        if (!png_unfilter(row[0], row + 1, above, row_bytes, picture->step))
            return bad_filter(png);
        if (y < region.y0)
            continue;
        if (!is_plain)
            png_expand(picture->line, row + 1, picture->samples, picture->width);
        pixels_convert(out.data + (y - region.y0) * out.stride, out.format, (is_plain ? row + 1 : picture->line) + left,
                       picture->format, region.x1 - region.x0);
    }
    return 0;
}

static int write_passes(PngImage *png, const Picture *picture, Rect region, PixelRows out) {
    int to_size = pixel_bytes(out.format);
    uint8_t *row = picture->raw, *pixels = picture->line + (size_t)picture->width * MAX_PIXEL;
    for (int p = 0; p < 7; p++) {
        int width = pass_edge(picture->width, passes[p].x, passes[p].right);
        int height = pass_edge(picture->height, passes[p].y, passes[p].down);
        size_t row_bytes = png_row_bytes(picture->samples, width);
        uint8_t *above = NULL;
        if (width == 0)
            continue;
        for (int i = 0; i < height; i++, above = row + 1, row += row_bytes + 1) {
            int y = passes[p].y + i * passes[p].down - region.y0;
            if (!png_unfilter(row[0], row + 1, above, row_bytes, picture->step))
                return bad_filter(png);
            if (y < 0 || y >= region.y1 - region.y0)
                continue;
            if (png_is_plain(picture->samples))
                memcpy(picture->line, row + 1, row_bytes);
            else
                png_expand(picture->line, row + 1, picture->samples, width);
            pixels_convert(pixels, out.format, picture->line, picture->format, width);
            for (int k = 0; k < width; k++) {
                int x = passes[p].x + k * passes[p].right - region.x0;
                if (x >= 0 && x < region.x1 - region.x0)
                    memcpy(out.data + y * out.stride + (ptrdiff_t)x * to_size, pixels + (ptrdiff_t)k * to_size,
                           to_size);
            }
        }
    }
    return 0;
}

static size_t raw_bytes(const PngImage *png, const Picture *picture, int rows) {
    if (!png->is_interlaced)
        return (png_row_bytes(picture->samples, picture->width) + 1) * rows;
    size_t total = 0;
    for (int p = 0; p < 7; p++) {
        int width = pass_edge(picture->width, passes[p].x, passes[p].right);
        if (width)
            total +=
                (png_row_bytes(picture->samples, width) + 1) * pass_edge(picture->height, passes[p].y, passes[p].down);
    }
    return total;
}

static int decode(PngImage *png, Picture *picture, const Pieces *found, Rect region, PixelRows out) {
    size_t total = raw_bytes(png, picture, picture->height);
    size_t wanted = png->is_interlaced ? total : raw_bytes(png, picture, region.y1);
    if (found->size < wanted / MAX_RATIO)
        return complain(png, IMAGE_TRUNCATED, "there are too few data for its size");
    picture->raw = malloc(wanted + PNG_SPARE);
    picture->line = malloc((size_t)picture->width * 2 * MAX_PIXEL);
    if (!picture->raw || !picture->line)
        return IMAGE_NO_MEMORY;
    int code = inflate_pieces(found->pieces, found->count, picture->raw, wanted, total);
    if (code < 0)
        return complain(png, code, code == IMAGE_TRUNCATED ? "the data end too early" : "the pixel data are damaged");
    return (png->is_interlaced ? write_passes : write_rows)(png, picture, region, out);
}

int png_read(PngImage *png, const PngFrame *frame, Rect region, PixelRows out) {
    Picture picture = {.samples = &png->samples, .width = png->width, .height = png->height};
    Pieces found = {0};
    if (frame) {
        picture.width = frame->width;
        picture.height = frame->height;
    }
    picture.format = png_expanded_format(&png->samples);
    picture.step = (int)png_row_bytes(&png->samples, 1);
    /* the first frame of an APNG may be the picture that other decoders show */
    int is_own = frame && frame->place > png->first_data;
    int code = find_pieces(png, is_own ? frame->place : png->first_data, is_own, &found);
    if (code == 0)
        code = found.count ? decode(png, &picture, &found, region, out)
                           : complain(png, IMAGE_TRUNCATED, "the pixel data (IDAT) are missing");
    free(picture.raw);
    free(picture.line);
    free(found.pieces);
    return code;
}
