/* Note [Own kernel]
 *
 * The kernels repeat the arithmetic of swscale. On x86 they are faster for 8 bits and need no
 * scratch frame for widths that are not divisible by 16. For more bits, 4:4:4 and RGB48 (floats)
 * swscale only has plain C code there.
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

#include "convert/alpha.h"
#include "convert/frame_rows.h"
#include "convert/grown.h"
#include "kernels/float_rows.h"
#include "kernels/kernel_level.h"
#include "kernels/sws_filter.h"
#include "kernels/yuv2rgb.h"
#include "kernels/yuv2rgb_deep.h"
#include "picture/colour.h"
#include "picture/planar.h"

#define TRIAL_WIDTH 64
#define TRIAL_HEIGHT 32
#define LEAST_HEIGHT 16 /* of 4:2:0 whose chroma is filtered; less has fewer taps in swscale */

void kernels_free(Kernels *k) {
    axis_free(&k->filter);
    frame_rows_free(&k->rows);
    wide_free(&k->wide);
    av_free(k->chroma);
}

int kernel_is_per_pixel(Kernel kernel) {
    return kernel != KERNEL_DEEP && kernel != KERNEL_WIDE && kernel != KERNEL_FLOAT_WRAPPED &&
           kernel != KERNEL_FLOAT_BIASED;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int prepare_filter(Kernels *k, int height) {
    if (k->height == height)
        return 0;
    axis_free(&k->filter);
    memset(&k->filter, 0, sizeof(k->filter));
    k->height = sws_filter_rows(&k->filter, (height + 1) / 2, height) < 0 ? 0 : height;
    return k->height ? 0 : AVERROR(ENOMEM);
}

/* The rows of chroma that a row of luma needs, and their weights in 4096ths. */
typedef struct {
    int first, count;
    const int16_t *weights;
} Taps;

static Taps find_taps(const Kernels *k, int row, int top, int subsampled) {
    static const int16_t whole[] = {4096};
    if (!subsampled)
        return (Taps){row - top, 1, whole};
    const Span *span = &k->filter.spans[row];
    return (Taps){span->first - top / 2, span->count, k->filter.fixed + span->start};
}

/* Make both chroma rows for a row of the whole frame, in 8 bits. */
static void smooth(Kernels *k, int row, int top, int subsampled, int width) {
    const Taps taps = find_taps(k, row, top, subsampled);
    for (int plane = 1; plane < 3; plane++) {
        const uint16_t *rows[DEEP_MOST_TAPS];
        for (int i = 0; i < taps.count; i++)
            rows[i] = frame_row(&k->rows, plane, taps.first + i);
        deep_chroma_row((uint8_t *)k->chroma + (plane - 1) * width, rows, taps.weights, taps.count, width,
                        k->rows.depth);
    }
}

static int prepare_chroma(Kernels *k, size_t size, int subsampled, int height) {
    k->chroma = grown(k->chroma, &k->chroma_size, size);
    return !k->chroma || (subsampled && prepare_filter(k, height) < 0) ? AVERROR(ENOMEM) : 0;
}

/* Return the chroma row for a row of luma. The tables of swscale skip every second chroma row of
 * 8-bit 4:2:2 in older versions of FFmpeg, and take all in newer ones. */
static int chroma_row(Kernel kernel, int y, int subsampled) {
    if (subsampled)
        return y >> 1;
    return kernel == KERNEL_TABLES || kernel == KERNEL_FLOAT_TABLES ? y & ~1 : y;
}

static FloatArithmetic arithmetic_of(Kernel kernel) {
    return kernel < KERNEL_FLOAT_WRAPPED ? FLOAT_TABLES
                                         : FLOAT_WRAPPED + (FloatArithmetic)(kernel - KERNEL_FLOAT_WRAPPED);
}

static int run_floats(Kernels *k, Kernel kernel, const AVFrame *frame, int y0, int y1, int top, int height,
                      uint8_t *rgb, ptrdiff_t stride, RgbLayout layout, int half) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int width = frame->width, across = desc->log2_chroma_w, down = desc->log2_chroma_h;
    int columns = AV_CEIL_RSHIFT(width, across), made = -1, is_gray = desc->nb_components == 1;
    int has_own_alpha = alpha_is_missing(layout, desc);
    FloatArithmetic arithmetic = arithmetic_of(kernel);
    Yuv2RgbMatrix matrix;
    FloatColours colours;
    if (prepare_chroma(k, 3 * (size_t)columns * sizeof(int32_t), down && arithmetic != FLOAT_TABLES, height) < 0 ||
        frame_rows_begin(&k->rows, frame, FLOAT_MOST_BITS, 0) < 0)
        return AVERROR(ENOMEM);
    const FloatRowKind kind = {.deep = k->rows.is_words, .paired = across, .half = half};
    int is_full_range = is_gray || (!k->rows.is_rgb && colour_is_full_range(frame));
    int32_t *sums = k->chroma;
    const FloatChroma chroma = {sums, sums + columns, sums + 2 * columns};
    /* swscale takes gray for full range, whatever the stream says */
    yuv2rgb_matrix(&matrix, colour_coefficients(frame->colorspace), is_full_range);
    float_colours(&colours, &matrix, arithmetic, k->rows.depth);
    if (is_gray)
        memset(sums, 0, 3 * (size_t)columns * sizeof(int32_t));
    for (int y = y0; y < y1; y++, rgb += stride) {
        Taps taps = {.first = chroma_row(kernel, y, down), .count = 1};
        const void *u[FLOAT_MOST_TAPS], *v[FLOAT_MOST_TAPS];
        if (arithmetic != FLOAT_TABLES)
            taps = find_taps(k, top + y, top, down);
        for (int i = 0; i < taps.count && !is_gray; i++) {
            u[i] = frame_row(&k->rows, 1, taps.first + i);
            v[i] = frame_row(&k->rows, 2, taps.first + i);
        }
        if (!is_gray && (arithmetic != FLOAT_TABLES || taps.first != made))
            float_chroma_row(chroma, u, v, taps.weights, taps.count, columns, &colours, kind.deep);
        made = taps.first;
        const void *luma = frame_row(&k->rows, 0, y);
        if (k->rows.has_strays)
            return STRAY_BITS;
        float_row(rgb, layout, luma, chroma, width, &colours, kind);
        if (has_own_alpha && alpha_row(rgb, layout, frame, desc, y, half ? CONVERT_FLOAT16 : CONVERT_FLOAT32))
            return STRAY_BITS;
    }
    return 0;
}

int kernel_run(Kernels *k, Kernel kernel, const AVFrame *frame, int y0, int y1, int top, int height, uint8_t *rgb,
               ptrdiff_t stride, RgbLayout layout, ConvertType type) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int width = frame->width, subsampled = desc->log2_chroma_h, half = (width + 1) / 2;
    FrameRows *rows = &k->rows;
    Yuv2RgbMatrix matrix;
    if (kernel == KERNEL_WIDE || (kernel > KERNEL_FLOAT_TABLES_BY_ROW && wide_is_needed(desc, width)))
        return wide_run(&k->wide, rows, arithmetic_of(kernel), frame, y0, y1, top, height, rgb, stride, layout, type);
    if (type != CONVERT_UINT8)
        return run_floats(k, kernel, frame, y0, y1, top, height, rgb, stride, layout, type == CONVERT_FLOAT16);
    yuv2rgb_matrix(&matrix, colour_coefficients(frame->colorspace), colour_is_full_range(frame));
    if ((kernel == KERNEL_DEEP && prepare_chroma(k, 2 * (size_t)half, subsampled, height) < 0) ||
        frame_rows_begin(rows, frame, DEEP_MOST_BITS, kernel == KERNEL_DEEP) < 0)
        return AVERROR(ENOMEM);
    const uint8_t *sums = k->chroma;
    for (int y = y0; y < y1; y++, rgb += stride) {
        const void *luma = frame_row(rows, 0, y), *chroma[2];
        int row = kernel == KERNEL_FULL ? y : chroma_row(kernel, y, subsampled);
        for (int i = 0; i < 2 && kernel != KERNEL_DEEP; i++)
            chroma[i] = frame_row(rows, 1 + i, row);
        if (kernel == KERNEL_DEEP)
            smooth(k, top + y, top, subsampled, half);
        if (rows->has_strays)
            return STRAY_BITS;
        if (kernel == KERNEL_DEEP)
            deep_row(rgb, layout, luma, sums, sums + half, width, &matrix, rows->depth);
        else if (kernel == KERNEL_FULL)
            deep_full_row(rgb, layout, luma, chroma[0], chroma[1], width, &matrix, rows->depth);
        else
            yuv2rgb_row(rgb, layout, luma, chroma[0], chroma[1], width, &matrix,
                        kernel == KERNEL_PRODUCTS ? YUV2RGB_PRODUCTS : YUV2RGB_TABLES);
        if (alpha_is_missing(layout, desc) && alpha_row(rgb, layout, frame, desc, y, type))
            return STRAY_BITS;
    }
    return 0;
}

/* ---- which one ------------------------------------------------------------------------------- */

/* Set the first and the end of the kernels that may be tried for frames of a format and size. */
static void candidates(const AVPixFmtDescriptor *desc, int width, int height, Kernel *first, Kernel *end) {
    int depth = desc->comp[0].depth, across = desc->log2_chroma_w, down = desc->log2_chroma_h;
    *first = *end = NO_KERNEL;
    if (!has_frame_rows(desc) || desc->nb_components < 3 || down > across || kernel_level() == LEVEL_NONE)
        return;
    int is_wide = wide_is_needed(desc, width) && wide_is_possible(desc, width, height);
    if (!across) {
        *first = deep_pays() ? KERNEL_FULL : NO_KERNEL;
        *end = KERNEL_FULL + 1;
        return;
    }
    int is_deep = across == 1 && !(width & 1) && (!down || height >= LEAST_HEIGHT) && deep_pays();
    int is_by_pairs = across == 1 && depth == 8 && are_rows_in_place(desc) && !(height & 1);
    if (is_by_pairs || is_deep)
        *first = is_by_pairs ? KERNEL_PRODUCTS : KERNEL_DEEP;
    else if (is_wide)
        *first = KERNEL_WIDE;
    *end = is_deep ? KERNEL_DEEP + 1 : is_by_pairs ? KERNEL_DEEP : KERNEL_WIDE + 1;
}

/* True if swscale converts to RGB48 by its tables. It then leaves out the last column of odd
 * widths, which only a kernel of ours converts. */
static int is_by_tables(const AVPixFmtDescriptor *desc, int height) {
    return has_yuv_planes(desc) && desc->comp[0].depth == 8 && desc->log2_chroma_w == 1 && desc->log2_chroma_h <= 1 &&
           !(height & 1) && (desc->nb_components == 3 || desc->log2_chroma_h);
}

/* The same for floats. RGBA64 has no tables. */
static void float_candidates(const AVPixFmtDescriptor *desc, int width, int height, int has_alpha, Kernel *first,
                             Kernel *end) {
    int across = desc->log2_chroma_w, down = desc->log2_chroma_h, is_odd = width & 1;
    *first = *end = NO_KERNEL;
    if (!has_alpha && is_by_tables(desc, height)) {
        if (is_odd || (kernel_level() > LEVEL_NONE && float_pays()))
            *first = KERNEL_FLOAT_TABLES;
        *end = KERNEL_FLOAT_WRAPPED;
        return;
    }
    if (!(has_frame_rows(desc) || has_rgb_rows(desc)) || down > across || kernel_level() == LEVEL_NONE || !float_pays())
        return;
    if (wide_is_needed(desc, width) ? !wide_is_possible(desc, width, height) : down && height < LEAST_HEIGHT)
        return;
    *first = KERNEL_FLOAT_WRAPPED;
}

/* Half of the samples are noise. The others are the lowest or the highest code, whose sums overflow
 * where an arithmetic lets them. */
static void fill_trial(AVFrame *trial, const AVPixFmtDescriptor *desc) {
    uint32_t state = 12345;
    for (int i = 0; i < desc->nb_components; i++) {
        const AVComponentDescriptor *c = &desc->comp[i];
        int is_chroma = i == 1 || i == 2;
        int width = is_chroma ? AV_CEIL_RSHIFT(trial->width, desc->log2_chroma_w) : trial->width;
        int height = is_chroma ? AV_CEIL_RSHIFT(trial->height, desc->log2_chroma_h) : trial->height;
        int top = (1 << c->depth) - 1, low = (1 << c->shift) - 1;
        for (int y = 0; y < height; y++) {
            uint8_t *row = trial->data[c->plane] + (ptrdiff_t)y * trial->linesize[c->plane] + c->offset;
            for (int x = 0; x < width; x++, row += c->step) {
                state = state * 1664525 + 1013904223;
                int sample = state & 1 << 16 ? state & 1 << 17 ? top : 0 : (int)(state >> (32 - c->depth));
                sample = sample << c->shift | (int)(state >> 8 & low);
                if (c->depth + c->shift > 8)
                    *(uint16_t *)row = (uint16_t)sample;
                else
                    *row = (uint8_t)sample;
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

/* True if a kernel gives the picture of swscale. Rows of both have `pitch` bytes. */
static int is_equal(Kernels *k, Kernel kernel, const AVFrame *trial, int has_alpha, const uint8_t *theirs,
                    uint8_t *ours, ptrdiff_t pitch, ConvertType type) {
    int width = trial->width, height = trial->height;
    return !kernel_run(k, kernel, trial, 0, height, 0, height, ours, pitch, (RgbLayout){0, has_alpha}, type) &&
           same_rows(ours, theirs, pitch, (has_alpha ? 4 : 3) * width * convert_sample_size(type), height);
}

/* Let swscale convert the trial to `theirs`; `samples` is memory of the same size. Return false if
 * it cannot. */
static int make_theirs(Scalers *scalers, const AVFrame *trial, int is_float, int has_alpha, uint8_t *theirs,
                       uint8_t *samples, int pitch) {
    int width = trial->width, height = trial->height;
    int format = is_float ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24;
    uint8_t *made = is_float ? samples : theirs;
    if (has_alpha)
        format = is_float ? AV_PIX_FMT_RGBA64 : AV_PIX_FMT_RGBA;
    if (scalers_run(scalers, trial, width, height, format, made, pitch) < 0)
        return 0;
    for (int y = 0; is_float && y < height; y++)
        float_samples(theirs + y * pitch, (const uint16_t *)(samples + y * pitch), (has_alpha ? 4 : 3) * width, 0);
    return 1;
}

/* Return the first candidate that gives swscale's picture of a frame, or NO_KERNEL. Return -1 if
 * there is no memory for a trial, or swscale fails. */
static int try_kernels(Kernels *k, const AVFrame *frame, const Trial *trial, ConvertType type, Scalers *scalers) {
    int height = frame->height, has_alpha = trial->has_alpha, kernel = -1;
    /* swscale may write up to 15 pixels beyond a row */
    int pitch = FFALIGN((frame->width + 16) * 4 * convert_sample_size(type), 64);
    uint8_t *ours = av_malloc(3 * (size_t)pitch * height), *theirs = ours + pitch * height,
            *samples = theirs + pitch * height;
    if (ours && make_theirs(scalers, frame, type != CONVERT_UINT8, has_alpha, theirs, samples, pitch)) {
        kernel = NO_KERNEL;
        for (Kernel tried = trial->first; (int)tried < trial->end && kernel == NO_KERNEL; tried++) {
            if (tried < KERNEL_DEEP && !yuv2rgb_pays(tried == KERNEL_PRODUCTS ? YUV2RGB_PRODUCTS : YUV2RGB_TABLES))
                continue;
            if (is_equal(k, tried, frame, has_alpha, theirs, ours, pitch, type))
                kernel = tried;
        }
    }
    av_free(ours);
    return kernel;
}

/* Have the candidates convert a small frame with the colours of `like`, and return the one that is
 * used; it is remembered by `key`. */
static Kernel hold_trial(Kernels *k, const AVFrame *like, const Trial *trial, ConvertType type, Scalers *scalers,
                         uint64_t key) {
    AVFrame *frame = av_frame_alloc();
    int kernel = -1;
    if (frame) {
        colour_copy(frame, like);
        frame->width = TRIAL_WIDTH - (trial->ragged ? 8 : 0) - trial->is_odd;
        frame->height = TRIAL_HEIGHT - !trial->even;
        if (av_frame_get_buffer(frame, 0) >= 0) {
            fill_trial(frame, av_pix_fmt_desc_get(like->format));
            kernel = try_kernels(k, frame, trial, type, scalers);
        }
    }
    av_frame_free(&frame);
    if (kernel < 0)
        return NO_KERNEL;
    remember_kernel(key, kernel);
    return (Kernel)kernel;
}

Kernel kernels_find(Kernels *k, const AVFrame *like, int width, int height, ConvertType type, int has_alpha,
                    Scalers *scalers) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(like->format);
    int is_float = type != CONVERT_UINT8;
    Kernel first, end;
    if (is_float)
        float_candidates(desc, width, height, has_alpha, &first, &end);
    else
        candidates(desc, width, height, &first, &end);
    if (first == NO_KERNEL)
        return NO_KERNEL;
    const Trial trial = {.first = first,
                         .end = end,
                         .format = like->format,
                         .space = like->colorspace,
                         .range = like->color_range,
                         .ragged = width % 16 != 0,
                         .is_odd = width & 1 && (first == KERNEL_WIDE || first == KERNEL_FLOAT_WRAPPED),
                         .even = !(height & 1),
                         .is_float = is_float,
                         .has_alpha = has_alpha,
                         .level = kernel_level()};
    if (k->known && !memcmp(&k->trial, &trial, sizeof(trial)))
        return k->kernel;
    uint64_t key = trial_key(&trial);
    int chosen = chosen_kernel(key);
    k->kernel =
        chosen < 0 ? hold_trial(k, like, &trial, is_float ? CONVERT_FLOAT32 : type, scalers, key) : (Kernel)chosen;
    k->trial = trial;
    k->known = 1;
    return k->kernel;
}
