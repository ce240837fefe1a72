/* Compare rows of csrc/kernels/pack_rows.h, unpack_rows.h, float_yuv.h and rgb2yuv.h that vector
 * kernels make with those of the plain loops. Input and output are exactly as long as they must be,
 * so that a sanitizer sees accesses beyond them. Print the first difference, or how many rows were
 * equal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coefficients.h"
#include "kernels/float_yuv.h"
#include "kernels/kernel_level.h"
#include "kernels/pack_rows.h"
#include "kernels/rgb2yuv.h"
#include "kernels/unpack_rows.h"

#define MAX_WIDTH 80

static int rows;

static void *noise(int count) {
    uint8_t *bytes = malloc((size_t)count);
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(rand() >> 8);
    return bytes;
}

enum { YUV, PAIRED_YUV, FLOATS, ALPHA, RANGE, TAKE_BYTES, WIDEN_BYTES, TAKE_WORDS, KINDS };

/* Bytes of a pixel of the result. */
static const int sizes[KINDS] = {3, 3, 12, 4, 1, 1, 2, 2};

static void make(int kind, void *out, const uint8_t *in[3], int width, int step, int shift) {
    switch (kind) {
    case YUV:
    case PAIRED_YUV: pack_yuv_row(out, in[0], in[1], in[2], width, kind == PAIRED_YUV); break;
    case FLOATS: pack_float_row(out, (const float *)in[0], (const float *)in[1], (const float *)in[2], width); break;
    case ALPHA:
        memcpy(out, in[0], 4 * (size_t)width);
        put_alpha_row(out, in[1], width);
        break;
    case RANGE: full_range_row(out, in[0], width); break;
    case TAKE_BYTES: take_bytes(out, in[0], step, width); break;
    case WIDEN_BYTES: widen_bytes(out, in[0], step, width); break;
    default: take_words(out, (const uint16_t *)in[0], step, shift, width);
    }
}

static int bytes_of(int kind, int channel, int width, int step) {
    if (kind == FLOATS || (kind == ALPHA && channel == 0))
        return 4 * width;
    if (kind == PAIRED_YUV && channel)
        return (width + 1) / 2;
    if (kind >= TAKE_BYTES)
        return ((width - 1) * step + 1) * (kind == TAKE_WORDS ? 2 : 1);
    return width;
}

static void compare(int kind, int width, int step, int shift) {
    void *in[3], *ours = malloc((size_t)(sizes[kind] * width)), *theirs = malloc((size_t)(sizes[kind] * width));
    for (int i = 0; i < 3; i++)
        in[i] = noise(bytes_of(kind, i, width, step));
    const uint8_t *given[3] = {in[0], in[1], in[2]};
    kernel_limit(LEVEL_PLAIN);
    make(kind, theirs, given, width, step, shift);
    kernel_limit(LEVEL_AVX512);
    make(kind, ours, given, width, step, shift);
    if (memcmp(ours, theirs, (size_t)(sizes[kind] * width))) {
        printf("kind %d, width %d, step %d, shift %d: rows differ\n", kind, width, step, shift);
        exit(1);
    }
    for (int i = 0; i < 3; i++)
        free(in[i]);
    free(ours);
    free(theirs);
    rows++;
}

static void compare_rgb2yuv(int width) {
    uint16_t *in[3], *ours = malloc(2 * (size_t)width), *theirs = malloc(2 * (size_t)width);
    for (int i = 0; i < 3; i++) {
        in[i] = malloc(2 * (size_t)width);
        for (int x = 0; x < width; x++)
            in[i][x] = (uint16_t)(rand() >> 8 & 255);
    }
    for (int i = 0; i < 15; i++) {
        Rgb2Yuv to;
        rgb2yuv_weights(&to, coefficients[i / 3]);
        kernel_limit(LEVEL_PLAIN);
        rgb2yuv_row(theirs, in[0], in[1], in[2], width, &to, i % 3);
        kernel_limit(LEVEL_AVX512);
        rgb2yuv_row(ours, in[0], in[1], in[2], width, &to, i % 3);
        if (memcmp(ours, theirs, 2 * (size_t)width)) {
            printf("channel %d of RGB, width %d: rows differ\n", i % 3, width);
            exit(1);
        }
        rows++;
    }
    for (int i = 0; i < 3; i++)
        free(in[i]);
    free(ours);
    free(theirs);
}

static void compare_float_yuv(int width, FloatYuvKind kind) {
    size_t size = 3 * (size_t)width * (kind.half ? 2 : 4);
    void *in[3], *ours = malloc(size), *theirs = malloc(size);
    for (int i = 0; i < 3; i++)
        in[i] = noise((i && kind.paired ? (width + 1) / 2 : width) * (kind.deep ? 2 : 1));
    const void *given[3] = {in[0], in[1], in[2]};
    kernel_limit(LEVEL_PLAIN);
    float_yuv_row(theirs, given, width, kind);
    kernel_limit(LEVEL_AVX512);
    float_yuv_row(ours, given, width, kind);
    if (memcmp(ours, theirs, size)) {
        printf("float YUV of %d bits, width %d, paired %d, half %d: rows differ\n", kind.depth, width, kind.paired,
               kind.half);
        exit(1);
    }
    for (int i = 0; i < 3; i++)
        free(in[i]);
    free(ours);
    free(theirs);
    rows++;
}

/* Each bit of each word must be found. */
static void compare_or(int width) {
    uint16_t *words = calloc((size_t)width, sizeof(*words));
    for (int x = 0; x < width; x++) {
        words[x] = (uint16_t)(1 << x % 16);
        if (or_words(words, width) != words[x]) {
            printf("bit %d of word %d of %d is not found\n", x % 16, x, width);
            exit(1);
        }
        words[x] = 0;
        rows++;
    }
    free(words);
}

int main(void) {
    for (int width = 1; width <= MAX_WIDTH; width++) {
        compare_or(width);
        compare_rgb2yuv(width);
        for (int n = 0; n < 20; n++)
            compare_float_yuv(width, (FloatYuvKind){8 + 2 * (n % 5), n % 5 > 0, n / 5 % 2, n / 10});
        for (int kind = 0; kind < KINDS; kind++)
            for (int step = 1; step <= 4; step++)
                compare(kind, width, step, kind == TAKE_WORDS ? width % 9 : 0);
    }
    printf("%d rows are equal\n", rows);
    return 0;
}
