#include "convert/stages.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <string.h>

#include "convert/grown.h"

/* At least so many rows are converted at a time, few enough to stay in the first-level cache until
 * they are resampled. */
#define STRIP (2 * RESAMPLE_ROWS)

static void drop_built(Stages *s) {
    for (int i = 0; i < s->num_built; i++) {
        resampler_free(s->built[i].resampler);
        av_free(s->built[i].picture);
    }
    av_freep(&s->built);
    s->num_built = 0;
}

void stages_free(Stages *s) {
    drop_built(s);
    av_freep(&s->rows);
}

static int is_built(const Stages *s, const ConvertTarget *target) {
    if (s->num_built != target->num_stages || s->type != target->type || !s->num_built ||
        s->channels != convert_channels(target->layout) || s->built[0].in_width != target->x1 - target->x0 ||
        s->built[0].in_height != target->y1 - target->y0)
        return 0;
    for (int i = 0; i < s->num_built; i++)
        if (memcmp(&s->built[i].stage, &target->stages[i], sizeof(ConvertStage)))
            return 0;
    return 1;
}

static int build(Stages *s, const ConvertTarget *target) {
    int width = target->x1 - target->x0, height = target->y1 - target->y0;
    drop_built(s);
    s->built = av_calloc((size_t)target->num_stages, sizeof(*s->built));
    if (!s->built)
        return AVERROR(ENOMEM);
    s->type = target->type;
    s->channels = convert_channels(target->layout);
    for (int i = 0; i < target->num_stages; i++) {
        const ConvertStage *stage = &target->stages[i];
        BuiltStage *b = &s->built[i];
        int is_last = i + 1 == target->num_stages, columns = stage->x1 - stage->x0, rows = stage->y1 - stage->y0;
        s->num_built = i + 1;
        b->stage = *stage;
        b->in_width = width;
        b->in_height = height;
        Rect region = {stage->x0, stage->y0, stage->x1, stage->y1};
        b->resampler = resampler_alloc(width, height, stage->width, stage->height, region,
                                       is_last ? target->type : convert_unrounded(target->type), s->channels);
        if (!is_last)
            b->picture = av_malloc((size_t)columns * (size_t)s->channels *
                                   (size_t)convert_sample_size(convert_unrounded(target->type)) * (size_t)rows);
        if (!b->resampler || (!is_last && !b->picture)) {
            drop_built(s);
            return AVERROR(ENOMEM);
        }
        width = columns;
        height = rows;
    }
    return 0;
}

/* Bytes of a pixel between two stages. */
static int pixel_size(const Stages *s) {
    return s->channels * convert_sample_size(convert_unrounded(s->type));
}

/* Let a stage begin a picture. The last stage writes to `out`. */
static void begin(const BuiltStage *b, uint8_t *out, ptrdiff_t stride, int pixel) {
    int row = (b->stage.x1 - b->stage.x0) * pixel;
    if (b->picture)
        resampler_begin(b->resampler, b->picture, row);
    else
        resampler_begin(b->resampler, out, stride);
}

/* The first stage reads what to_pixels converts, a few rows at a time where that costs nothing,
 * else all rows together. */
static int run_first(Stages *s, ToPixels *to_pixels, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
                     ptrdiff_t stride) {
    ConvertTarget strip = *target;
    Rect needs = resampler_needs(s->built[0].resampler);
    int pixel = pixel_size(s), bottom = target->y0 + needs.y1, code;
    begin(&s->built[0], out, stride, pixel);
    strip.type = convert_unrounded(target->type);
    strip.num_stages = 0;
    /* whole chroma samples, which the kernels convert without a scratch picture */
    strip.x0 = (target->x0 + needs.x0) & ~1;
    strip.x1 = FFMIN((target->x0 + needs.x1 + 1) & ~1, target->width);
    ptrdiff_t pitch = (ptrdiff_t)(strip.x1 - strip.x0) * pixel, skipped = (target->x0 + needs.x0 - strip.x0) * pixel;
    int step = to_pixels_is_by_rows(to_pixels, frame, &strip) ? FFMAX(STRIP, resampler_step(s->built[0].resampler))
                                                              : needs.y1 - needs.y0;
    uint8_t *rows = s->rows = grown(s->rows, &s->rows_size, (size_t)pitch * (size_t)step);
    if (!rows)
        return AVERROR(ENOMEM);
    for (strip.y0 = target->y0 + needs.y0; strip.y0 < bottom; strip.y0 = strip.y1) {
        strip.y1 = FFMIN(strip.y0 + step, bottom);
        if ((code = to_pixels_run(to_pixels, frame, &strip, rows, pitch)))
            return code;
        resampler_rows(s->built[0].resampler, rows + skipped, pitch, strip.y1 - strip.y0);
    }
    return 0;
}

/* All stages but the first read the picture of the one before. */
static void run_others(const Stages *s, uint8_t *out, ptrdiff_t stride) {
    for (int i = 1; i < s->num_built; i++) {
        const BuiltStage *b = &s->built[i], *before = b - 1;
        int pixel = pixel_size(s);
        ptrdiff_t pitch = (ptrdiff_t)b->in_width * pixel;
        Rect needs = resampler_needs(b->resampler);
        begin(b, out, stride, pixel);
        resampler_rows(b->resampler, before->picture + needs.y0 * pitch + needs.x0 * pixel, pitch, needs.y1 - needs.y0);
    }
}

int stages_run(Stages *s, ToPixels *to_pixels, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
               ptrdiff_t stride) {
    int code = is_built(s, target) ? 0 : build(s, target);
    if (code < 0 || (code = run_first(s, to_pixels, frame, target, out, stride)))
        return code;
    run_others(s, out, stride);
    return 0;
}
