/* to_pixels makes packed pixels, stages resample them, and planes are split last, where to_pixels
 * does not write them itself. */
#include "convert/convert.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "convert/grown.h"
#include "convert/planes.h"
#include "convert/stages.h"
#include "convert/to_pixels.h"

struct Converter {
    ToPixels *to_pixels;
    Stages stages;
    uint8_t *packed; /* a picture that becomes planes */
    size_t packed_size;
    uint8_t *region; /* a region of one or four channels before it is resampled */
    size_t region_size;
    uint8_t *three; /* three channels of it, before and after */
    size_t three_size;
};

/* The channels of a pixel that stages resample. */
#define STAGED 3

Converter *converter_alloc(void) {
    Converter *c = av_mallocz(sizeof(*c));
    if (!c)
        return NULL;
    c->to_pixels = to_pixels_alloc();
    if (!c->to_pixels)
        av_freep(&c);
    return c;
}

void converter_free(Converter *c) {
    if (!c)
        return;
    to_pixels_free(c->to_pixels);
    stages_free(&c->stages);
    av_free(c->packed);
    av_free(c->region);
    av_free(c->three);
    av_free(c);
}

int converter_kernel(const Converter *c) {
    return (int)to_pixels_kernel(c->to_pixels);
}

/* Resample a picture of one or four channels, three of them at a time. Channels do not depend on
 * each other. */
static int run_threes(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    ConvertTarget before = *target;
    before.num_stages = 0;
    before.type = convert_unrounded(target->type);
    int channels = convert_channels(target->layout), size = convert_sample_size(before.type);
    int width = target->x1 - target->x0, height = target->y1 - target->y0,
        last_size = convert_sample_size(target->type), last_width = convert_target_width(target),
        last_height = convert_target_height(target);
    ptrdiff_t pitch = convert_target_row_stride(&before), pitch_before = (ptrdiff_t)STAGED * size * width,
              pitch_after = (ptrdiff_t)STAGED * last_size * last_width;
    size_t bytes_before = (size_t)pitch_before * (size_t)height,
           bytes_after = (size_t)pitch_after * (size_t)last_height;
    uint8_t *region = c->region = grown(c->region, &c->region_size, (size_t)pitch * (size_t)height);
    uint8_t *three = c->three = grown(c->three, &c->three_size, bytes_before + bytes_after);
    if (!region || !three)
        return AVERROR(ENOMEM);
    int code = to_pixels_run(c->to_pixels, frame, &before, region, pitch);
    for (int from = 0; !code && from < channels; from += STAGED) {
        int count = channels - from < STAGED ? channels - from : STAGED;
        copy_channels(three, pitch_before, STAGED, 0, region, pitch, channels, from, STAGED, width, height, size);
        code = stages_resample(&c->stages, three, pitch_before, target, three + bytes_before, pitch_after);
        if (!code)
            copy_channels(out, stride, channels, from, three + bytes_before, pitch_after, STAGED, 0, count, last_width,
                          last_height, last_size);
    }
    return code;
}

static int run_packed(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    if (!target->num_stages)
        return to_pixels_run(c->to_pixels, frame, target, out, stride);
    if (convert_channels(target->layout) != STAGED)
        return run_threes(c, frame, target, out, stride);
    return stages_run(&c->stages, c->to_pixels, frame, target, out, stride);
}

static int run_planes(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    ConvertTarget target_packed = *target;
    target_packed.planar = 0;
    int height = convert_target_height(target);
    ptrdiff_t pitch = convert_target_row_stride(&target_packed);
    uint8_t *packed = c->packed = grown(c->packed, &c->packed_size, (size_t)pitch * (size_t)height);
    if (!packed)
        return AVERROR(ENOMEM);
    int code = run_packed(c, frame, &target_packed, packed, pitch);
    if (!code)
        split_planes(out, stride, packed, pitch, convert_target_width(target), height, convert_channels(target->layout),
                     convert_sample_size(target->type));
    return code;
}

static int run_layout(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    if (target->planar && target->layout != LAYOUT_GRAY &&
        (target->num_stages || !to_pixels_gives_planes(c->to_pixels, frame, target)))
        return run_planes(c, frame, target, out, stride);
    return run_packed(c, frame, target, out, stride);
}

int converter_run(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    int code = run_layout(c, frame, target, out, stride);
    if (code != STRAY_BITS)
        return code;
    to_pixels_use_swscale(c->to_pixels, 1);
    code = run_layout(c, frame, target, out, stride);
    to_pixels_use_swscale(c->to_pixels, 0);
    return code;
}
