/* Note [Gray by a table]
 *
 * ffmpeg's gray is the luma of a frame, from its range to the full range. swscale computes it by a
 * general filter. The value of a pixel depends on its luma alone, unless swscale dithers. So
 * swscale converts a small frame that holds each value of luma at four places, for each format,
 * range and type. The results become a table, if all places of a value have the same result. Bytes
 * are not looked up where vector arithmetic gives the whole table.
 */
#include "convert/luma_table.h"

#include <libavutil/common.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "convert/frame_rows.h"
#include "kernels/float_rows.h"
#include "kernels/pack_rows.h"
#include "kernels/unpack_rows.h"
#include "picture/colour.h"
#include "picture/planar.h"

#define PLACES 4
#define TRIAL_WIDTH 64

void luma_table_free(LumaTable *table) {
    av_freep(&table->values);
}

/* True if luma is a plane of bytes, or of little-endian words that use their low bits. */
static int has_luma_plane(const AVPixFmtDescriptor *desc) {
    const AVComponentDescriptor *luma = &desc->comp[0];
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT;
    if (is_plain_gray(desc))
        return 1;
    return !(desc->flags & others) && desc->flags & AV_PIX_FMT_FLAG_PLANAR && desc->nb_components >= 3 &&
           !luma->plane && !luma->offset && !luma->shift && luma->depth <= 16 && luma->step == (luma->depth + 7) / 8;
}

/* The value of luma at a pixel of the trial. Each round through all values begins at another
 * column. */
static int trial_value(int pixel, int count) {
    return (pixel + 7 * (pixel / count)) % count;
}

static void fill_trial(const AVFrame *trial, int depth) {
    for (int y = 0; y < trial->height; y++) {
        uint8_t *row = trial->data[0] + (ptrdiff_t)y * trial->linesize[0];
        for (int x = 0; x < trial->width; x++) {
            int value = trial_value(y * trial->width + x, 1 << depth);
            if (depth > 8)
                ((uint16_t *)row)[x] = (uint16_t)value;
            else
                row[x] = (uint8_t)value;
        }
    }
}

/* Set the values of swscale's picture of the trial. Return false if places of a value differ. */
static int read_trial(uint16_t *values, uint8_t *seen, const uint8_t *picture, ptrdiff_t pitch, const AVFrame *trial,
                      int depth, int is_deep) {
    for (int y = 0; y < trial->height; y++)
        for (int x = 0; x < trial->width; x++) {
            const uint8_t *row = picture + y * pitch;
            int value = trial_value(y * trial->width + x, 1 << depth), result = is_deep ? ((uint16_t *)row)[x] : row[x];
            if (seen[value] && values[value] != result)
                return 0;
            seen[value] = 1;
            values[value] = (uint16_t)result;
        }
    return 1;
}

/* Keep the values in the type of the result. */
static int keep_values(LumaTable *table, const uint16_t *values) {
    int count = 1 << table->depth, is_copy = table->depth == 8 && table->type == CONVERT_UINT8, is_scaled = is_copy;
    table->values = av_malloc((size_t)count * (size_t)convert_sample_size(table->type));
    if (!table->values)
        return 0;
    for (int i = 0; i < count && table->type == CONVERT_UINT8; i++) {
        ((uint8_t *)table->values)[i] = (uint8_t)values[i];
        is_copy = is_copy && values[i] == i;
        is_scaled = is_scaled && values[i] == full_range_byte((uint8_t)i);
    }
    if (table->type != CONVERT_UINT8)
        float_samples(table->values, values, count, table->type == CONVERT_FLOAT16);
    table->is_copy = is_copy;
    table->is_scaled = is_scaled;
    return 1;
}

static int make_table(LumaTable *table, AVFrame *trial, Scalers *scalers) {
    int count = 1 << table->depth, is_deep = table->type != CONVERT_UINT8, made = 0;
    int pitch = FFALIGN((trial->width + 16) * (is_deep ? 2 : 1), 64);
    uint16_t *values = av_malloc((size_t)count * sizeof(*values));
    uint8_t *seen = av_mallocz((size_t)count), *picture = av_malloc((size_t)pitch * (size_t)trial->height + 64);
    if (values && seen && picture) {
        fill_trial(trial, table->depth);
        made = scalers_run(scalers, trial, trial->width, trial->height, is_deep ? AV_PIX_FMT_GRAY16 : AV_PIX_FMT_GRAY8,
                           picture, pitch) >= 0 &&
               read_trial(values, seen, picture, pitch, trial, table->depth, is_deep) && keep_values(table, values);
    }
    av_free(values);
    av_free(seen);
    av_free(picture);
    return made;
}

int luma_table_find(LumaTable *table, const AVFrame *like, int width, int height, ConvertType type, Scalers *scalers) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(like->format);
    int ragged = width % 16 != 0, even = !(height & 1);
    if (!has_luma_plane(desc))
        return 0;
    if (table->known && table->format == like->format && table->space == (int)like->colorspace &&
        table->range == (int)like->color_range && table->ragged == ragged && table->even == even && table->type == type)
        return table->is_found;
    luma_table_free(table);
    *table = (LumaTable){.known = 1,
                         .format = like->format,
                         .space = like->colorspace,
                         .range = like->color_range,
                         .ragged = ragged,
                         .even = even,
                         .type = type,
                         .depth = desc->comp[0].depth};
    AVFrame *trial = av_frame_alloc();
    if (!trial)
        return 0;
    colour_copy(trial, like);
    trial->width = TRIAL_WIDTH - (ragged ? 8 : 0);
    trial->height = FFALIGN((PLACES << table->depth) / trial->width + 1, 2) + !even;
    if (av_frame_get_buffer(trial, 0) >= 0) {
        /* chroma must be defined, but changes nothing */
        for (int i = 1; i < 4 && trial->data[i]; i++)
            memset(trial->data[i], 0, (size_t)trial->linesize[i] * AV_CEIL_RSHIFT(trial->height, desc->log2_chroma_h));
        table->is_found = make_table(table, trial, scalers);
    }
    av_frame_free(&trial);
    return table->is_found;
}

#define LOOK_UP(Sample, Result)                                                                                        \
    do {                                                                                                               \
        const Sample *from = (const Sample *)row;                                                                      \
        const Result *values = table->values;                                                                          \
        Result *to = (Result *)out;                                                                                    \
        for (int x = part.x0; x < part.x1; x++)                                                                        \
            *to++ = values[from[x]];                                                                                   \
    } while (0)

int luma_table_run(const LumaTable *table, const AVFrame *frame, Rect part, uint8_t *out, ptrdiff_t stride) {
    const int size = convert_sample_size(table->type);
    for (int y = part.y0; y < part.y1; y++, out += stride) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        if (table->depth > 8 && or_words((const uint16_t *)row + part.x0, part.x1 - part.x0) >> table->depth)
            return STRAY_BITS;
        if (table->is_copy)
            memcpy(out, row + part.x0, (size_t)(part.x1 - part.x0));
        else if (table->is_scaled)
            full_range_row(out, row + part.x0, part.x1 - part.x0);
        else if (table->depth > 8 && size == 4)
            LOOK_UP(uint16_t, float);
        else if (table->depth > 8 && size == 2)
            LOOK_UP(uint16_t, uint16_t);
        else if (table->depth > 8)
            LOOK_UP(uint16_t, uint8_t);
        else if (size == 4)
            LOOK_UP(uint8_t, float);
        else if (size == 2)
            LOOK_UP(uint8_t, uint16_t);
        else
            LOOK_UP(uint8_t, uint8_t);
    }
    return 0;
}
