#include "kernels/no_contraction.h"

#include "convert/floats.h"

#include <string.h>

#include "convert/grown.h"
#include "kernels/float_rows.h"
#include "kernels/half_row.h"
#include "picture/colour.h"

static float *take(FloatLines *lines, size_t count) {
    return lines->data = grown(lines->data, &lines->size, count * sizeof(float));
}

/* Round a row to float16 in the caller's memory. A float32 row is in the caller's memory
 * already. */
static void store_row(uint8_t *line, const float *row, int count, ConvertType type) {
    if (type == CONVERT_FLOAT16)
        half_row((uint16_t *)line, row, count);
}

/* Read one row of one component: subtract `bias`, multiply by `scale`, and repeat each sample for
 * the pixels that it covers. */
static void read_line(float *out, const AVFrame *frame, const AVPixFmtDescriptor *desc, int component, int row,
                      int repeat_shift, float bias, float scale) {
    const AVComponentDescriptor *comp = &desc->comp[component];
    const uint8_t *data = frame->data[comp->plane] + (ptrdiff_t)row * frame->linesize[comp->plane] + comp->offset;
    int width = frame->width, step = comp->step, shift = comp->shift;
    unsigned mask = (1u << comp->depth) - 1;
    if (comp->depth + shift <= 8) {
        for (int x = 0; x < width; x++)
            out[x] = ((float)((data[(x >> repeat_shift) * step] >> shift) & mask) - bias) * scale;
    } else if (desc->flags & AV_PIX_FMT_FLAG_BE) {
        for (int x = 0; x < width; x++) {
            const uint8_t *p = data + (x >> repeat_shift) * step;
            out[x] = ((float)(((unsigned)(p[0] << 8 | p[1]) >> shift) & mask) - bias) * scale;
        }
    } else {
        for (int x = 0; x < width; x++) {
            const uint8_t *p = data + (x >> repeat_shift) * step;
            out[x] = ((float)(((unsigned)(p[1] << 8 | p[0]) >> shift) & mask) - bias) * scale;
        }
    }
}

static inline float clip_unit(float value) {
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

int convert_float_knows(const AVPixFmtDescriptor *desc) {
    return !(desc->flags & AV_PIX_FMT_FLAG_FLOAT) && desc->comp[0].depth <= 16 && desc->comp[0].depth >= 8 &&
           strncmp(desc->name, "xyz", 3) != 0;
}

static FloatColours find_colours(const AVFrame *frame, const AVPixFmtDescriptor *desc) {
    int depth = desc->comp[0].depth, full = colour_is_full_range(frame);
    double peak = (1 << depth) - 1, unit = 1 << (depth - 8), kr, kb;
    colour_luma_weights(frame->colorspace, &kr, &kb);
    double chroma_scale = full ? 1 / peak : 1 / (224 * unit);
    FloatColours colours = {
        .mask = (1u << depth) - 1,
        .luma_bias = full ? 0 : (float)(16 * unit),
        .luma_scale = full ? (float)(1 / peak) : (float)(1 / (219 * unit)),
        .chroma_bias = (float)(128 * unit),
    };
    if (desc->nb_components < 3)
        return colours; /* gray pictures have no chroma */
    colours.cr_red = (float)(2 * (1 - kr) * chroma_scale);
    colours.cb_blue = (float)(2 * (1 - kb) * chroma_scale);
    colours.cb_green = (float)(2 * (1 - kb) * kb / (1 - kr - kb) * chroma_scale);
    colours.cr_green = (float)(2 * (1 - kr) * kr / (1 - kr - kb) * chroma_scale);
    return colours;
}

int convert_float_knows_planes(const AVPixFmtDescriptor *desc) {
    if (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BE) || desc->log2_chroma_w > 1)
        return 0;
    for (int i = 0; i < desc->nb_components; i++)
        if (desc->comp[i].plane != i || desc->comp[i].shift || desc->comp[i].depth != desc->comp[0].depth)
            return 0;
    return 1;
}

static void run_planar_yuv(const AVFrame *frame, const AVPixFmtDescriptor *desc, Rect want, uint8_t *rgb,
                           ptrdiff_t stride, ptrdiff_t plane_stride, ConvertType type) {
    const FloatColours colours = find_colours(frame, desc);
    int is_gray = desc->nb_components < 3, width = want.x1 - want.x0;
    FloatRowKind kind = {desc->comp[0].depth > 8, !is_gray && desc->log2_chroma_w, type == CONVERT_FLOAT16};
    ptrdiff_t chroma_x = (ptrdiff_t)(want.x0 >> kind.paired) << kind.deep, x = (ptrdiff_t)want.x0 << kind.deep;
    ptrdiff_t pixel = (plane_stride ? 1 : 3) * convert_sample_size(type);
    int alone = want.x0 & kind.paired; /* pixels before the first whole chroma sample */
    for (int y = want.y0; y < want.y1; y++, rgb += stride) {
        const uint8_t *luma = frame->data[0] + y * (ptrdiff_t)frame->linesize[0] + x, *cb = luma, *cr = luma;
        if (!is_gray) {
            ptrdiff_t chroma_y = y >> desc->log2_chroma_h;
            cb = frame->data[1] + chroma_y * frame->linesize[1] + chroma_x;
            cr = frame->data[2] + chroma_y * frame->linesize[2] + chroma_x;
        }
        if (alone)
            float_row(rgb, plane_stride, luma, cb, cr, 1, &colours, kind);
        float_row(rgb + alone * pixel, plane_stride, luma + (alone << kind.deep), cb + (alone << kind.deep),
                  cr + (alone << kind.deep), width - alone, &colours, kind);
    }
}

/* Convert any other format: each component becomes a line of floats first. */
static int run_lines(FloatLines *lines, const AVFrame *frame, const AVPixFmtDescriptor *desc, Rect want, uint8_t *rgb,
                     ptrdiff_t stride, ConvertType type) {
    const FloatColours c = find_colours(frame, desc);
    int width = frame->width, samples = 3 * (want.x1 - want.x0);
    int is_rgb = desc->flags & AV_PIX_FMT_FLAG_RGB, is_gray = desc->nb_components < 3;
    float *first = take(lines, 3 * (size_t)width + (size_t)samples);
    if (!first)
        return AVERROR(ENOMEM);
    float *second = first + width, *third = second + width, *row = third + width;
    int chroma_row = -1;
    for (int y = want.y0; y < want.y1; y++) {
        uint8_t *line = rgb + (y - want.y0) * stride;
        float *out = type == CONVERT_FLOAT32 ? (float *)line : row;
        if (is_rgb) {
            for (int i = 0; i < 3; i++)
                read_line(first + i * width, frame, desc, i, y, 0, 0, (float)(1.0 / c.mask));
            for (int x = want.x0; x < want.x1; x++, out += 3) {
                out[0] = first[x];
                out[1] = second[x];
                out[2] = third[x];
            }
            store_row(line, row, samples, type);
            continue;
        }
        read_line(first, frame, desc, 0, y, 0, c.luma_bias, c.luma_scale);
        if (is_gray) {
            for (int x = want.x0; x < want.x1; x++, out += 3)
                out[0] = out[1] = out[2] = clip_unit(first[x]);
            store_row(line, row, samples, type);
            continue;
        }
        if (y >> desc->log2_chroma_h != chroma_row) {
            chroma_row = y >> desc->log2_chroma_h;
            read_line(second, frame, desc, 1, chroma_row, desc->log2_chroma_w, c.chroma_bias, 1);
            read_line(third, frame, desc, 2, chroma_row, desc->log2_chroma_w, c.chroma_bias, 1);
        }
        for (int x = want.x0; x < want.x1; x++, out += 3) {
            out[0] = clip_unit(first[x] + c.cr_red * third[x]);
            out[1] = clip_unit(first[x] - c.cb_green * second[x] - c.cr_green * third[x]);
            out[2] = clip_unit(first[x] + c.cb_blue * second[x]);
        }
        store_row(line, row, samples, type);
    }
    return 0;
}

int convert_float_picture(FloatLines *lines, const AVFrame *frame, Rect want, uint8_t *rgb, ptrdiff_t stride,
                          ptrdiff_t plane_stride, ConvertType type) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (!convert_float_knows_planes(desc))
        return run_lines(lines, frame, desc, want, rgb, stride, type);
    run_planar_yuv(frame, desc, want, rgb, stride, plane_stride, type);
    return 0;
}

int convert_float_rows(FloatLines *lines, uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride,
                       int samples, int rows, int deep, ConvertType type) {
    float *row = take(lines, (size_t)samples);
    if (!row)
        return AVERROR(ENOMEM);
    for (int y = 0; y < rows; y++) {
        uint8_t *line = out + y * out_stride;
        float *to = type == CONVERT_FLOAT32 ? (float *)line : row;
        const uint8_t *from = in + y * in_stride;
        for (int i = 0; i < samples; i++)
            to[i] = deep ? ((const uint16_t *)from)[i] / 65535.0f : from[i] / 255.0f;
        store_row(line, row, samples, type);
    }
    return 0;
}
