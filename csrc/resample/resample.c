/* Note [Resampling rows]
 *
 * The arithmetic is torch's, interpolate(mode="bilinear", antialias=True) on the CPU for
 * channels-last frames: along the width first, then along the height. For uint8 both passes are
 * exact sums of integers, rounded to 8 bits. A pass that torch omits has one weight of 1 here,
 * which changes nothing. Weights of floats are float32. The GPU does the same
 * (cycodec/cuda/kernels/convert.cu), and both get their weights from axis.c.
 *
 * Rows go through the horizontal pass in groups of four, into a ring that holds as many groups as a
 * row of the result can need. For usual sizes the input, the ring and the output stay in L1. The
 * kernels define the layout of a group (group.h).
 *
 * Note [Gray in threes]: the horizontal kernels know pixels of three or four channels. Twelve rows
 * of gray enter them as four rows of three channels: channel c of row k is row 4 c + k of the
 * twelve. Channel c of the resulting group is therefore the group of rows 4 c to 4 c + 3.
 */
#include "resample/resample.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/half_row.h"
#include "kernels/pack_rows.h"
#include "resample/resample_rows.h"

#define BLOCK 16 /* samples of a plain vertical pass, constant so that the compiler makes vectors */

struct Resampler {
    ConvertType type;
    int channels;
    Rect needs;
    Axis across, down;
    HorizontalPlan plan;
    int samples;        /* in a row of the result */
    ptrdiff_t pitch;    /* samples from row to row of a group in the ring */
    size_t group_bytes; /* size of one group in the ring */
    int num_groups;
    uint8_t *ring;
    VerticalKernel *vertical; /* NULL if groups are not interleaved */
    VerticalFloatKernel *vertical_float;
    GroupWeights *group_weights; /* for `vertical` */
    int *group_starts;           /* the first of them for each row */
    const void **sources;        /* groups or rows of the current sum */
    float *line;                 /* one row of floats before they become float16 */
    uint8_t *packed, *three;     /* gray: four rows of three channels, before and after */

    uint8_t *out;
    ptrdiff_t out_stride;
    int received, made; /* rows */
};

/* ---- plain kernels --------------------------------------------------------------------------- */

static inline uint8_t clip(int value) {
    return value > 255 ? 255 : (uint8_t)value; /* no weight is negative */
}

static void rows_plain(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    const Axis *axis = plan->axis;
    const int channels = plan->channels;
    for (int r = 0; r < RESAMPLE_ROWS; r++) {
        uint8_t *out = (uint8_t *)group + r * plan->pitch;
        for (int i = 0; i < axis->length; i++, out += channels) {
            const uint8_t *in = (const uint8_t *)rows[r] + channels * (ptrdiff_t)axis->spans[i].first;
            const int16_t *weight = axis->fixed + axis->spans[i].start;
            int half = 1 << axis->shift >> 1, sums[4] = {half, half, half, half};
            for (int k = axis->spans[i].count; k > 0; k--, in += channels, weight++)
                for (int c = 0; c < channels; c++)
                    sums[c] += *weight * in[c];
            for (int c = 0; c < channels; c++)
                out[c] = clip(sums[c] >> axis->shift);
        }
    }
}

static void columns_plain(uint8_t *out, int samples, const uint8_t *const *rows, const int16_t *weights, int count,
                          int shift) {
    for (int i = 0; i < samples; i += BLOCK) {
        int32_t sum[BLOCK];
        uint8_t block[BLOCK];
        for (int k = 0; k < BLOCK; k++)
            sum[k] = 1 << shift >> 1;
        for (int r = 0; r < count; r++)
            for (int k = 0; k < BLOCK; k++)
                sum[k] += weights[r] * rows[r][i + k];
        for (int k = 0; k < BLOCK; k++)
            block[k] = clip(sum[k] >> shift);
        memcpy(out + i, block, samples - i < BLOCK ? samples - i : BLOCK);
    }
}

static void float_rows_plain(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    for (int r = 0; r < RESAMPLE_ROWS; r++) {
        float *out = (float *)group + r * plan->pitch;
        for (int i = 0; i < plan->axis->length; i++, out += plan->channels)
            resample_float_pixel(out, rows[r], &plan->axis->spans[i], plan->axis->floats, plan->channels);
    }
}

static void float_columns_plain(float *out, int samples, const float *const *rows, const float *weights, int count) {
    for (int i = 0; i < samples; i += BLOCK) {
        float sum[BLOCK] = {0};
        for (int r = 0; r < count; r++)
            for (int k = 0; k < BLOCK; k++)
                sum[k] += weights[r] * rows[r][i + k];
        memcpy(out + i, sum, (samples - i < BLOCK ? samples - i : BLOCK) * sizeof(*sum));
    }
}

/* ---- resamplers ------------------------------------------------------------------------------ */

static inline int group_of(int row) {
    return row / RESAMPLE_ROWS;
}

static inline int last_row(const Span *span) {
    return span->first + span->count - 1;
}

/* Return the most groups between the newest row and the oldest row that is still needed. Rows of
 * the result are made in order, each when its last input row is there. */
static int ring_size(const Axis *down) {
    int size = 1, needed = down->extent - 1, *earliest = calloc(down->length, sizeof(*earliest)), latest = 0;
    if (!earliest)
        return 0;
    for (int i = down->length - 1; i >= 0; i--) {
        needed = down->spans[i].first < needed ? down->spans[i].first : needed;
        earliest[i] = needed;
    }
    for (int i = 0; i < down->length; i++) {
        int last = last_row(&down->spans[i]);
        latest = last > latest ? last : latest;
        int groups = group_of(latest) - group_of(earliest[i]) + 1;
        size = groups > size ? groups : size;
    }
    free(earliest);
    return size;
}

/* Two factors of 16 bits in the order of a vector. */
static inline int32_t pair(int low, int high) {
    return (int32_t)((uint32_t)high << 16 | (uint32_t)low);
}

static int arrange_weights(Resampler *r) {
    const Axis *down = &r->down;
    size_t total = 0;
    for (int i = 0; i < down->length; i++)
        total += group_of(last_row(&down->spans[i])) - group_of(down->spans[i].first) + 1;
    r->group_weights = calloc(total, sizeof(*r->group_weights));
    r->group_starts = calloc(down->length, sizeof(*r->group_starts));
    if (!r->group_weights || !r->group_starts)
        return -1;
    GroupWeights *to = r->group_weights;
    for (int i = 0; i < down->length; i++) {
        const Span *span = &down->spans[i];
        r->group_starts[i] = (int)(to - r->group_weights);
        for (int g = group_of(span->first); g <= group_of(last_row(span)); g++, to++) {
            int weights[RESAMPLE_ROWS] = {0};
            uint32_t high = 0, low = 0;
            for (int k = 0; k < RESAMPLE_ROWS; k++) {
                int place = g * RESAMPLE_ROWS + k - span->first;
                if (place >= 0 && place < span->count)
                    weights[k] = down->fixed[span->start + place];
                high |= (uint32_t)((weights[k] + 128) >> 8 & 255) << 8 * k;
                low |= (uint32_t)(weights[k] & 255) << 8 * k;
            }
            *to =
                (GroupWeights){(int32_t)high, (int32_t)low, pair(weights[0], weights[2]), pair(weights[1], weights[3])};
        }
    }
    return 0;
}

/* Choose kernels and make their tables. Return 0, or -1 without memory. */
static int choose_kernels(Resampler *r) {
    if (r->type != CONVERT_UINT8) {
        r->plan.kernel = find_float_rows(r->plan.channels);
        r->vertical_float = find_float_columns();
        if (!r->plan.kernel)
            r->plan.kernel = float_rows_plain;
        if (!r->vertical_float)
            r->vertical_float = float_columns_plain;
        return 0;
    }
    r->vertical = find_vector_columns(&r->down);
    if (r->vertical && plan_vector_rows(&r->plan) < 0)
        return -1;
    if (r->plan.kernel)
        return arrange_weights(r);
    r->vertical = NULL;
    r->plan.kernel = rows_plain;
    return 0;
}

static ptrdiff_t padded(int samples) {
    return (samples + 2 * GROUP_PADDING - 1) / GROUP_PADDING * GROUP_PADDING;
}

/* Allocate what gray is packed into, and what becomes of it. Return 0, or -1 without memory. */
static int prepare_gray(Resampler *r, size_t size) {
    r->packed = resample_memory((size_t)r->across.extent * 3 * RESAMPLE_ROWS, size);
    r->three = resample_memory((size_t)r->plan.pitch * RESAMPLE_ROWS, size);
    return r->packed && r->three ? 0 : -1;
}

Resampler *resampler_alloc(int in_width, int in_height, int out_width, int out_height, Rect region, ConvertType type,
                           int channels) {
    int fixed = type == CONVERT_UINT8, most;
    size_t size = fixed ? 1 : sizeof(float);
    Resampler *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->type = type;
    r->channels = channels;
    r->needs.x0 = axis_init(&r->across, in_width, out_width, region.x0, region.x1, fixed);
    r->needs.y0 = axis_init(&r->down, in_height, out_height, region.y0, region.y1, fixed);
    if (r->needs.x0 < 0 || r->needs.y0 < 0)
        goto fail;
    r->needs.x1 = r->needs.x0 + r->across.extent;
    r->needs.y1 = r->needs.y0 + r->down.extent;
    r->samples = channels * r->across.length;
    r->plan.axis = &r->across;
    r->plan.channels = channels == 4 ? 4 : 3;
    r->plan.pitch = padded(r->plan.channels * r->across.length);
    r->pitch = padded(r->samples);
    r->group_bytes = (size_t)r->pitch * RESAMPLE_ROWS * size;
    r->num_groups = ring_size(&r->down);
    if (!r->num_groups || choose_kernels(r) < 0 || (channels == 1 && prepare_gray(r, size) < 0))
        goto fail;
    r->num_groups += resampler_step(r) / RESAMPLE_ROWS - 1;
    r->ring = resample_memory(r->num_groups, r->group_bytes);
    most = r->num_groups * RESAMPLE_ROWS;
    r->sources = calloc(most, sizeof(*r->sources));
    if (type == CONVERT_FLOAT16)
        r->line = calloc(r->samples, sizeof(*r->line));
    if (!r->ring || !r->sources || (type == CONVERT_FLOAT16 && !r->line))
        goto fail;
    return r;
fail:
    resampler_free(r);
    return NULL;
}

void resampler_free(Resampler *r) {
    if (!r)
        return;
    axis_free(&r->across);
    axis_free(&r->down);
    free(r->plan.counts);
    free(r->plan.steps);
    free(r->ring);
    free(r->group_weights);
    free(r->group_starts);
    free(r->sources);
    free(r->line);
    free(r->packed);
    free(r->three);
    free(r);
}

Rect resampler_needs(const Resampler *r) {
    return r->needs;
}

int resampler_step(const Resampler *r) {
    return r->channels == 1 ? 3 * RESAMPLE_ROWS : RESAMPLE_ROWS;
}

void resampler_begin(Resampler *r, uint8_t *out, ptrdiff_t out_stride) {
    r->out = out;
    r->out_stride = out_stride;
    r->received = r->made = 0;
}

static inline uint8_t *group_at(const Resampler *r, int group) {
    return r->ring + group % r->num_groups * r->group_bytes;
}

/* Write row i of the result from the ring. */
static void make_row(Resampler *r, int i) {
    const Span *span = &r->down.spans[i];
    uint8_t *out = r->out + i * r->out_stride;
    if (r->vertical) {
        int first = group_of(span->first), count = group_of(last_row(span)) - first + 1;
        for (int g = 0; g < count; g++)
            r->sources[g] = group_at(r, first + g);
        r->vertical(out, r->samples, (const uint8_t *const *)r->sources, r->group_weights + r->group_starts[i], count,
                    r->down.shift);
        return;
    }
    size_t row_bytes = r->group_bytes / RESAMPLE_ROWS;
    for (int k = 0; k < span->count; k++) {
        int row = span->first + k;
        r->sources[k] = group_at(r, group_of(row)) + row % RESAMPLE_ROWS * row_bytes;
    }
    if (r->type == CONVERT_UINT8) {
        columns_plain(out, r->samples, (const uint8_t *const *)r->sources, r->down.fixed + span->start, span->count,
                      r->down.shift);
        return;
    }
    float *line = r->line ? r->line : (float *)out;
    r->vertical_float(line, r->samples, (const float *const *)r->sources, r->down.floats + span->start, span->count);
    if (r->line)
        half_row((uint16_t *)out, line, r->samples);
}

/* Copy one channel of a group of three channels to a group of gray. Samples of uint8 are
 * interleaved in fours if there are vector kernels. */
static void take_channel(const Resampler *r, uint8_t *group, int channel) {
    int length = r->across.length, is_float = r->type != CONVERT_UINT8;
    if (r->vertical || is_float) {
        /* floats and four interleaved bytes both have 32 bits */
        int rows = r->vertical ? 1 : RESAMPLE_ROWS;
        for (int k = 0; k < rows; k++) {
            const uint32_t *from = (const uint32_t *)r->three + k * r->plan.pitch + channel;
            uint32_t *to = (uint32_t *)group + k * r->pitch;
            for (int i = 0; i < length; i++)
                to[i] = from[3 * i];
        }
        return;
    }
    for (int k = 0; k < RESAMPLE_ROWS; k++)
        for (int i = 0; i < length; i++)
            group[k * r->pitch + i] = r->three[k * r->plan.pitch + 3 * i + channel];
}

/* Resample up to twelve rows of gray into groups: Note [Gray in threes]. */
static void gray_groups(const Resampler *r, const uint8_t *rows, ptrdiff_t stride, int count) {
    int width = r->across.extent, size = r->type == CONVERT_UINT8 ? 1 : (int)sizeof(float);
    const void *four[RESAMPLE_ROWS];
    for (int k = 0; k < RESAMPLE_ROWS; k++) {
        const void *three[3];
        uint8_t *packed = r->packed + k * 3 * (ptrdiff_t)width * size;
        for (int c = 0; c < 3; c++) { /* repeat the last row, which no result needs */
            int row = c * RESAMPLE_ROWS + k;
            three[c] = rows + (row < count ? row : count - 1) * stride;
        }
        if (size == 1)
            pack_yuv_row(packed, three[0], three[1], three[2], width, 0);
        else
            pack_float_row((float *)packed, three[0], three[1], three[2], width);
        four[k] = packed;
    }
    r->plan.kernel(r->three, four, &r->plan);
    for (int c = 0; c * RESAMPLE_ROWS < count; c++)
        take_channel(r, group_at(r, group_of(r->received) + c), c);
}

void resampler_rows(Resampler *r, const void *rows, ptrdiff_t stride, int count) {
    int step = resampler_step(r);
    for (int y = 0; y < count; y += step) {
        const uint8_t *first = (const uint8_t *)rows + y * stride;
        const void *four[RESAMPLE_ROWS];
        int here = count - y < step ? count - y : step;
        for (int k = 0; k < RESAMPLE_ROWS; k++) /* repeat the last row, which no result needs */
            four[k] = first + (k < here ? k : here - 1) * stride;
        if (r->channels == 1)
            gray_groups(r, first, stride, here);
        else
            r->plan.kernel(group_at(r, group_of(r->received)), four, &r->plan);
        r->received += here;
        while (r->made < r->down.length && last_row(&r->down.spans[r->made]) < r->received)
            make_row(r, r->made++);
    }
}
