/* Note [Pixels by a table]
 *
 * A palette, or luma alone, gives a pixel by a code of at most 12 bits. So swscale converts a small
 * frame that holds each code at four places, for each format, palette, range and type. The results
 * become a table, if all places of a code have the same result. Packed RGB of 16 bits has no table:
 * swscale needs longer for all its codes than for a frame.
 */
#include "convert/pixel_table.h"

#include <libavutil/common.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "convert/frame_rows.h"
#include "kernels/float_rows.h"
#include "kernels/unpack_rows.h"
#include "picture/colour.h"
#include "picture/planar.h"

#define PLACES 4
#define TRIAL_WIDTH 64
#define MOST_BITS 12

void pixel_table_free(PixelTable *table) {
    av_freep(&table->values);
}

/* Return the bits of the code that is a pixel, or 0. Alpha beside luma is no part of RGB. */
static int code_bits(const AVPixFmtDescriptor *desc, ConvertLayout layout) {
    if (desc->flags & AV_PIX_FMT_FLAG_PAL)
        return 8;
    if (is_plain_gray(desc) && desc->comp[0].depth >= 8)
        return desc->comp[0].depth <= MOST_BITS ? desc->comp[0].depth : 0;
    return desc->nb_components == 2 && desc->comp[0].depth == 8 && desc->comp[0].step == 2 && layout != LAYOUT_RGBA ? 8
                                                                                                                    : 0;
}

static int is_same_palette(const PixelTable *table, const AVFrame *frame, const AVPixFmtDescriptor *desc) {
    return !(desc->flags & AV_PIX_FMT_FLAG_PAL) || !memcmp(table->palette, frame->data[1], sizeof(table->palette));
}

/* The code at a pixel of the trial. Each round through all codes begins at another column. */
static int trial_code(int pixel, int count) {
    return (pixel + 7 * (pixel / count)) % count;
}

/* Other bytes of a pixel change from place to place. */
static void fill_trial(const AVFrame *trial, const AVPixFmtDescriptor *desc, int depth) {
    int step = desc->comp[0].step;
    for (int y = 0; y < trial->height; y++) {
        uint8_t *row = trial->data[0] + (ptrdiff_t)y * trial->linesize[0];
        for (int x = 0; x < trial->width; x++) {
            int code = trial_code(y * trial->width + x, 1 << depth);
            if (depth > 8)
                ((uint16_t *)row)[x] = (uint16_t)code;
            else
                row[step * x] = (uint8_t)code;
            if (depth == 8 && step == 2)
                row[2 * x + 1] = (uint8_t)(37 * x + 11 * y);
        }
    }
}

/* Set the values of swscale's picture of the trial. Return false if places of a code differ. */
static int read_trial(uint16_t *values, uint8_t *seen, const uint8_t *picture, ptrdiff_t pitch, const AVFrame *trial,
                      int depth, int channels, int is_deep) {
    for (int y = 0; y < trial->height; y++)
        for (int x = 0; x < trial->width; x++) {
            const uint8_t *row = picture + y * pitch;
            int code = trial_code(y * trial->width + x, 1 << depth);
            for (int i = 0; i < channels; i++) {
                int place = channels * x + i, result = is_deep ? ((const uint16_t *)row)[place] : row[place];
                if (seen[code] && values[channels * code + i] != result)
                    return 0;
                values[channels * code + i] = (uint16_t)result;
            }
            seen[code] = 1;
        }
    return 1;
}

/* Keep the values in the type of the result. */
static int keep_values(PixelTable *table, const uint16_t *values, int count) {
    table->values = av_malloc((size_t)count * (size_t)convert_sample_size(table->type));
    for (int i = 0; table->values && i < count && table->type == CONVERT_UINT8; i++)
        ((uint8_t *)table->values)[i] = (uint8_t)values[i];
    if (table->values && table->type != CONVERT_UINT8)
        float_samples(table->values, values, count, table->type == CONVERT_FLOAT16);
    return table->values != NULL;
}

static int make_table(PixelTable *table, const AVFrame *trial, const AVPixFmtDescriptor *desc, int pixel_format,
                      Scalers *scalers) {
    int count = 1 << table->depth, is_deep = table->type != CONVERT_UINT8, made = 0;
    int channels = convert_channels(table->layout);
    int pitch = FFALIGN((trial->width + 16) * channels * (is_deep ? 2 : 1), 64);
    uint16_t *values = av_malloc((size_t)(count * channels) * sizeof(*values));
    uint8_t *seen = av_mallocz((size_t)count), *picture = av_malloc((size_t)pitch * (size_t)trial->height + 64);
    if (values && seen && picture) {
        fill_trial(trial, desc, table->depth);
        made = scalers_run(scalers, trial, trial->width, trial->height, pixel_format, picture, pitch) >= 0 &&
               read_trial(values, seen, picture, pitch, trial, table->depth, channels, is_deep) &&
               keep_values(table, values, count * channels);
    }
    av_free(values);
    av_free(seen);
    av_free(picture);
    return made;
}

int pixel_table_find(PixelTable *table, const AVFrame *like, int width, int height, const ConvertTarget *target,
                     int pixel_format, Scalers *scalers) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(like->format);
    int ragged = width % 16 != 0, even = !(height & 1), depth = code_bits(desc, target->layout);
    /* swscale is as fast where it copies 32 bits for each byte */
    if (!depth || (depth == 8 && target->layout == LAYOUT_RGBA && target->type == CONVERT_UINT8))
        return 0;
    if (table->known && table->format == like->format && table->space == (int)like->colorspace &&
        table->range == (int)like->color_range && table->ragged == ragged && table->even == even &&
        table->layout == target->layout && table->type == target->type && is_same_palette(table, like, desc))
        return table->is_found;
    pixel_table_free(table);
    *table = (PixelTable){.known = 1,
                          .format = like->format,
                          .space = like->colorspace,
                          .range = like->color_range,
                          .ragged = ragged,
                          .even = even,
                          .layout = target->layout,
                          .type = target->type,
                          .depth = depth};
    AVFrame *trial = av_frame_alloc();
    if (!trial)
        return 0;
    colour_copy(trial, like);
    trial->width = TRIAL_WIDTH - (ragged ? 8 : 0);
    trial->height = FFALIGN((PLACES << depth) / trial->width + 1, 2) + !even;
    if (av_frame_get_buffer(trial, 0) >= 0) {
        if (desc->flags & AV_PIX_FMT_FLAG_PAL) {
            memcpy(table->palette, like->data[1], sizeof(table->palette));
            memcpy(trial->data[1], table->palette, sizeof(table->palette));
        }
        table->is_found = make_table(table, trial, desc, pixel_format, scalers);
    }
    av_frame_free(&trial);
    return table->is_found;
}

#define LOOK_UP(Code, Result, channels, step)                                                                          \
    do {                                                                                                               \
        const Code *from = (const Code *)row + (ptrdiff_t)(step) * part.x0;                                            \
        const Result *values = table->values;                                                                          \
        Result *to = (Result *)out;                                                                                    \
        for (int x = part.x0; x < part.x1; x++, to += (channels), from += (step))                                      \
            memcpy(to, values + (channels) * *from, (channels) * sizeof(*to));                                         \
    } while (0)

#define LOOK_UP_ROW(Code, Result, step)                                                                                \
    do {                                                                                                               \
        if (table->layout == LAYOUT_GRAY)                                                                              \
            LOOK_UP(Code, Result, 1, step);                                                                            \
        else if (table->layout == LAYOUT_RGBA)                                                                         \
            LOOK_UP(Code, Result, 4, step);                                                                            \
        else                                                                                                           \
            LOOK_UP(Code, Result, 3, step);                                                                            \
    } while (0)

#define LOOK_UP_CODES(Result)                                                                                          \
    do {                                                                                                               \
        if (table->depth > 8)                                                                                          \
            LOOK_UP_ROW(uint16_t, Result, 1);                                                                          \
        else if (step == 1)                                                                                            \
            LOOK_UP_ROW(uint8_t, Result, 1);                                                                           \
        else                                                                                                           \
            LOOK_UP_ROW(uint8_t, Result, 2);                                                                           \
    } while (0)

int pixel_table_run(const PixelTable *table, const AVFrame *frame, Rect part, uint8_t *out, ptrdiff_t stride) {
    const int step = av_pix_fmt_desc_get(frame->format)->comp[0].step;
    for (int y = part.y0; y < part.y1; y++, out += stride) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        if (table->depth > 8 && or_words((const uint16_t *)row + part.x0, part.x1 - part.x0) >> table->depth)
            return STRAY_BITS;
        switch (convert_sample_size(table->type)) {
        case 1: LOOK_UP_CODES(uint8_t); break;
        case 2: LOOK_UP_CODES(uint16_t); break;
        default: LOOK_UP_CODES(float);
        }
    }
    return 0;
}
