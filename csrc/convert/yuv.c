#include "convert/yuv.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <string.h>

#include "convert/grown.h"
#include "convert/turn.h"
#include "kernels/float_yuv.h"
#include "kernels/pack_rows.h"
#include "kernels/unpack_rows.h"
#include "picture/colour.h"
#include "picture/orientation.h"

#define CHANNELS 3

void yuv_free(Yuv *yuv) {
    av_frame_free(&yuv->fitted);
    av_freep(&yuv->picture);
    av_freep(&yuv->lines);
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
    Channel found = {.most = (1 << depth) - 1, .middle = 1 << depth >> 1, .is_word = depth + desc->comp[0].shift > 8};
    if (channel && desc->nb_components < CHANNELS)
        return found;
    int down = channel ? desc->log2_chroma_h : 0;
    found.samples = frame->data[c->plane] + (ptrdiff_t)(y >> down) * frame->linesize[c->plane] + c->offset;
    found.step = c->step;
    found.shift = c->shift;
    found.across = channel ? desc->log2_chroma_w : 0;
    return found;
}

static inline int sample_at(const Channel *c, int x) {
    const uint8_t *at = c->samples + (ptrdiff_t)(x >> c->across) * c->step;
    uint16_t word = *at;
    if (c->is_word)
        memcpy(&word, at, sizeof(word));
    return word >> c->shift & c->most;
}

/* The memory of unpacked rows of three channels. */
static void *line_of(const Yuv *yuv, int channel, int width) {
    return (uint16_t *)yuv->lines + (ptrdiff_t)channel * width;
}

/* Return the samples of a channel for the columns from x0 on, one for each column or, if `paired`,
 * for two. They lie where they were decoded, or in a row of `width` words. */
static const void *unpack(const Yuv *yuv, const Channel *c, int channel, int width, int x0, int x1, int paired) {
    int first = paired ? x0 / 2 : x0, count = paired ? (x1 - x0 + 1) / 2 : x1 - x0, size = c->is_word ? 2 : 1;
    void *line = line_of(yuv, channel, width);
    const uint8_t *in = c->samples ? c->samples + (ptrdiff_t)first * c->step : NULL;
    if (in && paired == c->across && c->step == size && !c->shift)
        return in;
    if (in && paired == c->across && size == 1 && !c->shift)
        take_bytes(line, in, c->step, count);
    else if (in && paired == c->across && size == 2 && c->step % 2 == 0 && (uintptr_t)in % 2 == 0)
        take_words(line, (const uint16_t *)in, c->step / 2, c->shift, count);
    else
        for (int x = 0; x < count; x++) {
            int value = in ? sample_at(c, paired ? 2 * (first + x) : first + x) : c->middle;
            if (size == 2)
                ((uint16_t *)line)[x] = (uint16_t)value;
            else
                ((uint8_t *)line)[x] = (uint8_t)value;
        }
    return line;
}

/* Write columns x0 to x1 of a row of a frame; a pair of columns that share chroma is not split. */
static void make_part(const Yuv *yuv, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y, int x0, int x1,
                      int paired, ConvertType type, uint8_t *out) {
    const void *rows[CHANNELS];
    FloatYuvKind kind = {.depth = desc->comp[0].depth, .paired = paired, .half = type == CONVERT_FLOAT16};
    for (int i = 0; i < CHANNELS; i++) {
        Channel channel = channel_of(frame, desc, i, y);
        kind.deep = channel.is_word;
        rows[i] = unpack(yuv, &channel, i, frame->width, x0, x1, i && paired);
    }
    if (type == CONVERT_UINT8)
        pack_yuv_row(out, rows[0], rows[1], rows[2], x1 - x0, paired);
    else
        float_yuv_row(out, rows, x1 - x0, kind);
}

static void make_row(const Yuv *yuv, const AVFrame *frame, const AVPixFmtDescriptor *desc, int y, int x0, int x1,
                     ConvertType type, uint8_t *out) {
    int paired = desc->nb_components < CHANNELS || desc->log2_chroma_w >= 1;
    if (paired && x0 & 1) { /* half of a pair */
        make_part(yuv, frame, desc, y, x0, x0 + 1, 0, type, out);
        x0++;
        out += CHANNELS * convert_sample_size(type);
    }
    make_part(yuv, frame, desc, y, x0, x1, paired, type, out);
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
    yuv->lines = grown(yuv->lines, &yuv->lines_size, CHANNELS * (size_t)width * sizeof(uint16_t));
    if (!yuv->lines)
        return AVERROR(ENOMEM);
    if (target->orientation)
        return run_turned(yuv, frame, desc, target, out, stride);
    for (int y = target->y0; y < target->y1; y++, out += stride)
        make_row(yuv, frame, desc, y, target->x0, target->x1, target->type, out);
    return 0;
}
