/* Note [Chroma of WebP]
 *
 * libwebp interpolates chroma between the four nearest samples, with weights of 9, 3, 3 and 1, in
 * two roundings of which the first drops up to 7/8 (its "fancy upsampler"). Its matrix is that of
 * BT.601 in limited range, in 14 bits of which products lose 8. Pillow, browsers and libwebp's own
 * tools show these bytes, so cycodec gives them as well.
 */
#include "image/webp_rgb.h"

#include <stdlib.h>
#include <string.h>

/* Upsample a row of chroma between the rows next to it: `near` weighs three times as much as
 * `far`. */
static void upsample(uint8_t *restrict out, const uint8_t *restrict near, const uint8_t *restrict far, int width) {
    int pairs = (width - 1) / 2;
    out[0] = (uint8_t)((3 * near[0] + far[0] + 2) >> 2);
    for (int x = 1; x <= pairs; x++) {
        int sum = near[x - 1] + near[x] + far[x - 1] + far[x] + 8;
        int left = (sum + 2 * (near[x] + far[x - 1])) >> 3, right = (sum + 2 * (near[x - 1] + far[x])) >> 3;
        out[2 * x - 1] = (uint8_t)((left + near[x - 1]) >> 1);
        out[2 * x] = (uint8_t)((right + near[x]) >> 1);
    }
    if (width % 2 == 0)
        out[width - 1] = (uint8_t)((3 * near[pairs] + far[pairs] + 2) >> 2);
}

static inline int product(int value, int factor) {
    return value * factor >> 8;
}

static inline uint8_t clip(int value) {
    value >>= 6;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static void convert(uint8_t *restrict out, int channels, const uint8_t *restrict y, const uint8_t *restrict u,
                    const uint8_t *restrict v, const uint8_t *alpha, int width) {
    for (int x = 0; x < width; x++, out += channels) {
        int luma = product(y[x], 19077);
        out[0] = clip(luma + product(v[x], 26149) - 14234);
        out[1] = clip(luma - product(u[x], 6419) - product(v[x], 13320) + 8708);
        out[2] = clip(luma + product(u[x], 33050) - 17685);
        if (channels == 4)
            out[3] = alpha ? alpha[x] : 255;
    }
}

int webp_rgb(const WebpPlanes *planes, Rect region, uint8_t *out, ptrdiff_t stride, int channels) {
    int width = planes->width, rows = (planes->height + 1) / 2;
    uint8_t *chroma = malloc(2 * (size_t)width);
    if (!chroma)
        return -1;
    for (int y = region.y0; y < region.y1; y++, out += stride) {
        int near = y / 2, far = y % 2 ? near + 1 : near - 1;
        far = far < 0 ? 0 : far >= rows ? rows - 1 : far;
        for (int c = 0; c < 2; c++)
            upsample(chroma + c * (size_t)width, planes->planes[c + 1] + near * planes->strides[c + 1],
                     planes->planes[c + 1] + far * planes->strides[c + 1], width);
        const uint8_t *alpha = planes->planes[3] ? planes->planes[3] + y * planes->strides[3] + region.x0 : NULL;
        const uint8_t *luma = planes->planes[0] + y * planes->strides[0] + region.x0;
        const uint8_t *u = chroma + region.x0, *v = chroma + width + region.x0;
        if (channels == 4)
            convert(out, 4, luma, u, v, alpha, region.x1 - region.x0);
        else
            convert(out, 3, luma, u, v, NULL, region.x1 - region.x0);
    }
    free(chroma);
    return 0;
}
