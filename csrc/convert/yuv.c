#include "convert/yuv.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <string.h>

#include "convert/grown.h"
#include "convert/turn.h"
#include "kernels/half_row.h"
#include "kernels/pack_rows.h"
#include "picture/colour.h"
#include "picture/orientation.h"
#include "picture/planar.h"

#define CHANNELS 3

void yuv_free(Yuv *yuv) {
    av_frame_free(&yuv->fitted);
    av_freep(&yuv->picture);
    av_freep(&yuv->line);
}

int yuv_depth(const AVPixFmtDescriptor *desc) {
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    if (!desc || desc->flags & others || !strncmp(desc->name, "xyz", 3))
        return 0;
    /* six bytes hold four pixels of packed 4:1:1, which no step describes */
    if (desc->log2_chroma_w == 2 && !(desc->flags & AV_PIX_FMT_FLAG_PLANAR))
        return 0;
    return desc->comp[0].depth <= 16 ? desc->comp[0].depth : 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The samples of one channel in one row of a frame. */
typedef struct {
    const uint8_t *samples; /* NULL if all are `middle` */
    int step, shift, across, is_word, most, middle;
} Channel;

static Channel channel_of(const AVFrame *frame, const AVPixFmtDescriptor *desc, int channel, int y) {
    const AVComponentDescriptor *c = &desc->comp[channel];
    int depth = desc->comp[0].depth;
    Channel found = {.most = (1 << depth) - 1, .middle = 1 << depth >> 1};
    if (channel && desc->nb_components < CHANNELS)
        return found;
    int down = channel ? desc->log2_chroma_h : 0;
    found.samples = frame->data[c->plane] + (ptrdiff_t)(y >> down) * frame->linesize[c->plane] + c->offset;
    found.step = c->step;
    found.shift = c->shift;
    found.across = channel ? desc->log2_chroma_w : 0;
    found.is_word = depth + c->shift > 8;
    return found;
}

static inline int sample_at(const Channel *c, int x) {
    if (!c->samples)
        return c->middle;
    const uint8_t *at = c->samples + (ptrdiff_t)(x >> c->across) * c->step;
    uint16_t word = *at;
    if (c->is_word)
        memcpy(&word, at, sizeof(word));
    return word >> c->shift & c->most;
}

static void byte_row(uint8_t *out, const Channel *c, int x0, int x1) {
    for (int x = x0; x < x1; x++, out += CHANNELS)
        *out = (uint8_t)sample_at(c, x);
}

static void float_row_of(float *out, const Channel *c, int x0, int x1) {
    for (int x = x0; x < x1; x++, out += CHANNELS)
        *out = (float)sample_at(c, x) / (float)c->most;
}

/* True if the bytes of the channels lie in planes of their own. */
static int is_packable(const AVPixFmtDescriptor *desc) {
    return has_yuv_planes(desc) && desc->comp[0].depth == 8 && desc->log2_chroma_w <= 1;
}

static void pack_row(const AVFrame *frame, const AVPixFmtDescriptor *desc, int y, int x0, int x1, uint8_t *out) {
    const uint8_t *rows[CHANNELS];
    int paired = desc->log2_chroma_w;
    for (int i = 0; i < CHANNELS; i++)
        rows[i] = frame->data[i] + (ptrdiff_t)(y >> (i ? desc->log2_chroma_h : 0)) * frame->linesize[i];
    if (paired && x0 & 1) { /* half of a pair */
        pack_yuv_row(out, rows[0] + x0, rows[1] + x0 / 2, rows[2] + x0 / 2, 1, 0);
        x0++;
        out += CHANNELS;
    }
    pack_yuv_row(out, rows[0] + x0, rows[1] + (x0 >> paired), rows[2] + (x0 >> paired), x1 - x0, paired);
}

/* Write columns x0 to x1 of a row of a frame. */
static void make_row(Yuv *yuv, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y, int x0, int x1,
                     ConvertType type, uint8_t *out) {
    float *floats = type == CONVERT_FLOAT16 ? yuv->line : (float *)out;
    if (type == CONVERT_UINT8 && is_packable(desc)) {
        pack_row(frame, desc, y, x0, x1, out);
        return;
    }
    for (int i = 0; i < CHANNELS; i++) {
        Channel channel = channel_of(frame, desc, i, y);
        if (type == CONVERT_UINT8)
            byte_row(out + i, &channel, x0, x1);
        else
            float_row_of(floats + i, &channel, x0, x1);
    }
    if (type == CONVERT_FLOAT16)
        half_row((uint16_t *)out, floats, CHANNELS * (x1 - x0));
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* Scale a frame to another size in its own format, as the ffmpeg command does. */
static int fit(Yuv *yuv, Scalers *scalers, const AVFrame *frame, int width, int height) {
    int code;
    av_frame_free(&yuv->fitted);
    yuv->fitted = av_frame_alloc();
    if (!yuv->fitted)
        return AVERROR(ENOMEM);
    colour_copy(yuv->fitted, frame);
    yuv->fitted->width = width;
    yuv->fitted->height = height;
    if ((code = av_frame_get_buffer(yuv->fitted, 0)) < 0)
        return code;
    return scalers_fit(scalers, frame, yuv->fitted);
}

/* Make the whole stored picture, of which the region is turned into place. */
static int run_turned(Yuv *yuv, const AVFrame *frame, const AVPixFmtDescriptor *desc, const ConvertTarget *target,
                      uint8_t *out, ptrdiff_t stride) {
    int pixel = CHANNELS * convert_sample_size(target->type);
    ptrdiff_t pitch = (ptrdiff_t)frame->width * pixel;
    uint8_t *picture = yuv->picture = grown(yuv->picture, &yuv->picture_size, (size_t)pitch * (size_t)frame->height);
    if (!picture)
        return AVERROR(ENOMEM);
    for (int y = 0; y < frame->height; y++)
        make_row(yuv, frame, desc, y, 0, frame->width, target->type, picture + y * pitch);
    turn_plane(out, stride, picture, pitch, pixel, (Rect){target->x0, target->y0, target->x1, target->y1},
               target->width, target->height, target->orientation);
    return 0;
}

int yuv_run(Yuv *yuv, Scalers *scalers, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
            ptrdiff_t stride) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int depth = yuv_depth(desc), is_transposed = target->orientation & ORIENT_TRANSPOSE, code;
    int width = is_transposed ? target->height : target->width, height = is_transposed ? target->width : target->height;
    if (!depth || (depth > 8 && target->type == CONVERT_UINT8))
        return AVERROR(ENOSYS);
    if (frame->width != width || frame->height != height) {
        if ((code = fit(yuv, scalers, frame, width, height)) < 0)
            return code;
        frame = yuv->fitted;
    }
    if (target->type == CONVERT_FLOAT16) {
        yuv->line = grown(yuv->line, &yuv->line_size, CHANNELS * (size_t)width * sizeof(*yuv->line));
        if (!yuv->line)
            return AVERROR(ENOMEM);
    }
    if (target->orientation)
        return run_turned(yuv, frame, desc, target, out, stride);
    for (int y = target->y0; y < target->y1; y++, out += stride)
        make_row(yuv, frame, desc, y, target->x0, target->x1, target->type, out);
    return 0;
}
