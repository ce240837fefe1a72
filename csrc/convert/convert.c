/* Conversion to RGB.
 *
 * uint8 goes through swscale with the ffmpeg command's own settings, so that the bytes equal
 * `ffmpeg -i X -pix_fmt rgb24`; floats are computed from the planes, by convert_float.c. What a region does not need is not converted:
 * Note [Regions]. Turning happens in the planes, before the conversion, as FFmpeg's autorotation does it.
 */
#include "convert/convert.h"

#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

#include "convert/floats.h"
#include "convert/kernel_choice.h"
#include "convert/planes.h"
#include "convert/turn.h"
#include "kernels/float_rows.h"
#include "kernels/grown.h"
#include "picture/colour.h"

#define NUM_SCALERS 4
#define HALO 16 /* rows: more than the reach of swscale's vertical chroma filter */

typedef struct {
    int width, height, format; /* in */
    int out_width, out_height, out_format;
    int space, range; /* as the frame says them */
} ScalerKey;

typedef struct {
    ScalerKey key;
    struct SwsContext *sws;
    unsigned used;
} Scaler;

struct Converter {
    Scaler scalers[NUM_SCALERS];
    unsigned clock;
    AVFrame *turned;
    AVFrame *source;
    uint8_t *scratch;
    size_t scratch_size;
    FloatLines lines;
    Stages stages;
    Kernels kernels;
};

int converter_kernel(const Converter *c) {
    return c->kernels.known ? (int)c->kernels.kernel : NO_KERNEL;
}

Converter *converter_alloc(void) {
    Converter *c = av_mallocz(sizeof(*c));
    if (!c)
        return NULL;
    c->turned = av_frame_alloc();
    c->source = av_frame_alloc();
    if (!c->turned || !c->source) {
        converter_free(c);
        return NULL;
    }
    return c;
}

void converter_free(Converter *c) {
    if (!c)
        return;
    for (int i = 0; i < NUM_SCALERS; i++)
        sws_freeContext(c->scalers[i].sws);
    av_frame_free(&c->turned);
    /* `source` only borrows planes: no buffer is referenced by it */
    av_frame_free(&c->source);
    av_free(c->scratch);
    stages_free(&c->stages);
    kernels_free(&c->kernels);
    av_free(c->lines.data);
    av_free(c);
}

static uint8_t *scratch(Converter *c, size_t size) {
    return c->scratch = grown(c->scratch, &c->scratch_size, size);
}

/* ---- orientation ------------------------------------------------------------------------------------------------ */

static int chroma_ceil(int value, int shift) {
    return -((-value) >> shift);
}

/* Which planes of a format are subsampled. */
static int is_chroma_plane(const AVPixFmtDescriptor *desc, int plane) {
    return desc->nb_components >= 3 && (plane == desc->comp[1].plane || plane == desc->comp[2].plane) &&
           plane != desc->comp[0].plane;
}

/* Bytes from one pixel to the next inside a plane. */
static int plane_step(const AVPixFmtDescriptor *desc, int plane) {
    int step = 0;
    for (int i = 0; i < desc->nb_components; i++)
        if (desc->comp[i].plane == plane)
            step = FFMAX(step, desc->comp[i].step);
    return step;
}

static int num_planes(const AVPixFmtDescriptor *desc) {
    int planes = 0;
    for (int i = 0; i < desc->nb_components; i++)
        planes = FFMAX(planes, desc->comp[i].plane + 1);
    return planes;
}

/* Whether a rectangle of a frame of this format can be addressed by moving the plane pointers. */
static int is_addressable(const AVPixFmtDescriptor *desc) {
    if (desc->flags &
        (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER))
        return 0;
    /* packed formats with shared chroma (yuyv422) are left whole */
    return !((desc->log2_chroma_w || desc->log2_chroma_h) && num_planes(desc) == 1);
}

/* Whether the planes themselves can be turned: transposing must keep the subsampling. */
static int is_turnable(const AVPixFmtDescriptor *desc, int orientation) {
    return is_addressable(desc) && !(orientation & ORIENT_TRANSPOSE && desc->log2_chroma_w != desc->log2_chroma_h);
}

static void copy_colour(AVFrame *out, const AVFrame *in) {
    out->format = in->format;
    out->colorspace = in->colorspace;
    out->color_range = in->color_range;
    out->color_primaries = in->color_primaries;
    out->color_trc = in->color_trc;
}

/* ---- regions ---------------------------------------------------------------------------------------------------- */

/* Note [Regions]
 *
 * A region is converted alone, and its bytes must equal the same cut of the whole converted frame. Kernels that look
 * at one chroma sample per pixel need the region rounded to whole chroma samples. swscale's general path filters 4:2:0
 * chroma vertically: it gets HALO more rows on each side, which are thrown away. The phase of that filter only repeats
 * every two rows if the frame's height is even, so an odd frame keeps all its rows. Columns are narrowed only where that
 * leaves swscale on the same path: it interpolates chroma along rows of odd widths, and FFmpeg 9 on Arm has vector code
 * for 8 bits and widths that 16 divides, which rounds otherwise than its C code. Formats that cannot be addressed in
 * pieces are converted whole and cut.
 */
#ifdef __aarch64__
#define COLUMNS_OF_8_BITS 16
#else
#define COLUMNS_OF_8_BITS 2
#endif

static Rect needed_rect(const AVPixFmtDescriptor *desc, int width, int height, Rect want, int per_pixel) {
    Rect whole = {0, 0, width, height};
    if (!is_addressable(desc) || desc->log2_chroma_w > 1 || desc->log2_chroma_h > 1)
        return whole;
    if (!per_pixel && desc->log2_chroma_h && !desc->log2_chroma_w)
        return whole; /* 4:4:0: chroma is filtered in both directions */
    Rect r = want;
    if (desc->log2_chroma_w) {
        int unit = per_pixel || desc->comp[0].depth > 8 ? 2 : COLUMNS_OF_8_BITS;
        r.x0 &= ~(unit - 1);
        r.x1 = FFMIN(width, FFALIGN(r.x1, unit));
        if (!per_pixel && width % unit) {
            r.x0 = 0;
            r.x1 = width;
        }
    }
    if (!desc->log2_chroma_w && !desc->log2_chroma_h)
        return r;
    if (per_pixel || !(desc->log2_chroma_h || desc->comp[0].depth == 8)) {
        r.y0 &= ~1; /* swscale's C code takes every other row of chroma of 4:2:2 with 8 bits */
        r.y1 = FFMIN(height, (r.y1 + 1) & ~1);
        return r;
    }
    if (height & 1) {
        r.y0 = 0;
        r.y1 = height;
        return r;
    }
    int halo = desc->log2_chroma_h ? HALO : 0;
    r.y0 = FFMAX(0, (r.y0 & ~1) - halo);
    r.y1 = FFMIN(height, ((r.y1 + 1) & ~1) + halo);
    return r;
}

/* Let `out` show the rectangle of `in`, by pointers alone. */
static void borrow_rect(AVFrame *out, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect r) {
    copy_colour(out, in);
    out->width = r.x1 - r.x0;
    out->height = r.y1 - r.y0;
    for (int plane = 0; plane < 4; plane++) {
        out->data[plane] = in->data[plane];
        out->linesize[plane] = in->linesize[plane];
        if (!in->data[plane] || (r.x0 == 0 && r.y0 == 0))
            continue;
        int chroma = is_chroma_plane(desc, plane);
        out->data[plane] += (ptrdiff_t)(r.y0 >> (chroma ? desc->log2_chroma_h : 0)) * in->linesize[plane] +
                            (r.x0 >> (chroma ? desc->log2_chroma_w : 0)) * plane_step(desc, plane);
    }
}

/* Let c->turned hold the rectangle (in turned coordinates, whole chroma samples) of `in`. */
static int turn_rect(Converter *c, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect r, int orientation) {
    AVFrame *out = c->turned;
    int width = r.x1 - r.x0, height = r.y1 - r.y0, code;
    if (out->width != width || out->height != height || out->format != in->format || !out->buf[0]) {
        av_frame_unref(out);
        out->width = width;
        out->height = height;
        out->format = in->format;
        if ((code = av_frame_get_buffer(out, 0)) < 0) {
            av_frame_unref(out);
            return code;
        }
    }
    copy_colour(out, in);
    int full_width = orientation & ORIENT_TRANSPOSE ? in->height : in->width;
    int full_height = orientation & ORIENT_TRANSPOSE ? in->width : in->height;
    for (int plane = 0; plane < num_planes(desc); plane++) {
        int chroma = is_chroma_plane(desc, plane);
        int sx = chroma ? desc->log2_chroma_w : 0, sy = chroma ? desc->log2_chroma_h : 0;
        Rect p = {r.x0 >> sx, r.y0 >> sy, chroma_ceil(r.x1, sx), chroma_ceil(r.y1, sy)};
        turn_plane(out->data[plane], out->linesize[plane], in->data[plane], in->linesize[plane],
                   plane_step(desc, plane), p, chroma_ceil(full_width, sx), chroma_ceil(full_height, sy), orientation);
    }
    return 0;
}

/* ---- swscale ---------------------------------------------------------------------------------------------------- */

/* A scaler set up as the ffmpeg command's scale filter does it: bicubic, the frame's matrix and range, MPEG-2 chroma
 * position for 8-bit 4:2:0. */
static struct SwsContext *make_scaler(const ScalerKey *key) {
    int *inverse, *table, in_range, out_range, brightness, contrast, saturation;
    struct SwsContext *sws = sws_alloc_context();
    if (!sws)
        return NULL;
    av_opt_set_int(sws, "srcw", key->width, 0);
    av_opt_set_int(sws, "srch", key->height, 0);
    av_opt_set_int(sws, "src_format", key->format, 0);
    av_opt_set_int(sws, "dstw", key->out_width, 0);
    av_opt_set_int(sws, "dsth", key->out_height, 0);
    av_opt_set_int(sws, "dst_format", key->out_format, 0);
    av_opt_set_int(sws, "sws_flags", SWS_BICUBIC, 0);
    if (key->format == AV_PIX_FMT_YUV420P)
        av_opt_set_int(sws, "src_v_chr_pos", 128, 0);
    if (sws_init_context(sws, NULL, NULL) < 0) {
        sws_freeContext(sws);
        return NULL;
    }
    if (sws_getColorspaceDetails(sws, &inverse, &in_range, &table, &out_range, &brightness, &contrast, &saturation) >=
        0) {
        const int *matrix = colour_coefficients(key->space);
        if (key->range != AVCOL_RANGE_UNSPECIFIED)
            in_range = key->range == AVCOL_RANGE_JPEG;
        sws_setColorspaceDetails(sws, matrix, in_range, matrix, out_range, brightness, contrast, saturation);
    }
    return sws;
}

static struct SwsContext *get_scaler(Converter *c, const AVFrame *frame, int out_width, int out_height,
                                     int out_format) {
    ScalerKey key = {frame->width, frame->height, frame->format,     out_width,
                     out_height,   out_format,    frame->colorspace, frame->color_range};
    Scaler *oldest = &c->scalers[0];
    for (int i = 0; i < NUM_SCALERS; i++) {
        Scaler *s = &c->scalers[i];
        if (s->sws && !memcmp(&s->key, &key, sizeof(key))) {
            s->used = ++c->clock;
            return s->sws;
        }
        if (!s->sws || s->used < oldest->used)
            oldest = s;
    }
    sws_freeContext(oldest->sws);
    oldest->sws = make_scaler(&key);
    oldest->key = key;
    oldest->used = ++c->clock;
    return oldest->sws;
}

static int run_scaler(Converter *c, const AVFrame *frame, int width, int height, int format, uint8_t *out, int stride) {
    struct SwsContext *sws = get_scaler(c, frame, width, height, format);
    if (!sws)
        return AVERROR(ENOSYS);
    uint8_t *planes[4] = {out};
    int strides[4] = {stride};
    int rows = sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    return rows < 0 ? rows : 0;
}

/* The other way, where there is one. */
static int reference(void *converter, const AVFrame *frame, uint8_t *rgb, int stride) {
    return run_scaler(converter, frame, frame->width, frame->height, AV_PIX_FMT_RGB24, rgb, stride);
}

static Kernel find_kernel(Converter *c, const AVFrame *like, int width, int height) {
    return kernels_find(&c->kernels, like, width, height, reference, c);
}

/* ---- the whole way ---------------------------------------------------------------------------------------------- */

static void copy_rows(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int bytes, int rows) {
    for (int y = 0; y < rows; y++)
        memcpy(out + y * out_stride, in + y * in_stride, bytes);
}

/* Through swscale to a scratch picture of the frame's own size or a new one; then the wanted part is copied out,
 * turned where that could not be done in the planes. */
static int run_scaled(Converter *c, const AVFrame *frame, const AVPixFmtDescriptor *desc, int out_width, int out_height,
                      Rect want, int orientation, ConvertType type, uint8_t *rgb, ptrdiff_t stride) {
    int deep = type != CONVERT_UINT8 && desc->comp[0].depth > 8;
    int pixel = deep ? 6 : 3, format = deep ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24;
    /* rows padded to what swscale's vector code may write beyond the width */
    ptrdiff_t pitch = FFALIGN(out_width * pixel + 64, 64);
    uint8_t *picture = scratch(c, pitch * out_height + 64);
    if (!picture)
        return AVERROR(ENOMEM);
    int code = run_scaler(c, frame, out_width, out_height, format, picture, (int)pitch);
    if (code < 0)
        return code;
    int columns = want.x1 - want.x0, rows = want.y1 - want.y0;
    uint8_t *turned = NULL;
    if (orientation) {
        int full_width = orientation & ORIENT_TRANSPOSE ? out_height : out_width;
        int full_height = orientation & ORIENT_TRANSPOSE ? out_width : out_height;
        turned = av_malloc((size_t)columns * pixel * rows);
        if (!turned)
            return AVERROR(ENOMEM);
        turn_plane(turned, columns * pixel, picture, (int)pitch, pixel, want, full_width, full_height, orientation);
    }
    const uint8_t *from = turned ? turned : picture + want.y0 * pitch + want.x0 * pixel;
    ptrdiff_t from_stride = turned ? columns * pixel : pitch;
    if (type != CONVERT_UINT8)
        code = convert_float_rows(&c->lines, rgb, stride, from, from_stride, columns * 3, rows, deep, type);
    else
        copy_rows(rgb, stride, from, from_stride, columns * 3, rows);
    av_free(turned);
    return code < 0 ? code : 0;
}

/* A part of c->source, which is cut from a frame of `height` rows from row `top` on; a part of its columns by way of a scratch
 * picture. */
static int run_kernel(Converter *c, Kernel kernel, Rect part, int top, int height, uint8_t *rgb, ptrdiff_t stride,
                      int planar) {
    int width = c->source->width, columns = part.x1 - part.x0, rows = part.y1 - part.y0, pixel = planar ? 1 : 3;
    ptrdiff_t pitch = pixel * (ptrdiff_t)width, plane = planar ? stride * rows : 0, cut = planar ? pitch * rows : 0;
    if (columns == width)
        return kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, rgb, stride, plane);
    uint8_t *picture = scratch(c, 3 * (size_t)width * (size_t)rows);
    if (!picture)
        return AVERROR(ENOMEM);
    int code = kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, picture, pitch, cut);
    for (int i = 0; code >= 0 && i < (planar ? 3 : 1); i++)
        copy_rows(rgb + i * plane, stride, picture + i * cut + pixel * part.x0, pitch, pixel * columns, rows);
    return code;
}

static int is_by_float(const AVPixFmtDescriptor *desc) {
    return is_addressable(desc) && convert_float_knows(desc);
}

int converter_is_by_rows(Converter *c, const AVFrame *frame, const ConvertTarget *target) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (!desc || target->orientation || frame->width != target->width || frame->height != target->height)
        return 0;
    if (target->type != CONVERT_UINT8)
        return is_by_float(desc);
    return find_kernel(c, frame, frame->width, frame->height) != NO_KERNEL;
}

int converter_run(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return AVERROR(ENOSYS);
    int orientation = target->orientation, code;
    Rect want = {target->x0, target->y0, target->x1, target->y1};
    int width = orientation & ORIENT_TRANSPOSE ? frame->height : frame->width;
    int height = orientation & ORIENT_TRANSPOSE ? frame->width : frame->height;
    int resized = width != target->width || height != target->height;
    Rect rect = {0, 0, width, height};

    Kernel kernel = NO_KERNEL;
    int turnable = !orientation || is_turnable(desc, orientation), as_stored = !resized && turnable;
    if (target->type == CONVERT_UINT8 && as_stored)
        kernel = find_kernel(c, frame, width, height);
    int by_kernel = kernel != NO_KERNEL;
    int by_float = target->type != CONVERT_UINT8 && as_stored && is_by_float(desc);
    int by_planes = by_kernel || (by_float && convert_float_knows_planes(desc));
    if (target->num_stages || (target->planar && !by_planes))
        return stages_run(&c->stages, c, frame, target, rgb, stride);
    if (!turnable)
        return run_scaled(c, frame, desc, orientation & ORIENT_TRANSPOSE ? target->height : target->width,
                          orientation & ORIENT_TRANSPOSE ? target->width : target->height, want, orientation,
                          target->type, rgb, stride);

    if (!resized)
        rect = needed_rect(desc, width, height, want, by_float || (by_kernel && kernel_is_per_pixel(kernel)));
    if (orientation) {
        if ((code = turn_rect(c, frame, desc, rect, orientation)) < 0)
            return code;
        Rect all = {0, 0, c->turned->width, c->turned->height};
        borrow_rect(c->source, c->turned, desc, all);
    } else {
        borrow_rect(c->source, frame, desc, rect);
    }
    Rect inner = want;
    if (!resized)
        inner = (Rect){want.x0 - rect.x0, want.y0 - rect.y0, want.x1 - rect.x0, want.y1 - rect.y0};
    int fits =
        !resized && inner.x0 == 0 && inner.y0 == 0 && inner.x1 == c->source->width && inner.y1 == c->source->height;

    if (by_float)
        return convert_float_picture(&c->lines, c->source, inner, rgb, stride,
                                     target->planar ? stride * (inner.y1 - inner.y0) : 0, target->type);
    if (by_kernel)
        return run_kernel(c, kernel, inner, rect.y0, height, rgb, stride, target->planar);
    /* swscale's vector code may write up to 15 pixels beyond a row */
    if (fits && target->type == CONVERT_UINT8 && c->source->width % 16 == 0)
        return run_scaler(c, c->source, c->source->width, c->source->height, AV_PIX_FMT_RGB24, rgb, (int)stride);
    return run_scaled(c, c->source, desc, resized ? target->width : c->source->width,
                      resized ? target->height : c->source->height, inner, 0, target->type, rgb, stride);
}
