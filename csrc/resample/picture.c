#include "resample/picture.h"

#include <stdlib.h>

#include "resample/resample.h"

/* Note [Channels of three]
 *
 * The resampler knows no pixels of two samples, and none of 16 bits. Such pictures go through it as
 * pixels of three floats or bytes: gray with alpha at once, RGB with alpha as RGB and then alpha.
 */

typedef struct {
    int first, count; /* channels of the picture that a pass resamples */
} Pass;

static void pack(uint8_t *restrict to, const PackedPicture *in, const uint8_t *restrict row, int width, Pass pass) {
    float *floats = (float *)to;
    for (ptrdiff_t x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            ptrdiff_t place = x * in->channels + pass.first + (c < pass.count ? c : 0);
            if (in->depth == 8)
                to[3 * x + c] = row[place];
            else
                floats[3 * x + c] = ((const uint16_t *)row)[place];
        }
}

static void unpack(uint8_t *restrict row, const PackedPicture *in, const uint8_t *restrict from, int width, Pass pass) {
    const float *floats = (const float *)from;
    for (ptrdiff_t x = 0; x < width; x++)
        for (int c = 0; c < pass.count; c++) {
            ptrdiff_t place = x * in->channels + pass.first + c;
            if (in->depth == 8)
                row[place] = from[3 * x + c];
            else
                ((uint16_t *)row)[place] = (uint16_t)(floats[3 * x + c] + 0.5f);
        }
}

/* Resample some channels through pictures of three. */
static int run_pass(Resampler *resampler, const PackedPicture *in, Rect region, uint8_t *out, ptrdiff_t stride,
                    Pass pass) {
    Rect needs = resampler_needs(resampler);
    int size = in->depth / 8, packed_size = size == 1 ? 1 : (int)sizeof(float);
    int in_width = needs.x1 - needs.x0, width = region.x1 - region.x0, height = region.y1 - region.y0;
    ptrdiff_t in_stride = 3 * (ptrdiff_t)in_width * packed_size, out_stride = 3 * (ptrdiff_t)width * packed_size;
    uint8_t *rows = malloc(in_stride * RESAMPLE_ROWS), *result = malloc(out_stride * height);
    int is_done = rows && result;
    if (is_done) {
        resampler_begin(resampler, result, out_stride);
        for (int y = needs.y0; y < needs.y1; y += RESAMPLE_ROWS) {
            int count = needs.y1 - y < RESAMPLE_ROWS ? needs.y1 - y : RESAMPLE_ROWS;
            for (int i = 0; i < count; i++)
                pack(rows + i * in_stride, in,
                     in->data + (y + i) * in->stride + (ptrdiff_t)needs.x0 * in->channels * size, in_width, pass);
            resampler_rows(resampler, rows, in_stride, count);
        }
        for (int y = 0; y < height; y++)
            unpack(out + y * stride, in, result + y * out_stride, width, pass);
    }
    free(rows);
    free(result);
    return is_done ? 0 : -1;
}

int resample_picture(const PackedPicture *in, int width, int height, Rect region, uint8_t *out, ptrdiff_t stride) {
    ConvertType type = in->depth == 8 ? CONVERT_UINT8 : CONVERT_FLOAT32;
    int is_direct = in->depth == 8 && in->channels != 2;
    Resampler *resampler =
        resampler_alloc(in->width, in->height, width, height, region, type, is_direct ? in->channels : 3);
    if (!resampler)
        return -1;
    int code;
    if (is_direct) {
        Rect needs = resampler_needs(resampler);
        resampler_begin(resampler, out, stride);
        resampler_rows(resampler, in->data + needs.y0 * in->stride + in->channels * (ptrdiff_t)needs.x0, in->stride,
                       needs.y1 - needs.y0);
        code = 0;
    } else {
        Pass first = {0, in->channels == 4 ? 3 : in->channels}, second = {3, 1};
        code = run_pass(resampler, in, region, out, stride, first);
        if (code == 0 && in->channels == 4)
            code = run_pass(resampler, in, region, out, stride, second);
    }
    resampler_free(resampler);
    return code;
}
