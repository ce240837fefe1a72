/* Compare every level of the kernels of csrc/kernels/float_rows.h with the plain loops, bit by bit.
 * Planes and rows have exactly the bytes that they need, so that sanitizers see accesses beyond
 * them. Print the first difference, or how many rows were compared. */
#include "kernels/float_rows.h"
#include "kernels/kernel_level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coefficients.h"

#define GUARD 64

typedef struct {
    int width, columns, taps, few, planar, opaque;
    FloatColours colours;
    FloatRowKind kind;
    int16_t weights[FLOAT_MOST_TAPS];
    const void *luma, *u[FLOAT_MOST_TAPS], *v[FLOAT_MOST_TAPS];
} Case;

/* Fill samples with noise over all codes, or with few values: black, white and grey. */
static void *plane(const Case *c, int count) {
    const int deep = c->kind.deep, up = c->colours.depth - 8, values[] = {0, 1, 16, 128, 235, 255};
    uint8_t *bytes = malloc((size_t)count << deep);
    for (int i = 0; i < count; i++) {
        int value = c->few ? values[rand() % 6] << up : rand() >> 8 & ((1 << c->colours.depth) - 1);
        if (deep)
            ((uint16_t *)bytes)[i] = (uint16_t)value;
        else
            bytes[i] = (uint8_t)value;
    }
    return bytes;
}

static void fail(const Case *c, const char *what, int level) {
    printf("%d pixels of %d bits, arithmetic %d, %d taps, %s, %s, %s: %s at level %d\n", c->width, c->colours.depth,
           (int)c->colours.arithmetic, c->taps,
           c->planar   ? "planes"
           : c->opaque ? "opaque"
                       : "packed",
           c->kind.paired ? "paired" : "each", c->kind.half ? "half" : "full", what, level);
    exit(1);
}

/* Convert a row, and return it with the chroma that it was made from behind it. */
static uint8_t *convert(const Case *c, size_t size, size_t sums, int level) {
    uint8_t *row = malloc(size + GUARD), *kept = malloc(size + 3 * sums);
    int32_t *chroma[3];
    for (int i = 0; i < 3; i++)
        chroma[i] = malloc(sums);
    const FloatChroma out = {chroma[0], chroma[1], chroma[2]};
    memset(row, 0xA5, size + GUARD);
    kernel_limit(level);
    float_chroma_row(out, c->u, c->v, c->weights, c->taps, c->columns, &c->colours, c->kind.deep);
    float_row(row, (RgbLayout){c->planar ? (ptrdiff_t)(size / 3) : 0, c->opaque}, c->luma, out, c->width, &c->colours,
              c->kind);
    for (int i = 0; i < GUARD; i++)
        if (row[size + i] != 0xA5)
            fail(c, "written beyond the row", level);
    memcpy(kept, row, size);
    for (int i = 0; i < 3; i++) {
        memcpy(kept + size + i * sums, chroma[i], sums);
        free(chroma[i]);
    }
    free(row);
    return kept;
}

static int compare(Case *c) {
    size_t size = (c->opaque ? 4 : 3) * (size_t)c->width * (c->kind.half ? 2 : 4),
           sums = (size_t)c->columns * sizeof(int32_t);
    c->luma = plane(c, c->width);
    for (int i = 0; i < c->taps; i++) {
        c->u[i] = plane(c, c->columns);
        c->v[i] = plane(c, c->columns);
    }
    uint8_t *plain = convert(c, size, sums, LEVEL_PLAIN);
    for (int level = LEVEL_PLAIN + 1; level <= LEVEL_AVX512; level++) {
        uint8_t *row = convert(c, size, sums, level);
        if (memcmp(row, plain, size + 3 * sums))
            fail(c, "another row", level);
        free(row);
    }
    free(plain);
    free((void *)c->luma);
    for (int i = 0; i < c->taps; i++) {
        free((void *)c->u[i]);
        free((void *)c->v[i]);
    }
    return LEVEL_AVX512;
}

/* Every sample divided by the largest one is the rounded quotient. */
static void check_quotients(void) {
    static uint16_t samples[65536], halves[65536], plain[65536];
    static float floats[65536];
    for (int i = 0; i < 65536; i++)
        samples[i] = (uint16_t)i;
    kernel_limit(LEVEL_PLAIN);
    float_samples(plain, samples, 65536, 1);
    for (int level = LEVEL_PLAIN; level <= LEVEL_AVX512; level++) {
        kernel_limit(level);
        float_samples(floats, samples, 65536, 0);
        float_samples(halves, samples, 65536, 1);
        for (int i = 0; i < 65536; i++)
            if (floats[i] != (float)i / 65535.0f || halves[i] != plain[i]) {
                printf("%d / 65535 is wrong at level %d\n", i, level);
                exit(1);
            }
    }
}

/* The sums of luma alone give all results, of which float_row makes quotients. */
static void check_results(void) {
    for (int most = 255; most <= 65535; most += 65280)
        for (int level = LEVEL_PLAIN; level <= LEVEL_AVX512; level++)
            for (int first = 0; first <= most; first += 256) {
                int32_t zeros[256] = {0}, sums[256];
                uint8_t luma[256] = {0};
                float row[3][256];
                FloatColours colours = {.depth = 8, .most = most};
                for (int i = 0; i < 256; i++)
                    sums[i] = first + i;
                kernel_limit(level);
                float_row(row, (RgbLayout){sizeof(row[0]), 0}, luma, (FloatChroma){sums, zeros, zeros}, 256, &colours,
                          (FloatRowKind){0});
                for (int i = 0; i < 256; i++)
                    if (row[0][i] != (float)(first + i) / (float)most) {
                        printf("%d / %d is wrong at level %d\n", first + i, most, level);
                        exit(1);
                    }
            }
}

int main(void) {
    static const int depths[] = {8, 9, 10, 12, 14};
    int rows = 0;
    check_quotients();
    check_results();
    for (int n = 0; n < 360; n++)
        for (int width = 1; width <= 150; width++) {
            Yuv2RgbMatrix matrix;
            Case c = {.width = width, .few = n / 60 % 2, .planar = n / 120 == 1, .opaque = n / 120 == 2};
            int depth = depths[n % 5];
            FloatArithmetic arithmetic = depth == 8 && n % 2 ? FLOAT_TABLES : n % 3 ? FLOAT_BIASED : FLOAT_WRAPPED;
            c.kind = (FloatRowKind){depth > 8, n / 5 % 2, n / 10 % 2};
            c.columns = c.kind.paired ? (width + 1) / 2 : width;
            c.taps = arithmetic == FLOAT_TABLES ? 1 : 1 + n / 20 % FLOAT_MOST_TAPS;
            for (int i = 0, left = 4096; i < c.taps; i++) {
                c.weights[i] = (int16_t)(i + 1 == c.taps ? left : rand() % 1200 - 200);
                left -= c.weights[i];
            }
            yuv2rgb_matrix(&matrix, coefficients[n % 3], n / 3 % 2);
            float_colours(&c.colours, &matrix, arithmetic, depth);
            rows += compare(&c);
        }
    printf("%d rows are equal\n", rows);
    return 0;
}
