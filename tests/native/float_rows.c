/* Compare every level of float_row (csrc/kernels/float_rows.h) with the plain loop, bit by bit.
 * Planes and rows have exactly the bytes that they need, so that sanitizers see accesses beyond
 * them. Print the first difference, or how many rows were compared. */
#include "kernels/float_rows.h"
#include "kernels/kernel_level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64

/* Fill samples with noise in all bits, even in those that are masked; or with few values, for
 * black, white and grey. */
static uint8_t *plane(size_t size, int few) {
    static const uint8_t values[] = {0, 1, 16, 128, 235, 255};
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = few ? values[rand() % 6] : (uint8_t)(rand() >> 8);
    return bytes;
}

static int compare(int width, int depth, const FloatColours *colours, FloatRowKind kind, int few, int planar) {
    size_t chroma = (size_t)((width + kind.paired) >> kind.paired) << kind.deep;
    size_t size = 3 * (size_t)width * (kind.half ? 2 : 4);
    uint8_t *y = plane((size_t)width << kind.deep, few), *cb = plane(chroma, few), *cr = plane(chroma, few);
    uint8_t *rows[3];
    for (int level = LEVEL_PLAIN; level <= LEVEL_AVX512; level++) {
        uint8_t *row = rows[level] = malloc(size + GUARD);
        memset(row, 0xA5, size + GUARD);
        kernel_limit(level);
        float_row(row, planar ? (ptrdiff_t)(size / 3) : 0, y, cb, cr, width, colours, kind);
        int beyond = 0;
        for (int i = 0; i < GUARD; i++)
            beyond |= row[size + i] != 0xA5;
        if (beyond || memcmp(row, rows[0], size)) {
            printf("%d pixels of %d bits, %s, %s, %s: %s at level %d\n", width, depth, planar ? "planes" : "packed",
                   kind.paired ? "paired" : "each its own", kind.half ? "half" : "full",
                   beyond ? "written beyond the row" : "another row", level);
            exit(1);
        }
    }
    for (int level = LEVEL_PLAIN; level <= LEVEL_AVX512; level++)
        free(rows[level]);
    free(y);
    free(cb);
    free(cr);
    return LEVEL_AVX512;
}

static float some(double least, double most) {
    return (float)(least + (most - least) * rand() / RAND_MAX);
}

int main(void) {
    static const int depths[] = {8, 9, 10, 12, 14, 16};
    int rows = 0;
    for (int n = 0; n < 96; n++)
        for (int width = 1; width <= 200; width++) {
            int depth = depths[n % 6];
            float unit = (float)(1 << (depth - 8));
            FloatColours colours = {(1u << depth) - 1,       16 * unit,
                                    1 / (219 * unit),        128 * unit,
                                    some(.005, .01) / unit,  some(.0005, .003) / unit,
                                    some(.001, .004) / unit, some(.006, .01) / unit};
            FloatRowKind kind = {depth > 8, n / 6 % 2, n / 12 % 2};
            rows += compare(width, depth, &colours, kind, n / 24 % 2, n / 48);
        }
    printf("%d rows are equal\n", rows);
    return 0;
}
