#include "convert/region.h"

#include <libavutil/common.h>

#include "convert/turn.h"
#include "picture/colour.h"

static int chroma_ceil(int value, int shift) {
    return -((-value) >> shift);
}

/* True if a plane holds subsampled chroma. */
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

int region_is_addressable(const AVPixFmtDescriptor *desc) {
    if (desc->flags &
        (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER))
        return 0;
    /* packed formats with shared chroma (yuyv422) stay whole */
    return !((desc->log2_chroma_w || desc->log2_chroma_h) && num_planes(desc) == 1);
}

int region_is_turnable(const AVPixFmtDescriptor *desc, int orientation) {
    return region_is_addressable(desc) &&
           !(orientation & ORIENT_TRANSPOSE && desc->log2_chroma_w != desc->log2_chroma_h);
}

/* Note [Regions]
 *
 * A region is converted alone, and its bytes must equal the same part of the whole converted frame.
 *
 * - Kernels that read one chroma sample per pixel need whole chroma samples, so the region is
 *   rounded to them.
 * - swscale's general path filters 4:2:0 chroma vertically. It gets HALO more rows on each side,
 *   which are dropped. The phase of that filter only repeats every two rows if the height is even,
 *   so an odd frame keeps all its rows.
 * - Columns are cut only where swscale stays on the same path. It interpolates chroma along rows of
 *   odd widths. FFmpeg 9 on Arm has vector code for 8 bits and widths divisible by 16, which rounds
 *   differently from its C code.
 * - Formats that cannot be addressed in parts are converted whole, and the result is cut.
 */
#define HALO 16 /* rows, more than swscale's vertical chroma filter reads */

#ifdef __aarch64__
#define COLUMNS_OF_8_BITS 16
#else
#define COLUMNS_OF_8_BITS 2
#endif

Rect region_needed(const AVPixFmtDescriptor *desc, int width, int height, Rect want, int per_pixel) {
    Rect whole = {0, 0, width, height};
    if (!region_is_addressable(desc) || desc->log2_chroma_w > 1 || desc->log2_chroma_h > 1)
        return whole;
    if (!per_pixel && desc->log2_chroma_h && !desc->log2_chroma_w)
        return whole; /* swscale filters the chroma of 4:4:0 in both directions */
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
        r.y0 &= ~1; /* swscale's C code only reads every second chroma row of 8-bit 4:2:2 */
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

void region_borrow(AVFrame *out, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect r) {
    colour_copy(out, in);
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

int region_turn(AVFrame *out, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect r, int orientation) {
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
    colour_copy(out, in);
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
