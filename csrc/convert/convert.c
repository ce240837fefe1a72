/* to_rgb makes packed RGB, stages resample it, and planes are split last, where to_rgb does not
 * write them itself. */
#include "convert/convert.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "convert/grown.h"
#include "convert/planes.h"
#include "convert/stages.h"
#include "convert/to_rgb.h"

struct Converter {
    ToRgb *to_rgb;
    Stages stages;
    uint8_t *packed; /* a picture that becomes planes */
    size_t packed_size;
};

Converter *converter_alloc(void) {
    Converter *c = av_mallocz(sizeof(*c));
    if (!c)
        return NULL;
    c->to_rgb = to_rgb_alloc();
    if (!c->to_rgb)
        av_freep(&c);
    return c;
}

void converter_free(Converter *c) {
    if (!c)
        return;
    to_rgb_free(c->to_rgb);
    stages_free(&c->stages);
    av_free(c->packed);
    av_free(c);
}

int converter_kernel(const Converter *c) {
    return (int)to_rgb_kernel(c->to_rgb);
}

static int run_packed(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride) {
    if (target->num_stages)
        return stages_run(&c->stages, c->to_rgb, frame, target, rgb, stride);
    return to_rgb_run(c->to_rgb, frame, target, rgb, stride);
}

static int run_planes(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride) {
    ConvertTarget target_packed = *target;
    target_packed.planar = 0;
    int height = convert_target_height(target);
    ptrdiff_t pitch = convert_target_row_stride(&target_packed);
    uint8_t *packed = c->packed = grown(c->packed, &c->packed_size, (size_t)pitch * (size_t)height);
    if (!packed)
        return AVERROR(ENOMEM);
    int code = run_packed(c, frame, &target_packed, packed, pitch);
    if (code >= 0)
        split_planes(rgb, stride, packed, pitch, convert_target_width(target), height,
                     convert_sample_size(target->type));
    return code;
}

int converter_run(Converter *c, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb, ptrdiff_t stride) {
    if (target->planar && (target->num_stages || !to_rgb_gives_planes(c->to_rgb, frame, target)))
        return run_planes(c, frame, target, rgb, stride);
    return run_packed(c, frame, target, rgb, stride);
}
