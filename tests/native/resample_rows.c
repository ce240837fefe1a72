/* Compare every level of csrc/resample/resample.h with the plain kernels. Memory is exactly as
 * large as it must be, so that gcc's sanitizers see accesses beyond it. Print the first difference,
 * or how many frames were compared. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel_level.h"
#include "resample/resample.h"

#define GUARD 32

static uint32_t state = 1;

static uint32_t chance(uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static void *exactly(size_t size) {
    void *memory = malloc(size);
    if (!memory)
        exit(2);
    return memory;
}

/* Resample a frame of random values. Rows come in blocks of `steps`, with nothing around them in
 * memory. */
static uint8_t *resample(const int *sizes, Rect region, ConvertType type, int channels, int level, int steps,
                         uint32_t seed) {
    kernel_limit(level);
    Resampler *r = resampler_alloc(sizes[0], sizes[1], sizes[2], sizes[3], region, type, channels);
    if (!r)
        exit(2);
    int per_call = steps * resampler_step(r);
    Rect needs = resampler_needs(r);
    size_t samples = (size_t)channels * (size_t)(needs.x1 - needs.x0);
    size_t row = samples * (type == CONVERT_UINT8 ? 1 : sizeof(float));
    size_t out_row = (size_t)channels * (size_t)(region.x1 - region.x0) * convert_sample_size(type);
    size_t out_size = out_row * (region.y1 - region.y0);
    uint8_t *out = exactly(out_size + GUARD);
    memset(out, 0xA5, out_size + GUARD);
    state = seed;
    resampler_begin(r, out, (ptrdiff_t)out_row);
    for (int y = needs.y0; y < needs.y1; y += per_call) {
        int count = needs.y1 - y < per_call ? needs.y1 - y : per_call;
        void *rows = exactly(count * row);
        for (size_t i = 0; i < count * samples; i++)
            if (type == CONVERT_UINT8)
                ((uint8_t *)rows)[i] = (uint8_t)(seed % 2 ? chance(2) * 255 : chance(256));
            else
                ((float *)rows)[i] = (float)chance(256) / 255;
        resampler_rows(r, rows, (ptrdiff_t)row, count);
        free(rows);
    }
    resampler_free(r);
    for (int i = 0; i < GUARD; i++) /* the sanitizers do not see masked stores */
        if (out[out_size + i] != 0xA5) {
            printf("written beyond the frame at level %d\n", level);
            exit(1);
        }
    return out;
}

static int same(const uint8_t *a, const uint8_t *b, size_t samples, ConvertType type) {
    if (type != CONVERT_FLOAT32)
        /* Half a step may be rounded in either direction. */
        return type == CONVERT_FLOAT16 || !memcmp(a, b, samples);
    for (size_t i = 0; i < samples; i++)
        if (fabsf(((const float *)a)[i] - ((const float *)b)[i]) > 1e-6f)
            return 0;
    return 1;
}

int main(void) {
    static const int most[] = {4, 40, 200}, channels_of[] = {3, 1, 4};
    int frames = 0;
    for (int n = 0; n < 400; n++) {
        int sizes[4], limit = most[n % 3], channels = channels_of[n / 3 % 3];
        state = (uint32_t)n;
        for (int i = 0; i < 4; i++)
            sizes[i] = 1 + (int)chance(limit);
        Rect region = {0, 0, sizes[2], sizes[3]};
        if (n % 2) {
            region.x0 = (int)chance(region.x1);
            region.y0 = (int)chance(region.y1);
            region.x1 -= (int)chance(region.x1 - region.x0);
            region.y1 -= (int)chance(region.y1 - region.y0);
        }
        size_t samples = (size_t)channels * (size_t)(region.x1 - region.x0) * (region.y1 - region.y0);
        for (int type = CONVERT_UINT8; type <= CONVERT_FLOAT16; type++) {
            uint8_t *plain = resample(sizes, region, type, channels, LEVEL_PLAIN, 1, n);
            for (int level = LEVEL_AVX2; level <= LEVEL_AVX512; level++, frames++) {
                uint8_t *vector = resample(sizes, region, type, channels, level, 1 + n % 4, n);
                if (!same(plain, vector, samples, type)) {
                    printf("%dx%d to %dx%d of %d channels differs at level %d, type %d\n", sizes[0], sizes[1], sizes[2],
                           sizes[3], channels, level, type);
                    return 1;
                }
                free(vector);
            }
            free(plain);
        }
    }
    printf("%d frames are equal\n", frames);
    return 0;
}
