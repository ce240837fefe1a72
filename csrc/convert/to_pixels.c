/* uint8 has the bytes of `ffmpeg -i X -pix_fmt rgb24`, gray or rgba, and floats are the samples of
 * `-pix_fmt rgb48`, gray16 or rgba64 divided by 65535. swscale converts with the ffmpeg command's
 * settings, or a kernel or table of our own that gives the same values. Only what the region needs
 * is converted: Note [Regions] in region.c. Gray and RGBA by swscale are converted whole. Pictures
 * are turned in the planes before the conversion, as FFmpeg's autorotation does.
 */
#include "convert/to_pixels.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#include "convert/grown.h"
#include "convert/luma_table.h"
#include "convert/pixel_table.h"
#include "convert/planes.h"
#include "convert/region.h"
#include "convert/scaler.h"
#include "convert/turn.h"
#include "convert/yuv.h"
#include "kernels/float_rows.h"

struct ToPixels {
    Scalers scalers;
    Kernels kernels;
    LumaTable luma;
    PixelTable pixels;
    Yuv yuv;
    AVFrame *turned; /* the turned region */
    AVFrame *source; /* what is converted; it only borrows planes */
    uint8_t *scratch;
    size_t scratch_size;
    int is_by_swscale; /* true if kernels and tables must not be used */
};

ToPixels *to_pixels_alloc(void) {
    ToPixels *c = av_mallocz(sizeof(*c));
    if (!c)
        return NULL;
    c->turned = av_frame_alloc();
    c->source = av_frame_alloc();
    if (!c->turned || !c->source) {
        to_pixels_free(c);
        return NULL;
    }
    return c;
}

void to_pixels_free(ToPixels *c) {
    if (!c)
        return;
    scalers_free(&c->scalers);
    kernels_free(&c->kernels);
    luma_table_free(&c->luma);
    pixel_table_free(&c->pixels);
    yuv_free(&c->yuv);
    av_frame_free(&c->turned);
    av_frame_free(&c->source);
    av_free(c->scratch);
    av_free(c);
}

void to_pixels_use_swscale(ToPixels *c, int is_by_swscale) {
    c->is_by_swscale = is_by_swscale;
}

Kernel to_pixels_kernel(const ToPixels *c) {
    return c->kernels.known ? c->kernels.kernel : NO_KERNEL;
}

static uint8_t *scratch(ToPixels *c, size_t size) {
    return c->scratch = grown(c->scratch, &c->scratch_size, size);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* How a frame is converted. */
typedef struct {
    const AVPixFmtDescriptor *desc;
    int width, height; /* of the frame after orientation */
    int is_resized;    /* the result has another size than the frame */
    int is_turnable;   /* true if the planes can be turned before the conversion */
    Kernel kernel;     /* NO_KERNEL means swscale, unless there is a table */
    int is_by_table;   /* gray is looked up in `luma` */
    int is_by_pixels;  /* pixels are looked up in `pixels` */
} Way;

/* Return the format that swscale gives, as floats or uint8. */
static int format_of(ConvertLayout layout, int is_float) {
    switch (layout) {
    case LAYOUT_GRAY: return is_float ? AV_PIX_FMT_GRAY16 : AV_PIX_FMT_GRAY8;
    case LAYOUT_RGBA: return is_float ? AV_PIX_FMT_RGBA64 : AV_PIX_FMT_RGBA;
    default: return is_float ? AV_PIX_FMT_RGB48 : AV_PIX_FMT_RGB24;
    }
}

static int choose_way(ToPixels *c, const AVFrame *frame, const ConvertTarget *target, Way *way) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int is_transposed = target->orientation & ORIENT_TRANSPOSE;
    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return AVERROR(ENOSYS);
    *way = (Way){.desc = desc, .kernel = NO_KERNEL};
    way->width = is_transposed ? frame->height : frame->width;
    way->height = is_transposed ? frame->width : frame->height;
    way->is_resized = way->width != target->width || way->height != target->height;
    way->is_turnable = !target->orientation || region_is_turnable(desc, target->orientation);
    if (way->is_resized || !way->is_turnable || c->is_by_swscale)
        return 0;
    if (target->layout == LAYOUT_GRAY)
        way->is_by_table = luma_table_find(&c->luma, frame, way->width, way->height, target->type, &c->scalers);
    else
        way->kernel = kernels_find(&c->kernels, frame, way->width, way->height, target->type,
                                   target->layout == LAYOUT_RGBA, &c->scalers);
    if (way->kernel == NO_KERNEL && !way->is_by_table)
        way->is_by_pixels = pixel_table_find(&c->pixels, frame, way->width, way->height, target,
                                             format_of(target->layout, target->type != CONVERT_UINT8), &c->scalers);
    return 0;
}

int to_pixels_gives_planes(ToPixels *c, const AVFrame *frame, const ConvertTarget *target) {
    Way way;
    return (target->layout == LAYOUT_RGB || target->layout == LAYOUT_RGBA) && choose_way(c, frame, target, &way) >= 0 &&
           way.kernel != NO_KERNEL;
}

int to_pixels_is_by_rows(ToPixels *c, const AVFrame *frame, const ConvertTarget *target) {
    Way way;
    if (target->orientation)
        return 0;
    if (target->layout == LAYOUT_YUV)
        return frame->width == target->width && frame->height == target->height;
    return choose_way(c, frame, target, &way) >= 0 && (way.kernel != NO_KERNEL || way.is_by_table || way.is_by_pixels);
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
static int run_scaled(ToPixels *c, const AVFrame *frame, int out_width, int out_height, Rect want, int orientation,
                      const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    int is_float = target->type != CONVERT_UINT8, channels = convert_channels(target->layout);
    int pixel = channels * (is_float ? 2 : 1), format = format_of(target->layout, is_float);
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
    finish_rows(out, stride, from, from_stride, columns * channels, rows, target->type);
    av_free(turned);
    return 0;
}

/* A kernel converts a part of c->source, which shows row `top` and the following ones of a frame of
 * `height` rows. Some of its columns are converted through a scratch picture. */
static int run_kernel(ToPixels *c, Kernel kernel, Rect part, int top, int height, const ConvertTarget *target,
                      uint8_t *out, ptrdiff_t stride) {
    int width = c->source->width, columns = part.x1 - part.x0, rows = part.y1 - part.y0, planar = target->planar;
    int channels = convert_channels(target->layout), planes = planar ? channels : 1, code;
    int pixel = convert_sample_size(target->type) * (planar ? 1 : channels);
    ptrdiff_t pitch = pixel * (ptrdiff_t)width, plane = stride * rows, cut = pitch * rows;
    RgbLayout layout = {planar ? plane : 0, target->layout == LAYOUT_RGBA};
    if (columns == width) {
        code = kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, out, stride, layout,
                          target->type);
    } else {
        uint8_t *picture = scratch(c, (size_t)cut * (size_t)planes);
        if (!picture)
            return AVERROR(ENOMEM);
        layout.plane_stride = planar ? cut : 0;
        code = kernel_run(&c->kernels, kernel, c->source, part.y0, part.y1, top, height, picture, pitch, layout,
                          target->type);
        for (int i = 0; !code && i < planes; i++)
            copy_rows(out + i * plane, stride, picture + i * cut + pixel * part.x0, pitch, pixel * columns, rows);
    }
    return code;
}

/* Let c->source show the needed rectangle of the frame, turned. */
static int show_source(ToPixels *c, const AVFrame *frame, const AVPixFmtDescriptor *desc, Rect rect, int orientation) {
    if (!orientation) {
        region_borrow(c->source, frame, desc, rect);
        return 0;
    }
    int code = region_turn(c->turned, frame, desc, rect, orientation);
    if (code >= 0)
        region_borrow(c->source, c->turned, desc, (Rect){0, 0, c->turned->width, c->turned->height});
    return code;
}

/* Let swscale convert c->source, of which `inner` is wanted. */
static int run_swscale(ToPixels *c, const Way *way, const ConvertTarget *target, Rect inner, uint8_t *out,
                       ptrdiff_t stride) {
    int width = way->is_resized ? target->width : c->source->width,
        height = way->is_resized ? target->height : c->source->height;
    /* swscale's vector code may write up to 15 pixels beyond a row */
    if (!way->is_resized && target->type == CONVERT_UINT8 && width % 16 == 0 && inner.x0 == 0 && inner.y0 == 0 &&
        inner.x1 == width && inner.y1 == height)
        return scalers_run(&c->scalers, c->source, width, height, format_of(target->layout, 0), out, (int)stride);
    return run_scaled(c, c->source, width, height, inner, 0, target, out, stride);
}

int to_pixels_run(ToPixels *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    Way way;
    if (target->layout == LAYOUT_YUV)
        return yuv_run(&c->yuv, &c->scalers, frame, target, out, stride);
    int code = choose_way(c, frame, target, &way), is_transposed = target->orientation & ORIENT_TRANSPOSE;
    if (code < 0)
        return code;
    const AVPixFmtDescriptor *desc = way.desc;
    Rect want = {target->x0, target->y0, target->x1, target->y1}, rect = {0, 0, way.width, way.height}, inner = want;
    if (!way.is_turnable)
        return run_scaled(c, frame, is_transposed ? target->height : target->width,
                          is_transposed ? target->width : target->height, want, target->orientation, target, out,
                          stride);
    int has_kernel = way.kernel != NO_KERNEL, is_looked_up = way.is_by_table || way.is_by_pixels;
    if (!way.is_resized && (has_kernel || is_looked_up || target->layout == LAYOUT_RGB)) {
        rect = region_needed(desc, way.width, way.height, want,
                             is_looked_up || (has_kernel && kernel_is_per_pixel(way.kernel)));
        inner = (Rect){want.x0 - rect.x0, want.y0 - rect.y0, want.x1 - rect.x0, want.y1 - rect.y0};
    }
    if ((code = show_source(c, frame, desc, rect, target->orientation)) < 0)
        return code;
    if (way.is_by_table)
        return luma_table_run(&c->luma, c->source, inner, out, stride);
    if (way.is_by_pixels)
        return pixel_table_run(&c->pixels, c->source, inner, out, stride);
    if (has_kernel)
        return run_kernel(c, way.kernel, inner, rect.y0, way.height, target, out, stride);
    return run_swscale(c, &way, target, inner, out, stride);
}
