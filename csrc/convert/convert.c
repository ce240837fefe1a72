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
};

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
    av_free(c);
}

int converter_kernel(const Converter *c) {
    return (int)to_pixels_kernel(c->to_pixels);
}

static int run_packed(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *out, ptrdiff_t stride) {
    if (!target->num_stages)
        return to_pixels_run(c->to_pixels, frame, target, out, stride);
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
