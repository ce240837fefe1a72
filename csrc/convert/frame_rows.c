/* Note [Stray bits]
 *
 * Words of raw files may hold more than the depth of their format allows. The vector code of
 * swscale takes such words for negative numbers or saturates them, in each path differently. So
 * kernels and tables do not convert them: whoever reads a row through this file learns of them, and
 * swscale converts the picture. Samples that lie in the upper bits of a word (P010) have no bits
 * above them, and the lower ones do not count.
 */
#include "convert/frame_rows.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "convert/grown.h"
#include "kernels/unpack_rows.h"
#include "picture/colour.h"

#define ALIGNMENT 64
#define BITS_OF_RGB 14

void frame_rows_free(FrameRows *rows) {
    av_freep(&rows->memory);
}

static int has_words(const AVComponentDescriptor *c) {
    return c->depth + c->shift > 8;
}

/* True if each sample of a component is a byte or a word. */
static int is_whole(const AVComponentDescriptor *c, uint64_t flags) {
    int size = has_words(c) ? 2 : 1;
    if (c->depth < 8 || c->depth > 16 || c->offset % size || c->step % size)
        return 0;
    /* several samples of a packed word have shifts, too */
    return c->shift ? c->depth + c->shift == 8 * size : c->depth % 8 == 0 || flags & AV_PIX_FMT_FLAG_PLANAR;
}

int has_frame_rows(const AVPixFmtDescriptor *desc) {
    const uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    /* six bytes hold four pixels of packed 4:1:1, which no step describes */
    if (desc && desc->log2_chroma_w == 2 && !(desc->flags & AV_PIX_FMT_FLAG_PLANAR))
        return 0;
    if (!desc || desc->flags & others || desc->log2_chroma_w > 2 || desc->log2_chroma_h > 2)
        return 0;
    if (desc->nb_components == 1) /* gray has one plane, whatever its flags say */
        return is_whole(&desc->comp[0], AV_PIX_FMT_FLAG_PLANAR);
    for (int i = 0; i < 3; i++)
        if (desc->nb_components < 3 || !is_whole(&desc->comp[i], desc->flags) ||
            desc->comp[i].depth != desc->comp[0].depth || desc->comp[i].shift != desc->comp[0].shift)
            return 0;
    return 1;
}

int has_rgb_rows(const AVPixFmtDescriptor *desc) {
    const uint64_t others = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_HWACCEL |
                            AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    if (!desc || desc->flags & others || !(desc->flags & AV_PIX_FMT_FLAG_RGB) || desc->nb_components < 3)
        return 0;
    for (int i = 0; i < 3; i++)
        if (desc->comp[i].depth != 8 || desc->comp[i].shift)
            return 0;
    return 1;
}

static int is_in_place(const AVComponentDescriptor *c) {
    return !c->shift && !c->offset && c->step == (has_words(c) ? 2 : 1);
}

int are_rows_in_place(const AVPixFmtDescriptor *desc) {
    return is_in_place(&desc->comp[0]) && (desc->nb_components < 3 || is_in_place(&desc->comp[1]));
}

int frame_rows_begin(FrameRows *rows, const AVFrame *frame, int most_bits, int is_words) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    int depth = desc->comp[0].depth;
    rows->frame = frame;
    rows->desc = desc;
    rows->is_rgb = has_rgb_rows(desc);
    rows->depth = rows->is_rgb ? BITS_OF_RGB : FFMIN(depth, most_bits);
    rows->drop = rows->is_rgb ? 0 : depth - rows->depth;
    rows->is_words = is_words || rows->depth > 8;
    rows->has_strays = 0;
    rows->words_of = -1;
    rows->pitch = FFALIGN((size_t)frame->width * 2, ALIGNMENT);
    for (int i = 0; i < 3; i++) {
        rows->checked[i] = 0;
        for (int k = 0; k < KEPT_ROWS; k++)
            rows->kept[i][k] = -1;
    }
    if (rows->is_rgb)
        rgb2yuv_weights(&rows->rgb2yuv, colour_coefficients(frame->colorspace));
    else if (are_rows_in_place(desc) && !rows->drop && rows->is_words == has_words(&desc->comp[0]))
        return 0;
    rows->memory = grown(rows->memory, &rows->memory_size, rows->pitch * 3 * (KEPT_ROWS + 1));
    return rows->memory ? 0 : AVERROR(ENOMEM);
}

static void unpack(const FrameRows *rows, const AVComponentDescriptor *c, void *out, const uint8_t *in, int count) {
    if (has_words(c))
        take_words(out, (const uint16_t *)in, c->step / 2, c->shift + rows->drop, count);
    else if (rows->is_words)
        widen_bytes(out, in, c->step, count);
    else
        take_bytes(out, in, c->step, count);
}

static uint8_t *place_of(const FrameRows *rows, int place) {
    return rows->memory + rows->pitch * (size_t)place;
}

/* Make the row of one channel, and keep the words of red, green and blue for the others. */
static const void *row_of_rgb(FrameRows *rows, int channel, int y) {
    const AVFrame *frame = rows->frame;
    uint16_t *out = (uint16_t *)place_of(rows, channel * KEPT_ROWS), *words[3];
    for (int i = 0; i < 3; i++) {
        const AVComponentDescriptor *c = &rows->desc->comp[i];
        words[i] = (uint16_t *)place_of(rows, 3 * KEPT_ROWS + i);
        if (rows->words_of != y)
            widen_bytes(words[i], frame->data[c->plane] + (ptrdiff_t)y * frame->linesize[c->plane] + c->offset, c->step,
                        frame->width);
    }
    rows->words_of = y;
    rgb2yuv_row(out, words[0], words[1], words[2], frame->width, &rows->rgb2yuv, channel);
    return out;
}

const void *frame_row(FrameRows *rows, int channel, int y) {
    if (rows->is_rgb)
        return row_of_rgb(rows, channel, y);
    const AVComponentDescriptor *c = &rows->desc->comp[channel];
    const uint8_t *row = rows->frame->data[c->plane] + (ptrdiff_t)y * rows->frame->linesize[c->plane] + c->offset;
    int width = rows->frame->width, count = channel ? AV_CEIL_RSHIFT(width, rows->desc->log2_chroma_w) : width;
    int is_ready = is_in_place(c) && !rows->drop && rows->is_words == has_words(c);
    int place = channel ? y % KEPT_ROWS : 0;
    if (c->depth < 16 && c->depth > 8 && !c->shift && y >= rows->checked[channel]) {
        if (or_words((const uint16_t *)row, count) >> c->depth)
            rows->has_strays = 1;
        rows->checked[channel] = y + 1;
    }
    if (is_ready)
        return row;
    uint8_t *kept = place_of(rows, channel * KEPT_ROWS + place);
    if (rows->kept[channel][place] != y)
        unpack(rows, c, kept, row, count);
    rows->kept[channel][place] = y;
    return kept;
}
