/* Note [Own kernel]
 *
 * The kernels repeat the arithmetic of swscale. On x86 they are faster for 8 bits and need no
 * scratch frame for widths that are not divisible by 16. For more bits and 4:4:4 swscale only has
 * plain C code there.
 *
 * The result must have the bytes of the FFmpeg in use, whose arithmetic depends on the processor
 * and on the version (Note [Two arithmetics] in yuv2rgb.c). So swscale and our kernels first
 * convert a small frame of pseudo-random samples, for each format, matrix and range. A kernel is
 * used only if all bytes are equal. swscale only has vector code for some widths: the trial's width
 * is divisible by 16 if the frame's width is.
 */
#include "convert/kernel_choice.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "convert/grown.h"
#include "kernels/kernel_level.h"
#include "kernels/sws_filter.h"
#include "kernels/yuv2rgb.h"
#include "kernels/yuv2rgb_deep.h"
#include "picture/colour.h"
#include "picture/planar.h"

#define TRIAL_WIDTH 64
#define TRIAL_HEIGHT 32
#define LEAST_HEIGHT 16 /* 4:2:0 rows for KERNEL_DEEP; swscale weights fewer rows otherwise */

void kernels_free(Kernels *k) {
    axis_free(&k->filter);
    av_free(k->chroma);
}

int kernel_is_per_pixel(Kernel kernel) {
    return kernel != KERNEL_DEEP;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const uint8_t *row_of(const AVFrame *frame, int plane, int row) {
    return frame->data[plane] + (ptrdiff_t)row * frame->linesize[plane];
}

static int prepare_filter(Kernels *k, int height) {
    if (k->height == height)
        return 0;
    axis_free(&k->filter);
    memset(&k->filter, 0, sizeof(k->filter));
    k->height = sws_filter_rows(&k->filter, (height + 1) / 2, height) < 0 ? 0 : height;
    return k->height ? 0 : AVERROR(ENOMEM);
}

/* Make both chroma rows for a row of the whole frame, in 8 bits. */
static void smooth(const Kernels *k, const AVFrame *frame, int row, int top, int subsampled, int depth, int width) {
    const int16_t whole[] = {4096}, *weights = whole;
    int first = row - top, count = 1;
    if (subsampled) {
        const Span *span = &k->filter.spans[row];
        first = span->first - top / 2;
        count = span->count;
        weights = k->filter.fixed + span->start;
    }
    for (int plane = 1; plane < 3; plane++) {
        const uint16_t *rows[DEEP_MOST_TAPS];
        for (int i = 0; i < count; i++)
            rows[i] = (const uint16_t *)row_of(frame, plane, first + i);
        deep_chroma_row(k->chroma + (plane - 1) * width, rows, weights, count, width, depth);
    }
}

int kernel_run(Kernels *k, Kernel kernel, const AVFrame *frame, int y0, int y1, int top, int height, uint8_t *rgb,
               ptrdiff_t stride, ptrdiff_t plane_stride) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int width = frame->width, depth = desc->comp[0].depth, subsampled = desc->log2_chroma_h, half = (width + 1) / 2;
    Yuv2RgbMatrix matrix;
    yuv2rgb_matrix(&matrix, colour_coefficients(frame->colorspace), colour_is_full_range(frame));
    if (kernel == KERNEL_DEEP) {
        k->chroma = grown(k->chroma, &k->chroma_size, 2 * (size_t)half);
        if (!k->chroma || (subsampled && prepare_filter(k, height) < 0))
            return AVERROR(ENOMEM);
    }
    for (int y = y0; y < y1; y++, rgb += stride) {
        const uint8_t *luma = row_of(frame, 0, y);
        if (kernel == KERNEL_DEEP) {
            smooth(k, frame, top + y, top, subsampled, depth, half);
            deep_row(rgb, plane_stride, (const uint16_t *)luma, k->chroma, k->chroma + half, width, &matrix, depth);
        } else if (kernel == KERNEL_FULL) {
            deep_full_row(rgb, plane_stride, luma, row_of(frame, 1, y), row_of(frame, 2, y), width, &matrix, depth);
        } else {
            /* swscale's C code skips every second chroma row of 4:2:2 */
            int row = subsampled ? y >> 1 : kernel == KERNEL_TABLES ? y & ~1 : y;
            yuv2rgb_row(rgb, plane_stride, luma, row_of(frame, 1, row), row_of(frame, 2, row), width, &matrix,
                        kernel == KERNEL_PRODUCTS ? YUV2RGB_PRODUCTS : YUV2RGB_TABLES);
        }
    }
    return 0;
}

/* ---- which one ------------------------------------------------------------------------------- */

/* Set the first and the end of the kernels that may be tried for frames of a format and size. */
static void candidates(const AVPixFmtDescriptor *desc, int width, int height, Kernel *first, Kernel *end) {
    int depth = desc->comp[0].depth, across = desc->log2_chroma_w, down = desc->log2_chroma_h;
    *first = *end = NO_KERNEL;
    if (!is_planar_yuv(desc) || depth > DEEP_MOST_BITS || across > 1 || down > across)
        return;
    if (!across) {
        if (deep_pays())
            *first = KERNEL_FULL;
    } else if (depth == 8) {
        if (!(height & 1))
            *first = KERNEL_PRODUCTS;
    } else if (!(width & 1) && (!down || (!(height & 1) && height >= LEAST_HEIGHT)) && deep_pays()) {
        *first = KERNEL_DEEP;
    }
    if (*first != NO_KERNEL)
        *end = *first == KERNEL_PRODUCTS ? KERNEL_DEEP : *first + 1;
}

static void fill_trial(AVFrame *trial, const AVPixFmtDescriptor *desc) {
    uint32_t state = 12345;
    int depth = desc->comp[0].depth;
    for (int plane = 0; plane < 3; plane++) {
        int width = plane ? AV_CEIL_RSHIFT(trial->width, desc->log2_chroma_w) : trial->width;
        int height = plane ? AV_CEIL_RSHIFT(trial->height, desc->log2_chroma_h) : trial->height;
        for (int y = 0; y < height; y++) {
            uint8_t *row = trial->data[plane] + (ptrdiff_t)y * trial->linesize[plane];
            for (int x = 0; x < width; x++) {
                state = state * 1664525 + 1013904223;
                if (depth > 8)
                    ((uint16_t *)row)[x] = (uint16_t)(state >> (32 - depth));
                else
                    row[x] = (uint8_t)(state >> 24);
            }
        }
    }
}

static int same_rows(const uint8_t *a, const uint8_t *b, ptrdiff_t stride, int bytes, int rows) {
    for (int y = 0; y < rows; y++)
        if (memcmp(a + y * stride, b + y * stride, bytes))
            return 0;
    return 1;
}

static Kernel try_kernels(Kernels *k, AVFrame *trial, Kernel first, Kernel end, Scalers *scalers) {
    int width = trial->width, height = trial->height;
    int pitch = FFALIGN(3 * width + 64, 64); /* swscale may write up to 15 pixels beyond a row */
    uint8_t *ours = av_malloc(2 * (size_t)pitch * height), *theirs = ours + pitch * height;
    Kernel kernel = NO_KERNEL;
    if (ours && scalers_run(scalers, trial, width, height, AV_PIX_FMT_RGB24, theirs, pitch) >= 0)
        for (Kernel tried = first; tried < end && kernel == NO_KERNEL; tried++) {
            if (tried < KERNEL_DEEP && !yuv2rgb_pays(tried == KERNEL_PRODUCTS ? YUV2RGB_PRODUCTS : YUV2RGB_TABLES))
                continue;
            if (kernel_run(k, tried, trial, 0, height, 0, height, ours, pitch, 0) >= 0 &&
                same_rows(ours, theirs, pitch, 3 * width, height))
                kernel = tried;
        }
    av_free(ours);
    return kernel;
}

Kernel kernels_find(Kernels *k, const AVFrame *like, int width, int height, Scalers *scalers) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(like->format);
    int ragged = width % 16 != 0;
    Kernel first, end;
    if (kernel_level() == LEVEL_NONE)
        return NO_KERNEL;
    candidates(desc, width, height, &first, &end);
    if (first == NO_KERNEL)
        return NO_KERNEL;
    if (k->known && k->format == like->format && k->space == (int)like->colorspace &&
        k->range == (int)like->color_range && k->ragged == ragged)
        return k->kernel;
    AVFrame *trial = av_frame_alloc();
    k->kernel = NO_KERNEL;
    if (trial) {
        colour_copy(trial, like);
        trial->width = TRIAL_WIDTH - (ragged ? 8 : 0);
        trial->height = TRIAL_HEIGHT;
        if (av_frame_get_buffer(trial, 0) >= 0) {
            fill_trial(trial, desc);
            k->kernel = try_kernels(k, trial, first, end, scalers);
        }
    }
    av_frame_free(&trial);
    k->known = 1;
    k->format = like->format;
    k->space = like->colorspace;
    k->range = like->color_range;
    k->ragged = ragged;
    return k->kernel;
}
