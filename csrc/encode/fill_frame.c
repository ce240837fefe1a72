#include "kernels/no_contraction.h"
#ifdef __GNUC__
#ifndef __clang__
#pragma GCC optimize("O3")
#endif
#endif

#include "encode/fill_frame.h"

#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "picture/luma_weights.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_AVX2 1
#endif

#define BODY static inline __attribute__((always_inline))

/* Values of one component: offset + the weighted sum of the input's channels. */
typedef struct {
    float offset, weight[3];
} Component;

/* Note [Chroma of two rows]
 * As in the ffmpeg command, chroma that is shared by two rows is the bicubic mean (B = 0, C = 0.6)
 * of eight rows, and chroma that is shared by columns is their plain mean. Other filters give files
 * of another size at the same settings. */
enum { TAPS = 8, BEFORE = 3 };
static const float VERTICAL[TAPS / 2] = {-0.0140625F, -0.0421875F, 0.1203125F, 0.4359375F};

struct FrameFiller {
    InputLayout layout;
    const AVPixFmtDescriptor *format;
    int is_yuv;             /* True if the format has chroma components */
    int has_alpha;          /* True if the format has alpha */
    int depth;              /* bits of a component */
    int most;               /* the largest value of a component */
    float alpha_scale;      /* from the input's alpha to the format's */
    Component luma, cb, cr; /* of a gray input, only weight[0] counts */
    Component same;         /* an input channel that becomes a component of RGB */
    float *lines[4];        /* one row of each input channel */
    float *sums[3];         /* the rows of a chroma sample, added up */
    float *rows[3][TAPS];   /* the last rows of each channel, narrowed to the chroma's columns */
    uint16_t *row;          /* values of a row */
    uint16_t *chroma[2];    /* the same of cb and cr, if they are refined with the luma */
    int refines;            /* True if values are corrected: Note [Within one level] */
    float to_rgb[5];        /* luma scale; cr to red; cb and cr to green; cb to blue */
    int level;
};

static int allowed = 1;

void filler_limit(int level) {
    allowed = level;
}

int fills_format(int format) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)format);
    if (!desc || !desc->nb_components || !strncmp(desc->name, "xyz", 3))
        return 0;
    if (desc->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                       AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER))
        return 0;
    for (int i = 0; i < desc->nb_components; i++) {
        const AVComponentDescriptor *c = &desc->comp[i];
        if (c->depth < 8 || c->depth > 16 || c->depth != desc->comp[0].depth || (c->shift && c->depth + c->shift != 16))
            return 0;
    }
    return 1;
}

static Component component(double offset, double red, double green, double blue) {
    Component c = {(float)offset, {(float)red, (float)green, (float)blue}};
    return c;
}

static void set_components(FrameFiller *f, int space, int range) {
    const int depth = f->depth, one_channel = f->layout.channels == 1;
    const double most_in = f->layout.type == INPUT_FLOAT ? 1 : (1 << f->layout.bits) - 1;
    const double most = (1 << depth) - 1;
    const int full = range == AVCOL_RANGE_JPEG || f->format->nb_components < 3;
    const double luma = (full ? most : 219 << (depth - 8)) / most_in;
    const double chroma = (full ? most : 224 << (depth - 8)) / most_in;
    const double black = full ? 0 : 16 << (depth - 8), middle = 1 << (depth - 1);
    double kr, kb;
    luma_weights(space, &kr, &kb);
    if (one_channel) {
        f->luma = component(black, luma, 0, 0);
    } else {
        const double cb = chroma / (2 * (1 - kb)), cr = chroma / (2 * (1 - kr)), kg = 1 - kr - kb;
        f->luma = component(black, luma * kr, luma * kg, luma * kb);
        f->cb = component(middle, -cb * kr, -cb * kg, cb * (1 - kb));
        f->cr = component(middle, cr * (1 - kr), -cr * kg, -cr * kb);
    }
    f->refines = f->is_yuv && !one_channel && !full && depth == 8 && f->layout.type == INPUT_UINT8 &&
                 !f->format->log2_chroma_w && !f->format->log2_chroma_h;
    f->to_rgb[0] = (float)(255.0 / 219);
    f->to_rgb[1] = (float)(2 * (1 - kr) * 255 / 224);
    f->to_rgb[2] = (float)(2 * (1 - kb) * kb / (1 - kr - kb) * 255 / 224);
    f->to_rgb[3] = (float)(2 * (1 - kr) * kr / (1 - kr - kb) * 255 / 224);
    f->to_rgb[4] = (float)(2 * (1 - kb) * 255 / 224);
    f->same = component(0, most / most_in, 0, 0);
    f->alpha_scale = (float)(most / most_in);
}

FrameFiller *filler_new(const InputLayout *layout, int format, int space, int range) {
    FrameFiller *f = calloc(1, sizeof(*f));
    const size_t padded = (size_t)layout->width + 64;
    int complete = 1;
    if (!f)
        return NULL;
    f->layout = *layout;
    f->format = av_pix_fmt_desc_get((enum AVPixelFormat)format);
    f->depth = f->format->comp[0].depth;
    f->most = (1 << f->depth) - 1;
    f->has_alpha = (f->format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    f->is_yuv = f->format->nb_components >= 3 && !(f->format->flags & AV_PIX_FMT_FLAG_RGB);
    f->row = malloc(padded * sizeof(*f->row));
    f->chroma[0] = malloc(padded * sizeof(*f->row));
    f->chroma[1] = malloc(padded * sizeof(*f->row));
    for (int i = 0; i < 4; i++)
        f->lines[i] = malloc(padded * sizeof(float));
    for (int i = 0; i < 3; i++) {
        f->sums[i] = malloc(padded * sizeof(float));
        complete &= f->sums[i] != NULL;
        for (int j = 0; j < TAPS; j++) {
            f->rows[i][j] = malloc(padded * sizeof(float));
            complete &= f->rows[i][j] != NULL;
        }
    }
#if HAVE_AVX2
    f->level = __builtin_cpu_supports("avx2");
#endif
    set_components(f, space, range);
    if (!f->row || !f->chroma[0] || !f->chroma[1] || !f->lines[0] || !f->lines[1] || !f->lines[2] || !f->lines[3] ||
        !complete) {
        filler_free(f);
        return NULL;
    }
    return f;
}

void filler_free(FrameFiller *f) {
    if (!f)
        return;
    for (int i = 0; i < 4; i++)
        free(f->lines[i]);
    for (int i = 0; i < 3; i++) {
        free(f->sums[i]);
        for (int j = 0; j < TAPS; j++)
            free(f->rows[i][j]);
    }
    free(f->row);
    free(f->chroma[0]);
    free(f->chroma[1]);
    free(f);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* `step` is a constant wherever the memory is planar or packed, for the sake of vector code. */
BODY void read_uint8(const uint8_t *from, ptrdiff_t step, int width, float *out) {
    for (int x = 0; x < width; x++)
        out[x] = from[x * step];
}

BODY int read_uint16(const uint8_t *from, ptrdiff_t step, int width, unsigned most, float *out) {
    const uint16_t *values = (const uint16_t *)from;
    unsigned outside = 0;
    for (int x = 0; x < width; x++) {
        unsigned value = values[x * step];
        outside |= value > most;
        out[x] = (float)(int)value;
    }
    return outside ? FOUND_OUTSIDE : 0;
}

BODY int read_float(const uint8_t *from, ptrdiff_t step, int width, float *out) {
    const float *values = (const float *)from;
    int nan = 0, outside = 0;
    for (int x = 0; x < width; x++) {
        float value = values[x * step];
        nan |= value != value;
        outside |= !(value >= 0) | !(value <= 1);
        value = value > 0 ? value : 0;
        out[x] = value < 1 ? value : 1;
    }
    return nan ? FOUND_NAN : outside ? FOUND_OUTSIDE : 0;
}

BODY int read_line(const InputLayout *in, const uint8_t *from, float *out) {
    const int width = in->width;
    const unsigned most = (1u << in->bits) - 1;
    if (in->type == INPUT_UINT8) {
        switch (in->column) {
        case 1: read_uint8(from, 1, width, out); break;
        case 3: read_uint8(from, 3, width, out); break;
        case 4: read_uint8(from, 4, width, out); break;
        default: read_uint8(from, in->column, width, out);
        }
        return 0;
    }
    if (in->type == INPUT_UINT16)
        switch (in->column) {
        case 2: return read_uint16(from, 1, width, most, out);
        case 6: return read_uint16(from, 3, width, most, out);
        default: return read_uint16(from, in->column / 2, width, most, out);
        }
    switch (in->column) {
    case 4: return read_float(from, 1, width, out);
    case 12: return read_float(from, 3, width, out);
    default: return read_float(from, in->column / 4, width, out);
    }
}

/* ---- arithmetic ---------------------------------------------------------------------------- */

/* Chroma of full range may reach half a value more than a component holds, and the bicubic mean may
 * overshoot. */
BODY void mix3(const float *a, const float *b, const float *c, Component k, int most, int width, uint16_t *out) {
    const float w0 = k.weight[0], w1 = k.weight[1], w2 = k.weight[2], offset = k.offset + 0.5F;
    for (int x = 0; x < width; x++) {
        int value = (int)(a[x] * w0 + b[x] * w1 + c[x] * w2 + offset);
        value = value > 0 ? value : 0;
        out[x] = (uint16_t)(value < most ? value : most);
    }
}

BODY void mix1(const float *a, float weight, float offset, int width, uint16_t *out) {
    const float rounded = offset + 0.5F;
    for (int x = 0; x < width; x++)
        out[x] = (uint16_t)(int)(a[x] * weight + rounded);
}

BODY void add_line(float *sum, const float *line, int width, int first) {
    if (first)
        memcpy(sum, line, width * sizeof(float));
    else
        for (int x = 0; x < width; x++)
            sum[x] += line[x];
}

/* Add neighbours of a row up. The values behind `width` repeat the last one. The results go to
 * other memory, because compilers make no vector code of a row that shrinks in place. */
BODY void add_neighbours(float *restrict from, float *restrict to, int width, int log2_step) {
    const int step = 1 << log2_step, count = (width + step - 1) >> log2_step;
    for (int x = width; x < count * step; x++)
        from[x] = from[width - 1];
    if (step == 1)
        memcpy(to, from, width * sizeof(float));
    else if (step == 2)
        for (int x = 0; x < count; x++)
            to[x] = from[2 * x] + from[2 * x + 1];
    else
        for (int x = 0; x < count; x++) {
            float sum = 0;
            for (int i = 0; i < step; i++)
                sum += from[step * x + i];
            to[x] = sum;
        }
}

/* Note [Within one level]
 * Eight bits of limited range have fewer steps than RGB, so that the nearest Y, Cb and Cr may give
 * back a value that is two levels off. One of their neighbours is always nearer. It is looked for
 * where the nearest ones would be too far: in formats that share no chroma between pixels. */

static inline float largest_error(const float *k, const float *rgb, int y, int cb, int cr) {
    const float luma = (float)(y - 16) * k[0], u = (float)(cb - 128), v = (float)(cr - 128);
    float back[3] = {luma + k[1] * v, luma - k[2] * u - k[3] * v, luma + k[4] * u}, largest = 0;
    for (int i = 0; i < 3; i++) {
        float value = back[i] < 0 ? 0 : back[i] > 255 ? 255 : back[i];
        float error = value > rgb[i] ? value - rgb[i] : rgb[i] - value;
        largest = error > largest ? error : largest;
    }
    return largest;
}

static void refine_pixel(const FrameFiller *f, int x) {
    const float rgb[3] = {f->lines[0][x], f->lines[1][x], f->lines[2][x]};
    const int y = f->row[x], cb = f->chroma[0][x], cr = f->chroma[1][x];
    float best = largest_error(f->to_rgb, rgb, y, cb, cr);
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            for (int k = -1; k <= 1; k++) {
                float error = largest_error(f->to_rgb, rgb, y + i, cb + j, cr + k);
                if (error < best) {
                    best = error;
                    f->row[x] = (uint16_t)(y + i);
                    f->chroma[0][x] = (uint16_t)(cb + j);
                    f->chroma[1][x] = (uint16_t)(cr + k);
                }
            }
}

BODY void refine(FrameFiller *f, int width) {
    const float *r = f->lines[0], *g = f->lines[1], *b = f->lines[2], *k = f->to_rgb;
    float *off = f->sums[0];
    for (int x = 0; x < width; x++) {
        float luma = (float)(f->row[x] - 16) * k[0];
        float u = (float)(f->chroma[0][x] - 128), v = (float)(f->chroma[1][x] - 128);
        float red = luma + k[1] * v - r[x], green = luma - k[2] * u - k[3] * v - g[x], blue = luma + k[4] * u - b[x];
        red = red < 0 ? -red : red;
        green = green < 0 ? -green : green;
        blue = blue < 0 ? -blue : blue;
        red = red > green ? red : green;
        off[x] = red > blue ? red : blue;
    }
    for (int x = 0; x < width; x++)
        if (off[x] > 1.4F)
            refine_pixel(f, x);
}

/* ---- writing ------------------------------------------------------------------------------- */

BODY void write_line(const uint16_t *row, uint8_t *to, int step, int deep, int shift, int width) {
    if (deep && step == 2) {
        uint16_t *out = (uint16_t *)to;
        for (int x = 0; x < width; x++)
            out[x] = (uint16_t)(row[x] << shift);
    } else if (deep) {
        for (int x = 0; x < width; x++)
            *(uint16_t *)(to + (ptrdiff_t)x * step) = (uint16_t)(row[x] << shift);
    } else if (step == 1) {
        for (int x = 0; x < width; x++)
            to[x] = (uint8_t)row[x];
    } else {
        for (int x = 0; x < width; x++)
            to[(ptrdiff_t)x * step] = (uint8_t)row[x];
    }
}

BODY void write_big_endian(const uint16_t *row, uint8_t *to, int step, int shift, int width) {
    for (int x = 0; x < width; x++) {
        const unsigned value = (unsigned)row[x] << shift;
        to[(ptrdiff_t)x * step] = (uint8_t)(value >> 8);
        to[(ptrdiff_t)x * step + 1] = (uint8_t)value;
    }
}

BODY void write_values(const FrameFiller *f, const uint16_t *row, AVFrame *frame, int number, int y, int width) {
    const AVComponentDescriptor *c = &f->format->comp[number];
    uint8_t *to = frame->data[c->plane] + (ptrdiff_t)y * frame->linesize[c->plane] + c->offset;
    if (f->format->flags & AV_PIX_FMT_FLAG_BE)
        write_big_endian(row, to, c->step, c->shift, width);
    else
        write_line(row, to, c->step, f->depth > 8, c->shift, width);
}

BODY void write_component(const FrameFiller *f, AVFrame *frame, int number, int y, int width) {
    write_values(f, f->row, frame, number, y, width);
}

BODY void write_refined(FrameFiller *f, AVFrame *frame, int y) {
    const int width = f->layout.width;
    mix3(f->lines[0], f->lines[1], f->lines[2], f->luma, f->most, width, f->row);
    mix3(f->lines[0], f->lines[1], f->lines[2], f->cb, f->most, width, f->chroma[0]);
    mix3(f->lines[0], f->lines[1], f->lines[2], f->cr, f->most, width, f->chroma[1]);
    refine(f, width);
    write_component(f, frame, 0, y, width);
    write_values(f, f->chroma[0], frame, 1, y, width);
    write_values(f, f->chroma[1], frame, 2, y, width);
}

/* Write a row of chroma from rows that add up `number` values of each channel. */
BODY void write_chroma(FrameFiller *f, AVFrame *frame, float *const sums[3], int y, int number) {
    const int log2_w = f->format->log2_chroma_w;
    const int count = (f->layout.width + (1 << log2_w) - 1) >> log2_w;
    const float share = 1.0F / (float)number;
    Component cb = f->cb, cr = f->cr;
    for (int i = 0; i < 3; i++) {
        cb.weight[i] *= share;
        cr.weight[i] *= share;
    }
    mix3(sums[0], sums[1], sums[2], cb, f->most, count, f->row);
    write_component(f, frame, 1, y, count);
    mix3(sums[0], sums[1], sums[2], cr, f->most, count, f->row);
    write_component(f, frame, 2, y, count);
}

/* Write the row of chroma that the rows 2y and 2y + 1 share. */
BODY void write_bicubic(FrameFiller *f, AVFrame *frame, int y) {
    const int log2_w = f->format->log2_chroma_w, last = f->layout.height - 1;
    const int count = (f->layout.width + (1 << log2_w) - 1) >> log2_w;
    for (int i = 0; i < 3; i++) {
        const float *from[TAPS];
        float *sum = f->sums[i];
        for (int j = 0; j < TAPS; j++) {
            int row = 2 * y - BEFORE + j;
            row = row < 0 ? 0 : row > last ? last : row;
            from[j] = f->rows[i][row % TAPS];
        }
        for (int x = 0; x < count; x++)
            sum[x] = (from[0][x] + from[7][x]) * VERTICAL[0] + (from[1][x] + from[6][x]) * VERTICAL[1] +
                     (from[2][x] + from[5][x]) * VERTICAL[2] + (from[3][x] + from[4][x]) * VERTICAL[3];
    }
    write_chroma(f, frame, f->sums, y, 1 << log2_w);
}

/* Take a row of the input into the chroma, and write the rows of chroma that are complete. */
BODY void take_chroma(FrameFiller *f, AVFrame *frame, int y) {
    const int log2_w = f->format->log2_chroma_w, log2_h = f->format->log2_chroma_h, width = f->layout.width;
    const int height = f->layout.height, rows = 1 << log2_h;
    if (log2_h == 1) {
        const int first = y - (TAPS - BEFORE - 1); /* the row whose chroma this one completes */
        for (int i = 0; i < 3; i++)
            add_neighbours(f->lines[i], f->rows[i][y % TAPS], width, log2_w);
        if (first >= 0 && first % 2 == 0)
            write_bicubic(f, frame, first / 2);
        if (y == height - 1)
            for (int k = first < 0 ? 0 : first / 2 + 1; 2 * k < height; k++)
                write_bicubic(f, frame, k);
        return;
    }
    for (int i = 0; i < 3; i++)
        add_line(f->sums[i], f->lines[i], width, y % rows == 0);
    if (y % rows == rows - 1 || y == height - 1) {
        float *const sums[3] = {f->rows[0][0], f->rows[1][0], f->rows[2][0]};
        for (int i = 0; i < 3; i++)
            add_neighbours(f->sums[i], sums[i], width, log2_w);
        write_chroma(f, frame, sums, y >> log2_h, (y % rows + 1) << log2_w);
    }
}

BODY void write_alpha(FrameFiller *f, AVFrame *frame, int y) {
    const int width = f->layout.width;
    if (f->layout.channels == 4)
        mix1(f->lines[3], f->alpha_scale, 0, width, f->row);
    else
        for (int x = 0; x < width; x++)
            f->row[x] = (uint16_t)f->most;
    write_component(f, frame, f->format->nb_components - 1, y, width);
}

BODY int fill(FrameFiller *f, const uint8_t *picture, AVFrame *frame) {
    const InputLayout in = f->layout;
    const int is_rgb = (f->format->flags & AV_PIX_FMT_FLAG_RGB) != 0, gray = in.channels == 1;
    const int height = 1 << f->format->log2_chroma_h;
    int found = 0;
    for (int y = 0; y < in.height; y++) {
        for (int i = 0; i < in.channels; i++)
            found |= read_line(&in, picture + y * in.row + i * in.channel, f->lines[i]);
        if (is_rgb) {
            for (int i = 0; i < 3; i++) {
                mix1(f->lines[gray ? 0 : i], f->same.weight[0], 0, in.width, f->row);
                write_component(f, frame, i, y, in.width);
            }
        } else if (f->refines) {
            write_refined(f, frame, y);
        } else if (gray) {
            mix1(f->lines[0], f->luma.weight[0], f->luma.offset, in.width, f->row);
            write_component(f, frame, 0, y, in.width);
        } else {
            mix3(f->lines[0], f->lines[1], f->lines[2], f->luma, f->most, in.width, f->row);
            write_component(f, frame, 0, y, in.width);
        }
        if (f->is_yuv && !gray && !f->refines) {
            take_chroma(f, frame, y);
        } else if (f->is_yuv && gray && y % height == 0) {
            const int count = (in.width + (1 << f->format->log2_chroma_w) - 1) >> f->format->log2_chroma_w;
            for (int x = 0; x < count; x++)
                f->row[x] = (uint16_t)(1 << (f->depth - 1));
            write_component(f, frame, 1, y / height, count);
            write_component(f, frame, 2, y / height, count);
        }
        if (f->has_alpha)
            write_alpha(f, frame, y);
    }
    return found;
}

#if HAVE_AVX2
__attribute__((target("avx2"))) static int fill_avx2(FrameFiller *f, const uint8_t *picture, AVFrame *frame) {
    return fill(f, picture, frame);
}
#endif

int fill_frame(FrameFiller *f, const uint8_t *picture, AVFrame *frame) {
#if HAVE_AVX2
    if (f->level && allowed)
        return fill_avx2(f, picture, frame);
#endif
    return fill(f, picture, frame);
}
