/* Compare rows of YUV2RGB_TABLES (csrc/kernels/yuv2rgb.h) with a reference. Print the first
 * difference, or how many rows were compared.
 *
 * - On 64-bit Arm, compare rows of the NEON kernels with rows of the plain loops.
 * - With -DSWSCALE, on any processor, compare plain rows with swscale without vector code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coefficients.h"
#include "kernels/kernel_level.h"
#include "kernels/yuv2rgb.h"

#ifdef SWSCALE
#include <libavutil/cpu.h>
#include <libswscale/swscale.h>
#endif

#define MAX_WIDTH 256
#define GUARD 64

static uint8_t luma[2 * MAX_WIDTH], cb[MAX_WIDTH / 2], cr[MAX_WIDTH / 2];
static int rows;

#ifdef SWSCALE
/* swscale converts at least two rows, and omits the last column of odd widths. */
static int expected_row(uint8_t *rgb, int width, const int *colour, int full_range) {
    static struct SwsContext *sws;
    static uint8_t out[2][4 * MAX_WIDTH];
    const uint8_t *planes[4] = {luma, cb, cr};
    uint8_t *outs[4] = {out[0]};
    int strides[4] = {MAX_WIDTH, MAX_WIDTH / 2, MAX_WIDTH / 2}, out_strides[4] = {sizeof(out[0])};
    sws = sws_getCachedContext(sws, width, 2, AV_PIX_FMT_YUV420P, width, 2, AV_PIX_FMT_RGB24, SWS_BICUBIC, NULL, NULL,
                               NULL);
    if (!sws || sws_setColorspaceDetails(sws, colour, full_range, colour, 1, 0, 1 << 16, 1 << 16) < 0 ||
        sws_scale(sws, planes, strides, 0, 2, outs, out_strides) < 0)
        exit(2);
    width &= ~1;
    memcpy(rgb, out[0], 3 * width);
    return width;
}
#else
static int expected_row(uint8_t *rgb, int width, const int *colour, int full_range) {
    Yuv2RgbMatrix matrix;
    yuv2rgb_matrix(&matrix, colour, full_range);
    kernel_limit(LEVEL_PLAIN);
    yuv2rgb_row(rgb, (RgbLayout){0}, luma, cb, cr, width, &matrix, YUV2RGB_TABLES);
    kernel_limit(LEVEL_NEON);
    if (!yuv2rgb_pays(YUV2RGB_TABLES)) {
        printf("there is no vector kernel here\n");
        exit(2);
    }
    return width;
}
#endif

/* Check that planes hold the samples of a packed row, and that nothing is written between or behind
 * them. */
static void compare_planes(int width, const Yuv2RgbMatrix *matrix, const uint8_t *packed) {
    enum { STRIDE = MAX_WIDTH + GUARD };
    uint8_t planes[3 * STRIDE];
    memset(planes, 0xA5, sizeof(planes));
    yuv2rgb_row(planes, (RgbLayout){STRIDE, 0}, luma, cb, cr, width, matrix, YUV2RGB_TABLES);
    for (int k = 0; k < 3 * STRIDE; k++) {
        int plane = k / STRIDE, x = k % STRIDE;
        if (planes[k] != (x < width ? packed[3 * x + plane] : 0xA5)) {
            printf("width %d: sample %d of plane %d is %d\n", width, x, plane, planes[k]);
            exit(1);
        }
    }
}

/* The same for pixels with alpha. */
static void compare_opaque(int width, const Yuv2RgbMatrix *matrix, const uint8_t *packed) {
    uint8_t rgba[4 * MAX_WIDTH + GUARD];
    memset(rgba, 0xA5, sizeof(rgba));
    yuv2rgb_row(rgba, (RgbLayout){0, 1}, luma, cb, cr, width, matrix, YUV2RGB_TABLES);
    for (int k = 0; k < 4 * width + GUARD; k++) {
        int expected = k >= 4 * width ? 0xA5 : k % 4 == 3 ? 255 : packed[k / 4 * 3 + k % 4];
        if (rgba[k] != expected) {
            printf("width %d: byte %d of RGBA is %d, not %d\n", width, k, rgba[k], expected);
            exit(1);
        }
    }
}

static void compare(int width) {
    uint8_t ours[3 * MAX_WIDTH + GUARD], theirs[3 * MAX_WIDTH];
    for (int i = 0; i < 2 * 5; i++, rows++) {
        Yuv2RgbMatrix matrix;
        yuv2rgb_matrix(&matrix, coefficients[i / 2], i % 2);
        int known = expected_row(theirs, width, coefficients[i / 2], i % 2);
        memset(ours, 0xA5, sizeof(ours));
        yuv2rgb_row(ours, (RgbLayout){0}, luma, cb, cr, width, &matrix, YUV2RGB_TABLES);
        for (int k = 0; k < 3 * width + GUARD; k++)
            if (k < 3 * known ? ours[k] != theirs[k] : k >= 3 * width && ours[k] != 0xA5) {
                printf("width %d, matrix %d, full range %d: byte %d is %d, not %d\n", width, i / 2, i % 2, k, ours[k],
                       k < 3 * known ? theirs[k] : 0xA5);
                exit(1);
            }
        compare_planes(width, &matrix, ours);
        compare_opaque(width, &matrix, ours);
    }
}

static void fill(uint8_t *samples, int amount, int extreme) {
    for (int i = 0; i < amount; i++)
        samples[i] = extreme ? (rand() >> 8) % 2 * 255 : rand() >> 8;
}

int main(void) {
#ifdef SWSCALE
    av_force_cpu_flags(0);
    av_log_set_level(AV_LOG_ERROR); /* swscale warns about every slow context */
#endif
    for (int width = 1; width <= 200; width++)
        for (int extreme = 0; extreme < 2; extreme++) {
            fill(luma, sizeof(luma), extreme);
            fill(cb, sizeof(cb), extreme);
            fill(cr, sizeof(cr), extreme);
            compare(width);
        }
    /* try every luma with a grid of chroma values that includes both extremes */
    for (int i = 0; i < MAX_WIDTH; i++)
        luma[i] = (uint8_t)i;
    for (int u = 0; u < 256; u += 5)
        for (int v = 0; v < 256; v += 5) {
            memset(cb, u, sizeof(cb));
            memset(cr, v, sizeof(cr));
            compare(MAX_WIDTH);
        }
    printf("%d rows are equal\n", rows);
    return 0;
}
