#include "kernels/axis.h"

#include <math.h>
#include <stdlib.h>

#define MAX_SHIFT 22 /* the same as torch's */

/* Make the weights of output sample i. */
static Span triangle(double *weights, int i, int in, int out) {
    double scale = (double)in / out, reach = scale > 1 ? scale : 1, centre = scale * (i + 0.5), total = 0;
    int first = (int)(centre - reach + 0.5), last = (int)(centre + reach + 0.5), most = 2 * (int)ceil(reach) + 1;
    Span span = {.first = first > 0 ? first : 0};
    span.count = (last < in ? last : in) - span.first;
    if (span.count > most)
        span.count = most;
    for (int k = 0; k < span.count; k++) {
        double x = fabs((k + span.first - centre + 0.5) * (1 / reach));
        weights[k] = x < 1 ? 1 - x : 0;
        total += weights[k];
    }
    for (int k = 0; k < span.count; k++)
        weights[k] /= total;
    return span;
}

int axis_init(Axis *axis, int in, int out, int from, int to, int fixed) {
    int most = 2 * (int)ceil(in > out ? (double)in / out : 1) + 1, used = 0, low = in, high = 0;
    size_t room = (size_t)(to - from) * (most + 1);
    double *weights = calloc(most, sizeof(*weights)), largest = 0;
    axis->length = to - from;
    axis->spans = calloc(axis->length, sizeof(*axis->spans));
    if (fixed)
        axis->fixed = calloc(room, sizeof(*axis->fixed));
    else
        axis->floats = calloc(room, sizeof(*axis->floats));
    if (!weights || !axis->spans || !(fixed ? (void *)axis->fixed : (void *)axis->floats)) {
        free(weights);
        return -1;
    }
    /* The loop covers the whole axis, so that regions have the same weights. */
    for (int i = 0; fixed && i < out; i++) {
        Span span = triangle(weights, i, in, out);
        for (int k = 0; k < span.count; k++)
            largest = weights[k] > largest ? weights[k] : largest;
    }
    while (axis->shift < MAX_SHIFT && (int64_t)(largest * (2 << axis->shift) + 0.5) < 1 << 15)
        axis->shift++;
    for (int i = 0; i < axis->length; i++) {
        Span span = triangle(weights, from + i, in, out);
        int last = span.count - 1, skipped = 0;
        if (fixed)
            for (int k = 0; k <= last; k++)
                weights[k] = floor(weights[k] * (1 << axis->shift) + 0.5);
        while (last > 0 && weights[last] == 0)
            last--;
        while (skipped < last && weights[skipped] == 0)
            skipped++;
        span = (Span){span.first + skipped, last + 1 - skipped, used};
        for (int k = skipped; k <= last; k++, used++)
            if (fixed)
                axis->fixed[used] = (int16_t)weights[k];
            else
                axis->floats[used] = (float)weights[k];
        used += !fixed && used % 2;
        axis->spans[i] = span;
        low = span.first < low ? span.first : low;
        high = span.first + span.count > high ? span.first + span.count : high;
    }
    for (int i = 0; i < axis->length; i++)
        axis->spans[i].first -= low;
    axis->extent = high - low;
    axis->used = used;
    free(weights);
    return low;
}

void axis_free(Axis *axis) {
    free(axis->spans);
    free(axis->fixed);
    free(axis->floats);
}
