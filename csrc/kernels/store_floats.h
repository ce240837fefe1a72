/* Loads of samples and stores of floats for the vector kernels to float32 and float16. */
#ifndef CYCODEC_STORE_FLOATS_H
#define CYCODEC_STORE_FLOATS_H

#include <stdint.h>
#include <string.h>

#include "kernels/rgb_layout.h"

/* Return where a step of `step` columns begins. A step that would pass the end begins earlier, so
 * that it ends there. Return -1 if the row is shorter than a step. */
static inline int last_step(int x, int width, int step) {
    return x + step <= width ? x : width >= step ? width - step : -1;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

AVX2 static inline __m256i load8(const void *row, int x, int deep) {
    if (deep)
        return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)((const uint16_t *)row + x)));
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)((const uint8_t *)row + x)));
}

AVX2 static inline void store8(void *out, int i, __m256 values, int half) {
    if (half)
        _mm_storeu_si128((__m128i *)((uint16_t *)out + i), _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
    else
        _mm256_storeu_ps((float *)out + i, values);
}

/* Store eight packed pixels with alpha 1. Unpacking gives pixels 0 and 4, 1 and 5, and so on. */
AVX2 static inline void store_opaque8(void *out, int x, __m256 r, __m256 g, __m256 b, int half) {
    const __m256 a = _mm256_set1_ps(1);
    __m256d rg = _mm256_castps_pd(_mm256_unpacklo_ps(r, g)), ba = _mm256_castps_pd(_mm256_unpacklo_ps(b, a));
    __m256 even = _mm256_castpd_ps(_mm256_unpacklo_pd(rg, ba)), odd = _mm256_castpd_ps(_mm256_unpackhi_pd(rg, ba));
    store8(out, 4 * x, _mm256_permute2f128_ps(even, odd, 0x20), half);
    store8(out, 4 * x + 16, _mm256_permute2f128_ps(even, odd, 0x31), half);
    rg = _mm256_castps_pd(_mm256_unpackhi_ps(r, g));
    ba = _mm256_castps_pd(_mm256_unpackhi_ps(b, a));
    even = _mm256_castpd_ps(_mm256_unpacklo_pd(rg, ba));
    odd = _mm256_castpd_ps(_mm256_unpackhi_pd(rg, ba));
    store8(out, 4 * x + 8, _mm256_permute2f128_ps(even, odd, 0x20), half);
    store8(out, 4 * x + 24, _mm256_permute2f128_ps(even, odd, 0x31), half);
}

/* Store eight pixels from column x of a row on. */
AVX2 static inline void store_pixels8(void *rgb, RgbLayout layout, int x, __m256 r, __m256 g, __m256 b, int half) {
    /* each value moves to its place in the output register that will hold it */
    const __m256i red_places = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i green_places = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i blue_places = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    if (layout.plane_stride) {
        store8(rgb, x, r, half);
        store8((uint8_t *)rgb + layout.plane_stride, x, g, half);
        store8((uint8_t *)rgb + 2 * layout.plane_stride, x, b, half);
    } else if (layout.is_opaque) {
        store_opaque8(rgb, x, r, g, b, half);
    } else {
        r = _mm256_permutevar8x32_ps(r, red_places);
        g = _mm256_permutevar8x32_ps(g, green_places);
        b = _mm256_permutevar8x32_ps(b, blue_places);
        store8(rgb, 3 * x, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x92), b, 0x24), half);
        store8(rgb, 3 * x + 8, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x24), b, 0x49), half);
        store8(rgb, 3 * x + 16, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x49), b, 0x92), half);
    }
}

AVX512 static inline void store16(void *out, int i, __m512 values, int half) {
    if (half)
        _mm256_storeu_si256((__m256i *)((uint16_t *)out + i), _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
    else
        _mm512_storeu_ps((float *)out + i, values);
}

/* The same for sixteen pixels. Unpacking gives pixels 0, 4, 8 and 12, and so on; two rounds of
 * shuffles sort the quarters. */
AVX512 static inline void store_opaque16(void *out, int x, __m512 r, __m512 g, __m512 b, int half) {
    const __m512 a = _mm512_set1_ps(1);
    __m512d rg = _mm512_castps_pd(_mm512_unpacklo_ps(r, g)), ba = _mm512_castps_pd(_mm512_unpacklo_ps(b, a));
    __m512 first = _mm512_castpd_ps(_mm512_unpacklo_pd(rg, ba)), second = _mm512_castpd_ps(_mm512_unpackhi_pd(rg, ba));
    rg = _mm512_castps_pd(_mm512_unpackhi_ps(r, g));
    ba = _mm512_castps_pd(_mm512_unpackhi_ps(b, a));
    __m512 third = _mm512_castpd_ps(_mm512_unpacklo_pd(rg, ba)), fourth = _mm512_castpd_ps(_mm512_unpackhi_pd(rg, ba));
    __m512 even[2] = {_mm512_shuffle_f32x4(first, second, 0x88), _mm512_shuffle_f32x4(first, second, 0xDD)};
    __m512 odd[2] = {_mm512_shuffle_f32x4(third, fourth, 0x88), _mm512_shuffle_f32x4(third, fourth, 0xDD)};
    for (int i = 0; i < 2; i++) {
        store16(out, 4 * x + 16 * i, _mm512_shuffle_f32x4(even[i], odd[i], 0x88), half);
        store16(out, 4 * x + 32 + 16 * i, _mm512_shuffle_f32x4(even[i], odd[i], 0xDD), half);
    }
}

AVX512 static inline void store_pixels16(void *rgb, RgbLayout layout, int x, __m512 r, __m512 g, __m512 b, int half) {
    const __m512i red_places = _mm512_setr_epi32(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m512i green_places = _mm512_setr_epi32(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m512i blue_places = _mm512_setr_epi32(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    if (layout.plane_stride) {
        store16(rgb, x, r, half);
        store16((uint8_t *)rgb + layout.plane_stride, x, g, half);
        store16((uint8_t *)rgb + 2 * layout.plane_stride, x, b, half);
    } else if (layout.is_opaque) {
        store_opaque16(rgb, x, r, g, b, half);
    } else {
        r = _mm512_permutexvar_ps(red_places, r);
        g = _mm512_permutexvar_ps(green_places, g);
        b = _mm512_permutexvar_ps(blue_places, b);
        store16(rgb, 3 * x, _mm512_mask_blend_ps(0x4924, _mm512_mask_blend_ps(0x2492, r, g), b), half);
        store16(rgb, 3 * x + 16, _mm512_mask_blend_ps(0x2492, _mm512_mask_blend_ps(0x9249, r, g), b), half);
        store16(rgb, 3 * x + 32, _mm512_mask_blend_ps(0x9249, _mm512_mask_blend_ps(0x4924, r, g), b), half);
    }
}
#elif defined(__aarch64__)
#include <arm_neon.h>

static inline uint16x4_t load4(const void *row, int x, int deep) {
    uint32_t four;
    if (deep)
        return vld1_u16((const uint16_t *)row + x);
    memcpy(&four, (const uint8_t *)row + x, sizeof(four));
    return vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
}

static inline int32x4_t load4_wide(const void *row, int x, int deep) {
    return vreinterpretq_s32_u32(vmovl_u16(load4(row, x, deep)));
}

static inline uint16x4_t half_neon(float32x4_t values) {
    return vreinterpret_u16_f16(vcvt_f16_f32(values));
}

/* Store four pixels from column x of a row on. */
static inline void store_pixels4(void *rgb, RgbLayout layout, int x, float32x4x3_t pixels, int half) {
    const float32x4_t one = vdupq_n_f32(1);
    const uint16x4_t r = half_neon(pixels.val[0]), g = half_neon(pixels.val[1]), b = half_neon(pixels.val[2]);
    /* clang's stores are macros, which would take the commas of a literal for their own */
    const uint16x4x3_t halves = {{r, g, b}};
    const uint16x4x4_t opaque_halves = {{r, g, b, half_neon(one)}};
    const float32x4x4_t opaque_pixels = {{pixels.val[0], pixels.val[1], pixels.val[2], one}};
    for (int i = 0; layout.plane_stride && i < 3; i++)
        if (half)
            vst1_u16((uint16_t *)((uint8_t *)rgb + i * layout.plane_stride) + x, halves.val[i]);
        else
            vst1q_f32((float *)((uint8_t *)rgb + i * layout.plane_stride) + x, pixels.val[i]);
    if (layout.plane_stride)
        return;
    if (layout.is_opaque && half)
        vst4_u16((uint16_t *)rgb + 4 * x, opaque_halves);
    else if (layout.is_opaque)
        vst4q_f32((float *)rgb + 4 * x, opaque_pixels);
    else if (half)
        vst3_u16((uint16_t *)rgb + 3 * x, halves);
    else
        vst3q_f32((float *)rgb + 3 * x, pixels);
}

#endif

#endif
