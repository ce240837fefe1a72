/* Compare rows of csrc/kernels/yuv2rgb_deep.h that vector kernels make with rows that the plain
 * loops make. Input and output are exactly as long as they must be, so that a sanitizer sees
 * accesses beyond them. Print the first difference, or how many rows were compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coefficients.h"
#include "kernels/kernel_level.h"
#include "kernels/yuv2rgb_deep.h"

#define MAX_WIDTH 150

static int rows;

static int sample(int depth, int extreme) {
    int top = (1 << depth) - 1, value = rand() >> 8;
    return extreme ? value % 2 * top : value & top;
}

static void *samples(int count, int depth, int extreme, int is_words) {
    uint8_t *bytes = malloc((size_t)count * (is_words ? 2 : 1));
    for (int i = 0; i < count; i++) {
        int value = sample(depth, extreme);
        if (is_words)
            ((uint16_t *)bytes)[i] = (uint16_t)value;
        else
            bytes[i] = (uint8_t)value;
    }
    return bytes;
}

static void check(const uint8_t *ours, const uint8_t *theirs, int count, const char *what, int width, int depth) {
    for (int i = 0; i < count; i++)
        if (ours[i] != theirs[i]) {
            printf("%s, width %d, %d bits: byte %d is %d, not %d\n", what, width, depth, i, ours[i], theirs[i]);
            exit(1);
        }
    rows++;
}

static void compare_chroma(int width, int depth, int extreme) {
    static const int16_t weights[][DEEP_MOST_TAPS] = {
        {4096}, {2048, 2048}, {-115, 985, 3226}, {-115, 985, 3572, -346}, {-300, 1000, 4100, -600, -104}};
    for (int count = 1; count <= DEEP_MOST_TAPS; count++) {
        uint16_t *in[DEEP_MOST_TAPS];
        uint8_t *ours = malloc(width), *theirs = malloc(width);
        for (int k = 0; k < count; k++)
            in[k] = samples(width, depth, extreme, 1);
        kernel_limit(LEVEL_PLAIN);
        deep_chroma_row(theirs, (const uint16_t *const *)in, weights[count - 1], count, width, depth);
        kernel_limit(LEVEL_AVX512);
        deep_chroma_row(ours, (const uint16_t *const *)in, weights[count - 1], count, width, depth);
        check(ours, theirs, width, "chroma", width, depth);
        for (int k = 0; k < count; k++)
            free(in[k]);
        free(ours);
        free(theirs);
    }
}

enum { PACKED, PLANES, OPAQUE, LAYOUTS };

/* Planes are without a gap. */
static void compare_rgb(int width, int depth, int extreme, int is_full, int kind) {
    const RgbLayout layout = {kind == PLANES ? width : 0, kind == OPAQUE};
    const int size = (kind == OPAQUE ? 4 : 3) * width;
    void *y = samples(width, depth, extreme, !is_full || depth > 8);
    void *u = samples(is_full ? width : width / 2, is_full ? depth : 8, extreme, is_full && depth > 8);
    void *v = samples(is_full ? width : width / 2, is_full ? depth : 8, extreme, is_full && depth > 8);
    uint8_t *ours = malloc(size), *theirs = malloc(size);
    for (int i = 0; i < 10; i++) {
        Yuv2RgbMatrix matrix;
        yuv2rgb_matrix(&matrix, coefficients[i / 2], i % 2);
        for (int plain = 0; plain < 2; plain++) {
            uint8_t *rgb = plain ? theirs : ours;
            kernel_limit(plain ? LEVEL_PLAIN : LEVEL_AVX512);
            if (is_full)
                deep_full_row(rgb, layout, y, u, v, width, &matrix, depth);
            else
                deep_row(rgb, layout, y, u, v, width, &matrix, depth);
        }
        check(ours, theirs, size, is_full ? "4:4:4" : "4:2:0", width, depth);
    }
    free(y);
    free(u);
    free(v);
    free(ours);
    free(theirs);
}

int main(void) {
    for (int width = 1; width <= MAX_WIDTH; width++)
        for (int depth = 8; depth <= DEEP_MOST_BITS; depth++)
            for (int extreme = 0; extreme < 2; extreme++)
                for (int kind = 0; kind < LAYOUTS; kind++) {
                    compare_rgb(width, depth, extreme, 1, kind);
                    if (width % 2 == 0)
                        compare_rgb(width, depth, extreme, 0, kind);
                    if (kind == PLANES)
                        compare_chroma(width, depth, extreme);
                }
    printf("%d rows are equal\n", rows);
    return 0;
}
