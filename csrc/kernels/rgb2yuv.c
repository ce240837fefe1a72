#include "kernels/rgb2yuv.h"

#include <string.h>

#include "kernels/kernel_level.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include <immintrin.h>
#endif

#define BITS 15
#define ONE 65536ll

static int64_t divided(int64_t a, int64_t b) {
    return ((a < 0) == (b < 0) ? a + b / 2 : a - b / 2) / b;
}

void rgb2yuv_weights(Rgb2Yuv *to, const int *coefficients) {
    /* BT.601's are written out in swscale, and rounded in another way */
    static const int bt601[] = {104597, 132201, 25675, 53279};
    const int64_t vr = coefficients[0], ub = coefficients[1], ug = -coefficients[2], vg = -coefficients[3];
    const int64_t w = divided(ONE * ONE * ug, ub), v = divided(ONE * ONE * vg, vr), z = ONE * ONE - w - v;
    const int64_t y = divided(ONE * 255 / 219 * z, ONE), cb = divided(ub * z, ONE), cr = divided(vr * z, ONE);
    if (!memcmp(coefficients, bt601, sizeof(bt601))) {
        *to = (Rgb2Yuv){{{8414, 16519, 3208}, {-4865, -9528, 14392}, {14392, -12061, -2332}}};
        return;
    }
    const int64_t one = 1 << BITS, all = ONE * ONE;
    const int64_t exact[3][3] = {
        {-divided(one * v, y), divided(one * all, y), -divided(one * w, y)},
        {divided(one * v, cb), -divided(one * all, cb), divided(one * (z + w), cb)},
        {divided(one * (v + z), cr), -divided(one * all, cr), divided(one * w, cr)},
    };
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            to->weights[i][k] = (int16_t)exact[i][k];
}

/* The offset of a channel and half of the last place, before the sum is cut to 14 bits. */
static int32_t bias_of(int channel) {
    return ((channel ? 256 : 32) << (BITS - 1)) + (1 << (BITS - 7));
}

#if HAVE_X86_KERNELS
__attribute__((target("avx2"))) static int row_avx2(uint16_t *out, const uint16_t *red, const uint16_t *green,
                                                    const uint16_t *blue, int width, const int16_t *weights,
                                                    int32_t bias) {
    const __m256i zero = _mm256_setzero_si256(), more = _mm256_set1_epi32(bias);
    const __m256i first = _mm256_set1_epi32((int)((uint32_t)weights[1] << 16 | (uint16_t)weights[0]));
    const __m256i second = _mm256_set1_epi32((uint16_t)weights[2]);
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        __m256i r = _mm256_loadu_si256((const __m256i *)(red + x));
        __m256i g = _mm256_loadu_si256((const __m256i *)(green + x));
        __m256i b = _mm256_loadu_si256((const __m256i *)(blue + x));
        __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(r, g), first),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(b, zero), second));
        __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(r, g), first),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(b, zero), second));
        low = _mm256_srai_epi32(_mm256_add_epi32(low, more), BITS - 6);
        high = _mm256_srai_epi32(_mm256_add_epi32(high, more), BITS - 6);
        _mm256_storeu_si256((__m256i *)(out + x), _mm256_packs_epi32(low, high));
    }
    return x;
}
#endif

void rgb2yuv_row(uint16_t *out, const uint16_t *red, const uint16_t *green, const uint16_t *blue, int width,
                 const Rgb2Yuv *to, int channel) {
    const int16_t *weights = to->weights[channel];
    const int32_t bias = bias_of(channel);
    int x = 0;
#if HAVE_X86_KERNELS
    if (kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2"))
        x = row_avx2(out, red, green, blue, width, weights, bias);
#endif
    for (; x < width; x++)
        out[x] = (uint16_t)((weights[0] * red[x] + weights[1] * green[x] + weights[2] * blue[x] + bias) >> (BITS - 6));
}
