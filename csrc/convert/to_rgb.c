/* uint8 has the bytes of `ffmpeg -i X -pix_fmt rgb24`, and floats are the samples of `-pix_fmt
 * rgb48` divided by 65535. swscale converts with the ffmpeg command's settings, or a kernel of our
 * own that gives the same values. Only what the region needs is converted: Note [Regions] in
 * region.c. Pictures are turned in the planes before the conversion, as FFmpeg's autorotation does.
 */
#include "convert/to_rgb.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "convert/grown.h"
#include "convert/region.h"
#include "convert/scaler.h"
#include "convert/turn.h"
#include "kernels/float_rows.h"

struct ToRgb {
    Scalers scalers;
    Kernels kernels;
    AVFrame *turned; /* the turned region */
    AVFrame *source; /* what is converted; it only borrows planes */
    uint8_t *scratch;
    size_t scratch_size;
};

ToRgb *to_rgb_alloc(void) {
    ToRgb *c = av_mallocz(sizeof(*c));
    if (!c)
        return NULL;
    c->turned = av_frame_alloc();
    c->source = av_frame_alloc();
    if (!c->turned || !c->source) {
        to_rgb_free(c);
        return NULL;
    }
    return c;
}

void to_rgb_free(ToRgb *c) {
    if (!c)
        return;
    scalers_free(&c->scalers);
    kernels_free(&c->kernels);
    av_frame_free(&c->turned);
    av_frame_free(&c->source);
    av_free(c->scratch);
    av_free(c);
}

Kernel to_rgb_kernel(const ToRgb *c) {
    return c->kernels.known ? c->kernels.kernel : NO_KERNEL;
}

static uint8_t *scratch(ToRgb *c, size_t size) {
    return c->scratch = grown(c->scratch, &c->scratch_size, size);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* How a frame is converted. */
typedef struct {
    const AVPixFmtDescriptor *desc;
    int width, height; /* of the frame after orientation */
    int is_resized;    /* the result has another size than the frame */
    int is_turnable;   /* true if the planes can be turned before the conversion */
    Kernel kernel;     /* NO_KERNEL means swscale */
} Way;

static int choose_way(ToRgb *c, const AVFrame *frame, const ConvertTarget *target, Way *way) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int is_transposed = target->orientation & ORIENT_TRANSPOSE;
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return AVERROR(ENOSYS);
    *way = (Way){.desc = desc, .kernel = NO_KERNEL};
    way->width = is_transposed ? frame->height : frame->width;
    way->height = is_transposed ? frame->width : frame->height;
    way->is_resized = way->width != target->width || way->height != target->height;
    way->is_turnable = !target->orientation || region_is_turnable(desc, target->orientation);
    if (!way->is_resized && way->is_turnable)
        way->kernel = kernels_find(&c->kernels, frame, way->width, way->height, target->type, &c->scalers);
    return 0;
}

int to_rgb_gives_planes(ToRgb *c, const AVFrame *frame, const ConvertTarget *target) {
    Way way;
    return choose_way(c, frame, target, &way) >= 0 && way.kernel != NO_KERNEL;
}

int to_rgb_is_by_rows(ToRgb *c, const AVFrame *frame, const ConvertTarget *target) {
    Way way;
    return !target->orientation && choose_way(c, frame, target, &way) >= 0 && way.kernel != NO_KERNEL;
}

/* ---- converting ------------------------------------------------------------------------------ */

static void copy_rows(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int bytes, int rows) {
    for (int y = 0; y < rows; y++)
        memcpy(out + y * out_stride, in + y * in_stride, bytes);
}

/* Copy rows of bytes, or divide rows of 16-bit samples by their largest value for floats. */
static void finish_rows(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int samples,
                        int rows, ConvertType type) {
    if (type == CONVERT_UINT8)
        copy_rows(out, out_stride, in, in_stride, samples, rows);
    for (int y = 0; type != CONVERT_UINT8 && y < rows; y++)
        float_samples(out + y * out_stride, (const uint16_t *)(in + y * in_stride), samples, type == CONVERT_FLOAT16);
}

/* swscale converts to a scratch picture of the frame's own size or a new one. The wanted part is
 * copied out, turned if the planes could not be turned. */
static int run_scaled(ToRgb *c, const AVFrame *frame, int out_width, int out_height, Rect want, int orientation,
                      ConvertType type, uint8_t *rgb, ptrdiff_t stride) {
    int deep = type != CONVERT_UINT8, pixel = deep ? 6 : 3, format = deep ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24;
    /* swscale's vector code may write beyond the width */
    ptrdiff_t pitch = FFALIGN((out_width + 16) * pixel, 64);
    /* swscale copies packed RGB of equal strides in one piece, beyond the end of a region */
    if (pitch == frame->linesize[0])
        pitch += 64;
    uint8_t *picture = scratch(c, pitch * out_height + 64);
    if (!picture)
        return AVERROR(ENOMEM);
    int code = scalers_run(&c->scalers, frame, out_width, out_height, format, picture, (int)pitch);
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
    finish_rows(rgb, stride, from, from_stride, columns * 3, rows, type);
    av_free(turned);
    return 0;
}

/* A kernel converts a part of c->source, which shows row `top` and the following ones of a frame of
 * `height` rows. Some of its columns are converted through a scratch picture. */
static int run_kernel(ToRgb *c, Kernel kernel, Rect part, int top, int height, uint8_t *rgb, ptrdiff_t stride,
                      ConvertType type, int planar) {
    int width = c->source->width, columns = part.x1 - part.x0, rows = part.y1 - part.y0;
    int pixel = (planar ? 1 : 3) * convert_sample_size(type);
    ptrdiff_t pitch = pixel * (ptrdiff_t)width, plane = planar ? stride * rows : 0, cut = planar ? pitch * rows : 0;
    if (columns == width)
        return kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, rgb, stride, plane, type);
    uint8_t *picture = scratch(c, 3 * (size_t)width * (size_t)rows * (size_t)convert_sample_size(type));
    if (!picture)
        return AVERROR(ENOMEM);
    int code = kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, picture, pitch, cut, type);
    for (int i = 0; code >= 0 && i < (planar ? 3 : 1); i++)
        copy_rows(rgb + i * plane, stride, picture + i * cut + pixel * part.x0, pitch, pixel * columns, rows);
    return code;
}

/* Let c->source show the needed rectangle of the frame, turned. */
static int show_source(ToRgb *c, const AVFrame *frame, const AVPixFmtDescriptor *desc, Rect rect, int orientation) {
    if (!orientation) {
        region_borrow(c->source, frame, desc, rect);
        return 0;
    }
    int code = region_turn(c->turned, frame, desc, rect, orientation);
    if (code >= 0)
        region_borrow(c->source, c->turned, desc, (Rect){0, 0, c->turned->width, c->turned->height});
    return code;
}

int to_rgb_run(ToRgb *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride) {
    Way way;
    int code = choose_way(c, frame, target, &way), is_transposed = target->orientation & ORIENT_TRANSPOSE;
    if (code < 0)
        return code;
    const AVPixFmtDescriptor *desc = way.desc;
    Rect want = {target->x0, target->y0, target->x1, target->y1}, rect = {0, 0, way.width, way.height}, inner = want;
    if (!way.is_turnable)
        return run_scaled(c, frame, is_transposed ? target->height : target->width,
                          is_transposed ? target->width : target->height, want, target->orientation, target->type, rgb,
                          stride);
    if (!way.is_resized) {
        int is_per_pixel = way.kernel != NO_KERNEL && kernel_is_per_pixel(way.kernel);
        rect = region_needed(desc, way.width, way.height, want, is_per_pixel);
        inner = (Rect){want.x0 - rect.x0, want.y0 - rect.y0, want.x1 - rect.x0, want.y1 - rect.y0};
    }
    if ((code = show_source(c, frame, desc, rect, target->orientation)) < 0)
        return code;
    int width = c->source->width, height = c->source->height;
    if (way.kernel != NO_KERNEL)
        return run_kernel(c, way.kernel, inner, rect.y0, way.height, rgb, stride, target->type, target->planar);
    if (way.is_resized)
        return run_scaled(c, c->source, target->width, target->height, want, 0, target->type, rgb, stride);
    /* swscale's vector code may write up to 15 pixels beyond a row */
    if (target->type == CONVERT_UINT8 && width % 16 == 0 && inner.x0 == 0 && inner.y0 == 0 && inner.x1 == width &&
        inner.y1 == height)
        return scalers_run(&c->scalers, c->source, width, height, AV_PIX_FMT_RGB24, rgb, (int)stride);
    return run_scaled(c, c->source, width, height, inner, 0, target->type, rgb, stride);
}
