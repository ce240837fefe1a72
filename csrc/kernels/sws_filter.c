/* Note [swscale's filter]
 *
 * Where swscale has no kernel for a format, it resamples luma and chroma to the size of the result,
 * each by its own filter, and converts colours afterwards. Without scaling, luma's filter is one
 * weight of 1. Chroma's filter is cubic (0, 0.6), and each chroma sample is centred on the luma
 * samples that it covers. All numbers are integers, so the bytes of the result depend on how they
 * are rounded:
 *
 * - The step between output samples is rounded to 16 binary places. The rounding error accumulates
 *   along the axis.
 * - The filter has five taps, or two fewer than the input has samples, but at least one. The
 *   division that finds the first tap rounds towards zero. A first tap outside of the picture is
 *   therefore one sample too far inside, and the lost weight is spread over the others when they
 *   are scaled.
 * - Taps that together weigh next to nothing are removed. At the front they are removed for each
 *   output sample separately, as long as its first tap does not pass the next one's. At the end, as
 *   many are removed as all output samples can spare. (swscale then rounds the number of taps up
 *   for its vectors. For chroma of 4:2:0 this restores none.)
 * - A tap outside of the picture uses the sample at the edge.
 * - Weights are scaled by their sum and rounded. Each rounding error is carried to the next weight.
 *
 * Two taps along the height are a special case: they weigh 1 and 0, or one half each.
 */
#include "kernels/sws_filter.h"

#include <stdlib.h>

enum { MOST_TAPS = 5 };

/* The taps of one output sample. Weights have 54 binary places and are six times too large. */
typedef struct {
    int first;
    int64_t weights[MOST_TAPS];
} Taps;

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

/* Return six times the cubic of a distance; both have 30 binary places. The cubic is 1.4 d^3 - 2.4
 * d^2 + 1 up to 1, and -0.6 d^3 + 3 d^2 - 4.8 d + 2.4 up to 2. */
static int64_t cubic(int64_t d) {
    const int64_t unit = 1 << 24, c = (int64_t)(0.6 * (1 << 24)), one = 1 << 30;
    if (d >= 2 * one)
        return 0; /* the square of a larger distance does not fit */
    int64_t d2 = d * d >> 30, d3 = d2 * d >> 30;
    if (d < one)
        return (12 * unit - 6 * c) * d3 + (6 * c - 18 * unit) * d2 + 6 * unit * one;
    return -6 * c * d3 + 30 * c * d2 - 48 * c * d + 24 * c * one;
}

static int64_t magnitude(int64_t value) {
    return value < 0 ? -value : value;
}

static int next_to_nothing(int64_t sum) {
    return sum <= (1ll << 54) / 500;
}

/* Make the taps of all output samples; return how many of them to keep. */
static int make_taps(Taps *taps, int count, int in, int out) {
    const int64_t step = (((int64_t)in << 16) + out / 2) / out, sample = 1 << 17;
    int most = 1;
    for (int i = 0; i < out; i++) {
        int64_t centre = (2 * i + 1) * step - sample / 2;
        taps[i].first = (int)((centre - (count - 2) * (sample / 2)) / sample);
        for (int k = 0; k < count; k++)
            taps[i].weights[k] = cubic(magnitude((taps[i].first + k) * sample - centre) << 13);
    }
    for (int i = out - 1; i >= 0; i--) {
        int64_t *w = taps[i].weights, skipped = 0, left = 0;
        int used = count;
        for (int k = 0; k < count; k++) {
            skipped += magnitude(w[0]);
            if (!next_to_nothing(skipped) || (i < out - 1 && taps[i].first >= taps[i + 1].first))
                break;
            for (int j = 1; j < count; j++)
                w[j - 1] = w[j];
            w[count - 1] = 0;
            taps[i].first++;
        }
        while (used > 1 && next_to_nothing(left += magnitude(w[used - 1])))
            used--;
        most = used > most ? used : most;
    }
    return most;
}

static int64_t rounded(int64_t a, int64_t b) {
    return (a >= 0 ? a + b / 2 : a - b / 2) / b;
}

/* Write the first `count` taps, moved inside the picture, as integers that sum to 2^shift. */
static Span round_taps(int16_t *fixed, const Taps *taps, int count, int in, int shift) {
    int first = clamp(taps->first, 0, in - count);
    int64_t weights[MOST_TAPS] = {0}, sum = 0, error = 0;
    for (int k = 0; k < count; k++) {
        weights[clamp(taps->first + k, 0, in - 1) - first] += taps->weights[k];
        sum += taps->weights[k];
    }
    sum = (sum + (1 << shift >> 1)) >> shift;
    for (int k = 0; k < count; k++) {
        int64_t weight = weights[k] + error;
        fixed[k] = (int16_t)rounded(weight, sum);
        error = weight - fixed[k] * sum;
    }
    return (Span){.first = first, .count = count};
}

static int make(Axis *axis, int in, int out, int shift) {
    int count = in == out ? 1 : clamp(in - 2, 1, MOST_TAPS);
    Taps *taps = malloc((size_t)out * sizeof(*taps));
    *axis = (Axis){.length = out, .extent = in, .shift = shift};
    axis->spans = malloc((size_t)out * sizeof(*axis->spans));
    axis->fixed = malloc((size_t)out * MOST_TAPS * sizeof(*axis->fixed));
    if (!taps || !axis->spans || !axis->fixed) {
        free(taps);
        return -1;
    }
    count = make_taps(taps, count, in, out);
    axis->used = out * count;
    for (int i = 0; i < out; i++) {
        axis->spans[i] = round_taps(axis->fixed + i * count, &taps[i], count, in, shift);
        axis->spans[i].start = i * count;
    }
    free(taps);
    return 0;
}

int sws_filter_columns(Axis *axis, int in, int out) {
    return make(axis, in, out, 14);
}

int sws_filter_rows(Axis *axis, int in, int out) {
    if (make(axis, in, out, 12) < 0)
        return -1;
    for (int i = 0; i < out; i++) {
        int16_t *w = axis->fixed + axis->spans[i].start;
        if (axis->spans[i].count != 2 || w[0] < 0 || w[1] < 0)
            continue;
        w[1] = w[1] < 2048 ? 0 : 2048;
        w[0] = (int16_t)(4096 - w[1]);
    }
    return 0;
}
