#include "kernels/float_yuv.h"

#include "half.h"
#include "kernels/kernel_level.h"
#include "kernels/store_floats.h"

static inline int sample_at(const void *row, int x, FloatYuvKind kind) {
    return (kind.deep ? ((const uint16_t *)row)[x] : ((const uint8_t *)row)[x]) & ((1 << kind.depth) - 1);
}

#if defined(__x86_64__) && defined(__GNUC__)
/* Load four samples for eight columns. */
AVX2 static inline __m256i load_pairs8(const void *row, int x, int deep) {
    __m128i samples;
    if (deep) {
        samples = _mm_cvtepu16_epi32(_mm_loadl_epi64((const __m128i *)((const uint16_t *)row + x)));
    } else {
        int32_t four;
        memcpy(&four, (const uint8_t *)row + x, sizeof(four));
        samples = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
    }
    return _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(samples), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}

AVX2 static int row_fast(void *out, const void *const rows[3], int width, FloatYuvKind kind) {
    const __m256i mask = _mm256_set1_epi32((1 << kind.depth) - 1);
    const __m256 most = _mm256_cvtepi32_ps(mask);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256 values[3];
        for (int i = 0; i < 3; i++) {
            __m256i samples =
                i && kind.paired ? load_pairs8(rows[i], from / 2, kind.deep) : load8(rows[i], from, kind.deep);
            values[i] = _mm256_div_ps(_mm256_cvtepi32_ps(_mm256_and_si256(samples, mask)), most);
        }
        store_pixels8(out, (RgbLayout){0}, from, values[0], values[1], values[2], kind.half);
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
}
#elif defined(__aarch64__)
/* Load two samples for four columns. */
static inline int32x4_t load_pairs4(const void *row, int x, int deep) {
    const uint8_t *bytes = row;
    const uint16_t *words = row;
    int32x2_t first = vdup_n_s32(deep ? words[x] : bytes[x]), second = vdup_n_s32(deep ? words[x + 1] : bytes[x + 1]);
    return vcombine_s32(first, second);
}

static int row_fast(void *out, const void *const rows[3], int width, FloatYuvKind kind) {
    const int32x4_t mask = vdupq_n_s32((1 << kind.depth) - 1);
    const float32x4_t most = vcvtq_f32_s32(mask);
    for (int x = 0; x < width; x += 4) {
        int from = last_step(x, width, 4);
        if (from < 0)
            return 0;
        float32x4x3_t values;
        for (int i = 0; i < 3; i++) {
            int32x4_t samples =
                i && kind.paired ? load_pairs4(rows[i], from / 2, kind.deep) : load4_wide(rows[i], from, kind.deep);
            values.val[i] = vdivq_f32(vcvtq_f32_s32(vandq_s32(samples, mask)), most);
        }
        store_pixels4(out, (RgbLayout){0}, from, values, kind.half);
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_NEON;
}
#else
#define row_fast(...) 0
static int has_vectors(void) {
    return 0;
}
#endif

void float_yuv_row(void *out, const void *const rows[3], int width, FloatYuvKind kind) {
    const float most = (float)((1 << kind.depth) - 1);
    int even = kind.paired ? width & ~1 : width; /* vectors need whole pairs */
    for (int x = has_vectors() ? row_fast(out, rows, even, kind) : 0; x < width; x++)
        for (int i = 0; i < 3; i++) {
            float value = (float)sample_at(rows[i], i && kind.paired ? x >> 1 : x, kind) / most;
            if (kind.half)
                ((uint16_t *)out)[3 * x + i] = to_half(value);
            else
                ((float *)out)[3 * x + i] = value;
        }
}
