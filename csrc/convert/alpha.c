#include "convert/alpha.h"

#include <string.h>

#include "convert/frame_rows.h"
#include "kernels/float_rows.h"
#include "kernels/pack_rows.h"
#include "kernels/unpack_rows.h"

enum { CHANNEL = 3, PIXEL = 4, BLOCK = 256 };

/* The alpha samples of a row. */
typedef struct {
    const uint8_t *samples; /* NULL if all are opaque */
    int step, depth, shift, is_word, is_packed_rgb;
} Samples;

/* Return the 16 bits of RGBA64. swscale repeats the highest bits of packed RGB in 14 bits. */
static inline int word_of(const Samples *s, int value) {
    return value << (16 - s->depth) | (s->is_packed_rgb ? value >> 2 << 2 : 0);
}

static inline int byte_of(const Samples *s, int value) {
    if (s->depth == 8)
        return value;
    int rounded = ((s->depth > 15 ? value >> (s->depth - 15) : value << (15 - s->depth)) + 64) >> 7;
    return rounded > UINT8_MAX ? UINT8_MAX : rounded;
}

static inline int value_at(const Samples *s, int x) {
    const uint8_t *at = s->samples + (ptrdiff_t)x * s->step;
    uint16_t word = *at;
    if (s->is_word)
        memcpy(&word, at, sizeof(word));
    return word >> s->shift;
}

static void write_bytes(uint8_t *out, int step, const Samples *s, int width) {
    if (s->samples && s->depth == 8 && s->step == 1 && step == PIXEL) {
        put_alpha_row(out - CHANNEL, s->samples, width);
        return;
    }
    for (int x = 0; x < width; x++)
        out[(ptrdiff_t)x * step] = s->samples ? (uint8_t)byte_of(s, value_at(s, x)) : UINT8_MAX;
}

static void write_floats(uint8_t *out, int step, const Samples *s, int width, int half) {
    uint16_t words[BLOCK];
    float values[BLOCK];
    for (int x = 0; x < width; x += BLOCK) {
        int count = width - x < BLOCK ? width - x : BLOCK;
        for (int i = 0; i < count; i++)
            words[i] = s->samples ? (uint16_t)word_of(s, value_at(s, x + i)) : UINT16_MAX;
        float_samples(values, words, count, half);
        for (int i = 0; i < count; i++)
            if (half)
                ((uint16_t *)out)[(ptrdiff_t)(x + i) * step] = ((const uint16_t *)values)[i];
            else
                ((float *)out)[(ptrdiff_t)(x + i) * step] = values[i];
    }
}

int alpha_row(uint8_t *rgb, RgbLayout layout, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y,
              ConvertType type) {
    Samples s = {0};
    if (desc->flags & AV_PIX_FMT_FLAG_ALPHA) {
        const AVComponentDescriptor *c = &desc->comp[CHANNEL];
        s = (Samples){
            .samples = frame->data[c->plane] + (ptrdiff_t)y * frame->linesize[c->plane] + c->offset,
            .step = c->step,
            .depth = c->depth,
            .shift = c->shift,
            .is_word = c->depth + c->shift > 8,
            .is_packed_rgb = desc->flags & AV_PIX_FMT_FLAG_RGB && !(desc->flags & AV_PIX_FMT_FLAG_PLANAR),
        };
        if (s.is_word && s.depth < 16 && !s.shift && or_words((const uint16_t *)s.samples, frame->width) >> s.depth)
            return STRAY_BITS;
    }
    int step = layout.plane_stride ? 1 : PIXEL, size = convert_sample_size(type);
    uint8_t *out = rgb + (layout.plane_stride ? CHANNEL * layout.plane_stride : CHANNEL * size);
    if (type == CONVERT_UINT8)
        write_bytes(out, step, &s, frame->width);
    else
        write_floats(out, step, &s, frame->width, type == CONVERT_FLOAT16);
    return 0;
}
