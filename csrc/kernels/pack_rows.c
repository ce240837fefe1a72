#include "kernels/pack_rows.h"

#include "kernels/kernel_level.h"

#include "kernels/store_floats.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include "kernels/store_rgb.h"
#elif defined(__aarch64__)
#define HAVE_NEON_KERNELS 1
#endif

#define SCALE 19077
#define OFFSET 296944

uint8_t full_range_byte(uint8_t luma) {
    int value = (luma * SCALE - OFFSET) >> 14;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

#if HAVE_X86_KERNELS
AVX2 static inline __m128i load16(const uint8_t *at) {
    return _mm_loadu_si128((const __m128i *)at);
}

AVX2 static int yuv_fast(uint8_t *out, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width, int paired) {
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        __m128i cb, cr;
        if (paired) {
            cb = _mm_loadl_epi64((const __m128i *)(u + x / 2));
            cr = _mm_loadl_epi64((const __m128i *)(v + x / 2));
            cb = _mm_unpacklo_epi8(cb, cb);
            cr = _mm_unpacklo_epi8(cr, cr);
        } else {
            cb = load16(u + x);
            cr = load16(v + x);
        }
        store_rgb16(out + 3 * x, load16(y + x), cb, cr);
    }
    return x;
}

/* Each sum of two products is byte * SCALE + 16 * (-OFFSET / 16). */
AVX2 static int range_fast(uint8_t *out, const uint8_t *luma, int width) {
    const __m256i factors = _mm256_set1_epi32((int)((uint32_t)(-OFFSET / 16) << 16 | SCALE));
    const __m256i sixteen = _mm256_set1_epi16(16);
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        __m256i words = _mm256_cvtepu8_epi16(load16(luma + x));
        __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(words, sixteen), factors);
        __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(words, sixteen), factors);
        words = _mm256_packs_epi32(_mm256_srai_epi32(low, 14), _mm256_srai_epi32(high, 14));
        __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(out + x), bytes);
    }
    return x;
}

AVX2 static int floats_fast(float *out, const float *first, const float *second, const float *third, int width) {
    int x = 0;
    for (; x + 8 <= width; x += 8)
        store_pixels8(out, (RgbLayout){0}, x, _mm256_loadu_ps(first + x), _mm256_loadu_ps(second + x),
                      _mm256_loadu_ps(third + x), 0);
    return x;
}

AVX2 static int alpha_fast(uint8_t *rgba, const uint8_t *alpha, int width) {
    const __m256i colours = _mm256_set1_epi32(0xFFFFFF);
    int x = 0;
    for (; x + 8 <= width; x += 8) {
        __m256i values = _mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(alpha + x))), 24);
        __m256i *pixels = (__m256i *)(rgba + 4 * x);
        _mm256_storeu_si256(pixels, _mm256_or_si256(_mm256_and_si256(_mm256_loadu_si256(pixels), colours), values));
    }
    return x;
}

#define FAST(call)                                                                                                     \
    (kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&                \
             __builtin_cpu_supports("f16c")                                                                            \
         ? (call)                                                                                                      \
         : 0)
#elif HAVE_NEON_KERNELS
static int yuv_fast(uint8_t *out, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width, int paired) {
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        uint8x16x3_t pixels = {.val = {vld1q_u8(y + x)}};
        if (paired) {
            uint8x8_t cb = vld1_u8(u + x / 2), cr = vld1_u8(v + x / 2);
            pixels.val[1] = vcombine_u8(vzip1_u8(cb, cb), vzip2_u8(cb, cb));
            pixels.val[2] = vcombine_u8(vzip1_u8(cr, cr), vzip2_u8(cr, cr));
        } else {
            pixels.val[1] = vld1q_u8(u + x);
            pixels.val[2] = vld1q_u8(v + x);
        }
        vst3q_u8(out + 3 * x, pixels);
    }
    return x;
}

static int range_fast(uint8_t *out, const uint8_t *luma, int width) {
    const int32x4_t offset = vdupq_n_s32(-OFFSET);
    int x = 0;
    for (; x + 8 <= width; x += 8) {
        int16x8_t words = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(luma + x)));
        int32x4_t low = vmlal_n_s16(offset, vget_low_s16(words), SCALE);
        int32x4_t high = vmlal_high_n_s16(offset, words, SCALE);
        vst1_u8(out + x, vqmovun_s16(vcombine_s16(vmovn_s32(vshrq_n_s32(low, 14)), vmovn_s32(vshrq_n_s32(high, 14)))));
    }
    return x;
}

static int floats_fast(float *out, const float *first, const float *second, const float *third, int width) {
    int x = 0;
    for (; x + 4 <= width; x += 4) {
        const float32x4x3_t pixels = {{vld1q_f32(first + x), vld1q_f32(second + x), vld1q_f32(third + x)}};
        vst3q_f32(out + 3 * x, pixels);
    }
    return x;
}

static int alpha_fast(uint8_t *rgba, const uint8_t *alpha, int width) {
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        uint8x16x4_t pixels = vld4q_u8(rgba + 4 * x);
        pixels.val[3] = vld1q_u8(alpha + x);
        vst4q_u8(rgba + 4 * x, pixels);
    }
    return x;
}

#define FAST(call) (kernel_level() >= LEVEL_NEON ? (call) : 0)
#else
#define FAST(call) 0
#endif

void pack_yuv_row(uint8_t *out, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width, int paired) {
    for (int x = FAST(yuv_fast(out, y, u, v, width, paired)); x < width; x++) {
        out[3 * x] = y[x];
        out[3 * x + 1] = u[x >> paired];
        out[3 * x + 2] = v[x >> paired];
    }
}

void put_alpha_row(uint8_t *rgba, const uint8_t *alpha, int width) {
    for (int x = FAST(alpha_fast(rgba, alpha, width)); x < width; x++)
        rgba[4 * x + 3] = alpha[x];
}

void pack_float_row(float *out, const float *first, const float *second, const float *third, int width) {
    for (int x = FAST(floats_fast(out, first, second, third, width)); x < width; x++) {
        out[3 * x] = first[x];
        out[3 * x + 1] = second[x];
        out[3 * x + 2] = third[x];
    }
}

void full_range_row(uint8_t *out, const uint8_t *luma, int width) {
    for (int x = FAST(range_fast(out, luma, width)); x < width; x++)
        out[x] = full_range_byte(luma[x]);
}
