#include "convert/scaler.h"

#include <libavutil/error.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

#include "compat.h"
#include "picture/colour.h"

void scalers_free(Scalers *s) {
    for (int i = 0; i < NUM_SCALERS; i++)
        sws_freeContext(s->scalers[i].sws);
}

/* Return the AVColorRange of what a scaler reads. */
static int source_range(const ScalerKey *key) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(key->format);
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_FLOAT;
    if (compat_gray_is_full_range() && desc && desc->nb_components < 3 && !(desc->flags & others))
        return AVCOL_RANGE_JPEG;
    return key->range;
}

/* The ffmpeg command's scale filter is bicubic, uses the frame's matrix and range, and takes
 * MPEG-2's chroma position for 8-bit 4:2:0. */
static struct SwsContext *make_scaler(const ScalerKey *key) {
    int *inverse, *table, in_range, out_range, brightness, contrast, saturation;
    int range = source_range(key);
    int is_gray = key->out_format == AV_PIX_FMT_GRAY8 || key->out_format == AV_PIX_FMT_GRAY16;
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
    /* the way that swscale takes to another depth of gray depends on it */
    if (is_gray && range != AVCOL_RANGE_UNSPECIFIED)
        av_opt_set_int(sws, "src_range", range == AVCOL_RANGE_JPEG, 0);
    if (sws_init_context(sws, NULL, NULL) < 0) {
        sws_freeContext(sws);
        return NULL;
    }
    if (sws_getColorspaceDetails(sws, &inverse, &in_range, &table, &out_range, &brightness, &contrast, &saturation) >=
        0) {
        const int *matrix = colour_coefficients(key->space);
        if (range != AVCOL_RANGE_UNSPECIFIED)
            in_range = range == AVCOL_RANGE_JPEG;
        if (key->out_format == key->format) /* only the size changes */
            out_range = in_range;
        sws_setColorspaceDetails(sws, matrix, in_range, matrix, out_range, brightness, contrast, saturation);
    }
    return sws;
}

static struct SwsContext *get_scaler(Scalers *scalers, const ScalerKey *key) {
    Scaler *oldest = &scalers->scalers[0];
    for (int i = 0; i < NUM_SCALERS; i++) {
        Scaler *s = &scalers->scalers[i];
        if (s->sws && !memcmp(&s->key, key, sizeof(*key))) {
            s->used = ++scalers->clock;
            return s->sws;
        }
        if (!s->sws || s->used < oldest->used)
            oldest = s;
    }
    sws_freeContext(oldest->sws);
    oldest->sws = make_scaler(key);
    oldest->key = *key;
    oldest->used = ++scalers->clock;
    return oldest->sws;
}

static int run(Scalers *scalers, const AVFrame *frame, const ScalerKey *key, uint8_t *const planes[],
               const int strides[]) {
    struct SwsContext *sws = get_scaler(scalers, key);
    if (!sws)
        return AVERROR(ENOSYS);
    int rows = sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    return rows < 0 ? rows : 0;
}

int scalers_fit(Scalers *scalers, const AVFrame *frame, AVFrame *out) {
    ScalerKey key = {frame->width, frame->height, frame->format,     out->width,
                     out->height,  out->format,   frame->colorspace, frame->color_range};
    return run(scalers, frame, &key, out->data, out->linesize);
}

int scalers_run(Scalers *scalers, const AVFrame *frame, int width, int height, int format, uint8_t *out, int stride) {
    if (frame->format == format && frame->width == width && frame->height == height) {
        /* swscale copies more than the width, beyond the last row of a region */
        av_image_copy_plane(out, stride, frame->data[0], frame->linesize[0], av_image_get_linesize(format, width, 0),
                            height);
        return 0;
    }
    ScalerKey key = {frame->width, frame->height, frame->format,     width,
                     height,       format,        frame->colorspace, frame->color_range};
    uint8_t *planes[4] = {out};
    int strides[4] = {stride};
    return run(scalers, frame, &key, planes, strides);
}
