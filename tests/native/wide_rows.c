/* Compare rows of csrc/kernels/wide_rows.h that vector kernels make with rows that the plain loops
 * make. Input and output are exactly as long as they must be, so that a sanitizer sees accesses
 * beyond them. Print the first difference, or how many rows were compared. */
#include "kernels/wide_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coefficients.h"
#include "kernels/kernel_level.h"

#define MAX_WIDTH 150

static int rows;

static void *noise(int count, int most, int size) {
    uint8_t *memory = malloc((size_t)(count * size));
    for (int i = 0; i < count; i++) {
        int32_t value = rand() % 4 ? rand() % (most + 1) : rand() % 2 * most;
        if (size == 2)
            ((uint16_t *)memory)[i] = (uint16_t)value;
        else
            ((int32_t *)memory)[i] = value;
    }
    return memory;
}

static void check(const void *ours, const void *theirs, size_t size, const char *what, int width) {
    if (memcmp(ours, theirs, size)) {
        printf("%s, width %d: rows differ\n", what, width);
        exit(1);
    }
    rows++;
}

static void compare_columns(int in, int out, int depth, int bits) {
    WideColumns columns = {0};
    if (wide_columns_make(&columns, in, out) < 0)
        exit(2);
    uint16_t *row = noise(in, (1 << depth) - 1, 2);
    int32_t *ours = malloc((size_t)(out + 3) * sizeof(*ours)), *theirs = malloc((size_t)(out + 3) * sizeof(*theirs));
    kernel_limit(LEVEL_PLAIN);
    wide_columns_row(theirs, row, &columns, depth, bits);
    kernel_limit(LEVEL_AVX512);
    wide_columns_row(ours, row, &columns, depth, bits);
    check(ours, theirs, (size_t)out * sizeof(*ours), "columns", out);
    wide_columns_free(&columns);
    free(row);
    free(ours);
    free(theirs);
}

/* Chroma rows, and rows of bytes made of them. */
static void compare_rows(int width, int depth, int count, RgbLayout layout) {
    static const int16_t weights[] = {-115, 985, 3572, -346, 0};
    const int size = (layout.is_opaque ? 4 : 3) * width;
    const WideSum sum = {(1 << 9) - (1 << 26), 10};
    int32_t *u[WIDE_MOST_TAPS], *v[WIDE_MOST_TAPS], *sums[2];
    uint16_t *luma = noise(width, (1 << depth) - 1, 2);
    uint8_t *bytes[2], *chroma[2];
    for (int i = 0; i < count; i++) {
        u[i] = noise(width, 32767, 4);
        v[i] = noise(width, 32767, 4);
    }
    for (int plain = 0; plain < 2; plain++) {
        Yuv2RgbMatrix matrix;
        FloatColours colours;
        yuv2rgb_matrix(&matrix, coefficients[width % 5], width % 2);
        float_colours(&colours, &matrix, FLOAT_BIASED, depth);
        colours.shift = 22;
        sums[plain] = malloc(3 * (size_t)width * sizeof(int32_t));
        bytes[plain] = malloc((size_t)size);
        chroma[plain] = malloc((size_t)width);
        const FloatChroma out = {sums[plain], sums[plain] + width, sums[plain] + 2 * width};
        kernel_limit(plain ? LEVEL_PLAIN : LEVEL_AVX512);
        wide_chroma_row(out, (const int32_t *const *)u, (const int32_t *const *)v, weights, count, width, &colours,
                        sum);
        wide_byte_chroma_row(chroma[plain], (const int32_t *const *)u, weights, count, width);
        wide_byte_row(bytes[plain], layout, luma, out, width, &colours);
    }
    check(sums[0], sums[1], 3 * (size_t)width * sizeof(int32_t), "chroma", width);
    check(chroma[0], chroma[1], (size_t)width, "bytes of chroma", width);
    check(bytes[0], bytes[1], (size_t)size, "bytes", width);
    for (int i = 0; i < 2; i++) {
        free(sums[i]);
        free(bytes[i]);
        free(chroma[i]);
    }
    for (int i = 0; i < count; i++) {
        free(u[i]);
        free(v[i]);
    }
    free(luma);
}

int main(void) {
    for (int width = 1; width <= MAX_WIDTH; width++)
        for (int depth = 8; depth <= WIDE_MOST_BITS; depth += 2) {
            for (int bits = 15; bits <= 19; bits += 4) {
                compare_columns((width + 1) / 2, width, depth, bits);
                compare_columns((width + 3) / 4, (width + 1) / 2, depth, bits);
                compare_columns((width + 3) / 4, width, depth, bits);
            }
            const RgbLayout layouts[] = {{0}, {width, 0}, {0, 1}};
            for (int i = 0; i < 3; i++)
                compare_rows(width, depth, 1 + width % WIDE_MOST_TAPS, layouts[i]);
        }
    printf("%d rows are equal\n", rows);
    return 0;
}
