#include "convert/wide.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <string.h>

#include "convert/alpha.h"
#include "convert/grown.h"
#include "kernels/sws_filter.h"
#include "kernels/yuv2rgb_deep.h"
#include "picture/colour.h"

#define LEAST_CHROMA 8 /* rows and columns; swscale has fewer taps otherwise */
#define PADDING 8      /* samples that a kernel may write behind a row */

void wide_free(Wide *wide) {
    wide_columns_free(&wide->columns);
    axis_free(&wide->down);
    av_freep(&wide->memory);
}

int wide_is_needed(const AVPixFmtDescriptor *desc, int width) {
    return desc->nb_components >= 3 && (desc->log2_chroma_w == 2 || (desc->log2_chroma_w == 1 && width & 1));
}

int wide_is_possible(const AVPixFmtDescriptor *desc, int width, int height) {
    return desc->comp[0].depth <= WIDE_MOST_BITS && wide_pays() &&
           AV_CEIL_RSHIFT(width, desc->log2_chroma_w) >= LEAST_CHROMA &&
           (!desc->log2_chroma_h || AV_CEIL_RSHIFT(height, desc->log2_chroma_h) >= LEAST_CHROMA);
}

static int prepare(Wide *w, const AVPixFmtDescriptor *desc, int width, int out_width, int height) {
    int chroma_width = AV_CEIL_RSHIFT(width, desc->log2_chroma_w),
        chroma_height = AV_CEIL_RSHIFT(height, desc->log2_chroma_h);
    w->memory =
        grown(w->memory, &w->memory_size, (2 * KEPT_ROWS + 3) * (size_t)(out_width + PADDING) * sizeof(int32_t));
    if (!w->memory)
        return -1;
    memset(w->kept, -1, sizeof(w->kept));
    if (w->chroma_width == chroma_width && w->out_width == out_width && w->chroma_height == chroma_height &&
        w->height == height)
        return 0;
    axis_free(&w->down);
    w->down = (Axis){0};
    w->height = 0;
    if (wide_columns_make(&w->columns, chroma_width, out_width) < 0 ||
        sws_filter_rows(&w->down, chroma_height, height) < 0)
        return -1;
    w->chroma_width = chroma_width;
    w->out_width = out_width;
    w->chroma_height = chroma_height;
    w->height = height;
    return 0;
}

static int32_t *row_at(const Wide *w, int place) {
    return w->memory + (ptrdiff_t)place * (w->out_width + PADDING);
}

/* Return a filtered row of chroma. The last KEPT_ROWS rows stay valid. */
static const int32_t *chroma_row(Wide *w, FrameRows *rows, int channel, int y, int bits) {
    int place = y % KEPT_ROWS;
    int32_t *row = row_at(w, channel * KEPT_ROWS + place);
    if (w->kept[channel][place] != y) {
        wide_columns_row(row, frame_row(rows, channel + 1, y), &w->columns, rows->depth, bits);
        w->kept[channel][place] = y;
    }
    return row;
}

/* Fill in the numbers of the general path to bytes: Note [General path] in yuv2rgb_deep.c. */
static FloatColours byte_colours(const Yuv2RgbMatrix *m, int depth) {
    return (FloatColours){.depth = depth,
                          .luma_scale = m->luma_scale * (1 << (17 - depth)),
                          .luma_offset = (1 << 21) - (m->luma_offset << 6) * m->luma_scale,
                          .shift = 22,
                          .most = 255,
                          .v_red = m->v_red,
                          .u_green = m->u_green,
                          .v_green = m->v_green,
                          .u_blue = m->u_blue};
}

int wide_run(Wide *w, FrameRows *rows, FloatArithmetic arithmetic, const AVFrame *frame, int y0, int y1, int top,
             int height, uint8_t *rgb, ptrdiff_t stride, RgbLayout layout, ConvertType type) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    const int width = frame->width, paired = !(width & 1), columns = paired ? width / 2 : width;
    const int is_byte = type == CONVERT_UINT8, bits = is_byte ? 15 : 19;
    const WideSum sum = is_byte ? (WideSum){(1 << 9) - (1 << 26), 10} : (WideSum){-(1 << 30), 14};
    Yuv2RgbMatrix matrix;
    FloatColours colours;
    if (prepare(w, desc, width, columns, height) < 0 || frame_rows_begin(rows, frame, WIDE_MOST_BITS, 1) < 0)
        return AVERROR(ENOMEM);
    yuv2rgb_matrix(&matrix, colour_coefficients(frame->colorspace), colour_is_full_range(frame));
    if (is_byte)
        colours = byte_colours(&matrix, rows->depth);
    else
        float_colours(&colours, &matrix, arithmetic, rows->depth);
    int32_t *sums = row_at(w, 2 * KEPT_ROWS);
    const FloatChroma chroma = {sums, row_at(w, 2 * KEPT_ROWS + 1), row_at(w, 2 * KEPT_ROWS + 2)};
    const FloatRowKind kind = {.deep = 1, .paired = paired, .half = type == CONVERT_FLOAT16};
    for (int y = y0; y < y1; y++, rgb += stride) {
        const Span *span = &w->down.spans[top + y];
        const int16_t *weights = w->down.fixed + span->start;
        const int32_t *u[WIDE_MOST_TAPS], *v[WIDE_MOST_TAPS];
        for (int i = 0; i < span->count; i++) {
            u[i] = chroma_row(w, rows, 0, span->first + i - (top >> desc->log2_chroma_h), bits);
            v[i] = chroma_row(w, rows, 1, span->first + i - (top >> desc->log2_chroma_h), bits);
        }
        const uint16_t *luma = frame_row(rows, 0, y);
        if (rows->has_strays)
            return STRAY_BITS;
        if (is_byte && paired) {
            uint8_t *bytes = (uint8_t *)sums;
            wide_byte_chroma_row(bytes, u, weights, span->count, columns);
            wide_byte_chroma_row(bytes + columns, v, weights, span->count, columns);
            deep_row(rgb, layout, luma, bytes, bytes + columns, width, &matrix, rows->depth);
        } else {
            wide_chroma_row(chroma, u, v, weights, span->count, columns, &colours, sum);
            if (is_byte)
                wide_byte_row(rgb, layout, luma, chroma, width, &colours);
            else
                float_row(rgb, layout, luma, chroma, width, &colours, kind);
        }
        if (alpha_is_missing(layout, desc) && alpha_row(rgb, layout, frame, desc, y, type))
            return STRAY_BITS;
    }
    return 0;
}
