#include "kernels/no_contraction.h"

#include "kernels/float_rows.h"

#include "kernels/kernel_level.h"

#include <stddef.h>
#include <string.h>

#include "half.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include <immintrin.h>
#elif defined(__aarch64__)
#define HAVE_NEON_KERNEL 1
#include <arm_neon.h>
#endif

/* ---- plain ----------------------------------------------------------------------------------- */

static inline float sample(const uint8_t *plane, int i, int deep, unsigned mask) {
    return (float)((deep ? (unsigned)(plane[2 * i + 1] << 8 | plane[2 * i]) : plane[i]) & mask);
}

static inline float clip_unit(float value) {
    value = value > 0 ? value : 0;
    return value < 1 ? value : 1;
}

static void row_plain(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int x,
                      int width, const FloatColours *colours, FloatRowKind kind) {
    const FloatColours c = *colours; /* a local copy, which no store to `rgb` can change */
    const ptrdiff_t step = plane_stride ? 1 : 3, next = plane_stride ? plane_stride / (kind.half ? 2 : 4) : 1;
    for (; x < width; x++) {
        float luma = (sample(y, x, kind.deep, c.mask) - c.luma_bias) * c.luma_scale;
        float blue = sample(cb, x >> kind.paired, kind.deep, c.mask) - c.chroma_bias;
        float red = sample(cr, x >> kind.paired, kind.deep, c.mask) - c.chroma_bias;
        float pixel[3] = {clip_unit(luma + c.cr_red * red), clip_unit(luma - c.cb_green * blue - c.cr_green * red),
                          clip_unit(luma + c.cb_blue * blue)};
        for (int i = 0; i < 3; i++)
            if (kind.half)
                ((uint16_t *)rgb)[step * x + next * i] = to_half(pixel[i]);
            else
                ((float *)rgb)[step * x + next * i] = pixel[i];
    }
}

#if HAVE_X86_KERNELS
/* ---- AVX2 ------------------------------------------------------------------------------------ */

#define AVX2 __attribute__((target("avx2,f16c")))

/* Load eight samples, or four of them twice. */
AVX2 static inline __m256 samples8(const uint8_t *plane, int x, __m256i mask, int deep, int paired) {
    const uint8_t *from = plane + ((ptrdiff_t)(x >> paired) << deep);
    __m128i raw;
    if (deep && !paired) {
        raw = _mm_loadu_si128((const __m128i *)from);
    } else if (deep || !paired) {
        raw = _mm_loadl_epi64((const __m128i *)from);
    } else {
        int four;
        memcpy(&four, from, sizeof(four));
        raw = _mm_cvtsi32_si128(four);
    }
    __m256i wide = _mm256_and_si256(deep ? _mm256_cvtepu16_epi32(raw) : _mm256_cvtepu8_epi32(raw), mask);
    if (paired)
        wide = _mm256_permutevar8x32_epi32(wide, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    return _mm256_cvtepi32_ps(wide);
}

AVX2 static inline void store8(void *rgb, int i, __m256 values, int half) {
    if (half)
        _mm_storeu_si128((__m128i *)((uint16_t *)rgb + i), _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
    else
        _mm256_storeu_ps((float *)rgb + i, values);
}

AVX2 static inline __m256 clip8(__m256 values) {
    return _mm256_min_ps(_mm256_max_ps(values, _mm256_setzero_ps()), _mm256_set1_ps(1));
}

AVX2 static int row_avx2(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                         int width, const FloatColours *c, FloatRowKind kind) {
    const __m256i mask = _mm256_set1_epi32((int)c->mask);
    const __m256 luma_bias = _mm256_set1_ps(c->luma_bias), luma_scale = _mm256_set1_ps(c->luma_scale);
    const __m256 chroma_bias = _mm256_set1_ps(c->chroma_bias);
    const __m256 cr_red = _mm256_set1_ps(c->cr_red), cb_green = _mm256_set1_ps(c->cb_green);
    const __m256 cr_green = _mm256_set1_ps(c->cr_green), cb_blue = _mm256_set1_ps(c->cb_blue);
    /* each value moves to its place in the output register that will hold it */
    const __m256i red_places = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5);
    const __m256i green_places = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i blue_places = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    int end = kind.paired ? width & ~1 : width;
    if (end < 8)
        return 0;
    for (int x = 0; x < end; x += 8) {
        if (x + 8 > end)
            x = end - 8; /* repeat some pixels: cheaper than single pixels at the end */
        __m256 luma = samples8(y, x, mask, kind.deep, 0);
        __m256 u = _mm256_sub_ps(samples8(cb, x, mask, kind.deep, kind.paired), chroma_bias);
        __m256 v = _mm256_sub_ps(samples8(cr, x, mask, kind.deep, kind.paired), chroma_bias);
        luma = _mm256_mul_ps(_mm256_sub_ps(luma, luma_bias), luma_scale);
        __m256 r = clip8(_mm256_add_ps(luma, _mm256_mul_ps(cr_red, v)));
        __m256 g = _mm256_sub_ps(luma, _mm256_mul_ps(cb_green, u));
        g = clip8(_mm256_sub_ps(g, _mm256_mul_ps(cr_green, v)));
        __m256 b = clip8(_mm256_add_ps(luma, _mm256_mul_ps(cb_blue, u)));
        if (plane_stride) {
            store8(rgb, x, r, kind.half);
            store8((uint8_t *)rgb + plane_stride, x, g, kind.half);
            store8((uint8_t *)rgb + 2 * plane_stride, x, b, kind.half);
            continue;
        }
        r = _mm256_permutevar8x32_ps(r, red_places);
        g = _mm256_permutevar8x32_ps(g, green_places);
        b = _mm256_permutevar8x32_ps(b, blue_places);
        store8(rgb, 3 * x, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x92), b, 0x24), kind.half);
        store8(rgb, 3 * x + 8, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x24), b, 0x49), kind.half);
        store8(rgb, 3 * x + 16, _mm256_blend_ps(_mm256_blend_ps(r, g, 0x49), b, 0x92), kind.half);
    }
    return end;
}

/* ---- AVX-512 --------------------------------------------------------------------------------- */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

/* Load sixteen samples, or eight of them twice. */
AVX512 static inline __m512 samples16(const uint8_t *plane, int x, __m512i mask, int deep, int paired) {
    const uint8_t *from = plane + ((ptrdiff_t)(x >> paired) << deep);
    __m256i raw;
    if (deep && !paired)
        raw = _mm256_loadu_si256((const __m256i *)from);
    else if (deep || !paired)
        raw = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)from));
    else
        raw = _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)from));
    __m512i wide = deep ? _mm512_cvtepu16_epi32(raw) : _mm512_cvtepu8_epi32(_mm256_castsi256_si128(raw));
    wide = _mm512_and_si512(wide, mask);
    if (paired)
        wide = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), wide);
    return _mm512_cvtepi32_ps(wide);
}

AVX512 static inline void store16(void *rgb, int i, __m512 values, int half) {
    if (half)
        _mm256_storeu_si256((__m256i *)((uint16_t *)rgb + i), _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT));
    else
        _mm512_storeu_ps((float *)rgb + i, values);
}

AVX512 static inline __m512 clip16(__m512 values) {
    return _mm512_min_ps(_mm512_max_ps(values, _mm512_setzero_ps()), _mm512_set1_ps(1));
}

AVX512 static int row_avx512(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                             int width, const FloatColours *c, FloatRowKind kind) {
    const __m512i mask = _mm512_set1_epi32((int)c->mask);
    const __m512 luma_bias = _mm512_set1_ps(c->luma_bias), luma_scale = _mm512_set1_ps(c->luma_scale);
    const __m512 chroma_bias = _mm512_set1_ps(c->chroma_bias);
    const __m512 cr_red = _mm512_set1_ps(c->cr_red), cb_green = _mm512_set1_ps(c->cb_green);
    const __m512 cr_green = _mm512_set1_ps(c->cr_green), cb_blue = _mm512_set1_ps(c->cb_blue);
    const __m512i red_places = _mm512_setr_epi32(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m512i green_places = _mm512_setr_epi32(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10);
    const __m512i blue_places = _mm512_setr_epi32(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15);
    int end = kind.paired ? width & ~1 : width;
    if (end < 16)
        return 0;
    for (int x = 0; x < end; x += 16) {
        if (x + 16 > end)
            x = end - 16;
        __m512 luma = samples16(y, x, mask, kind.deep, 0);
        __m512 u = _mm512_sub_ps(samples16(cb, x, mask, kind.deep, kind.paired), chroma_bias);
        __m512 v = _mm512_sub_ps(samples16(cr, x, mask, kind.deep, kind.paired), chroma_bias);
        luma = _mm512_mul_ps(_mm512_sub_ps(luma, luma_bias), luma_scale);
        __m512 r = clip16(_mm512_add_ps(luma, _mm512_mul_ps(cr_red, v)));
        __m512 g = _mm512_sub_ps(luma, _mm512_mul_ps(cb_green, u));
        g = clip16(_mm512_sub_ps(g, _mm512_mul_ps(cr_green, v)));
        __m512 b = clip16(_mm512_add_ps(luma, _mm512_mul_ps(cb_blue, u)));
        if (plane_stride) {
            store16(rgb, x, r, kind.half);
            store16((uint8_t *)rgb + plane_stride, x, g, kind.half);
            store16((uint8_t *)rgb + 2 * plane_stride, x, b, kind.half);
            continue;
        }
        r = _mm512_permutexvar_ps(red_places, r);
        g = _mm512_permutexvar_ps(green_places, g);
        b = _mm512_permutexvar_ps(blue_places, b);
        store16(rgb, 3 * x, _mm512_mask_blend_ps(0x4924, _mm512_mask_blend_ps(0x2492, r, g), b), kind.half);
        store16(rgb, 3 * x + 16, _mm512_mask_blend_ps(0x2492, _mm512_mask_blend_ps(0x9249, r, g), b), kind.half);
        store16(rgb, 3 * x + 32, _mm512_mask_blend_ps(0x9249, _mm512_mask_blend_ps(0x4924, r, g), b), kind.half);
    }
    return end;
}
#endif

#if HAVE_NEON_KERNEL
/* ---- NEON ------------------------------------------------------------------------------------ */

/* Load eight samples, or four of them twice. */
static inline uint16x8_t samples_neon(const uint8_t *plane, int x, unsigned mask, int deep, int paired) {
    const uint8_t *from = plane + ((ptrdiff_t)(x >> paired) << deep);
    uint16x8_t samples;
    if (deep && !paired) {
        samples = vld1q_u16((const uint16_t *)from);
    } else if (deep) {
        samples = vcombine_u16(vld1_u16((const uint16_t *)from), vdup_n_u16(0));
    } else if (!paired) {
        samples = vmovl_u8(vld1_u8(from));
    } else {
        uint32_t four;
        memcpy(&four, from, sizeof(four));
        samples = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    }
    if (paired)
        samples = vzip1q_u16(samples, samples);
    return vandq_u16(samples, vdupq_n_u16((uint16_t)mask));
}

static inline float32x4_t clip_neon(float32x4_t values) {
    return vminq_f32(vmaxq_f32(values, vdupq_n_f32(0)), vdupq_n_f32(1));
}

static inline uint16x4_t half_neon(float32x4_t values) {
    return vreinterpret_u16_f16(vcvt_f16_f32(values));
}

static inline void pixels_neon(void *rgb, ptrdiff_t plane_stride, int x, uint16x4_t y, uint16x4_t cb, uint16x4_t cr,
                               const FloatColours *c, int half) {
    float32x4_t luma = vsubq_f32(vcvtq_f32_u32(vmovl_u16(y)), vdupq_n_f32(c->luma_bias));
    float32x4_t u = vsubq_f32(vcvtq_f32_u32(vmovl_u16(cb)), vdupq_n_f32(c->chroma_bias));
    float32x4_t v = vsubq_f32(vcvtq_f32_u32(vmovl_u16(cr)), vdupq_n_f32(c->chroma_bias));
    luma = vmulq_n_f32(luma, c->luma_scale);
    float32x4_t green = vsubq_f32(luma, vmulq_n_f32(u, c->cb_green));
    float32x4x3_t pixels = {{clip_neon(vaddq_f32(luma, vmulq_n_f32(v, c->cr_red))),
                             clip_neon(vsubq_f32(green, vmulq_n_f32(v, c->cr_green))),
                             clip_neon(vaddq_f32(luma, vmulq_n_f32(u, c->cb_blue)))}};
    if (half) {
        uint16x4x3_t halves = {{half_neon(pixels.val[0]), half_neon(pixels.val[1]), half_neon(pixels.val[2])}};
        for (int i = 0; plane_stride && i < 3; i++)
            vst1_u16((uint16_t *)((uint8_t *)rgb + i * plane_stride) + x, halves.val[i]);
        if (!plane_stride)
            vst3_u16((uint16_t *)rgb + 3 * x, halves);
    } else {
        for (int i = 0; plane_stride && i < 3; i++)
            vst1q_f32((float *)((uint8_t *)rgb + i * plane_stride) + x, pixels.val[i]);
        if (!plane_stride)
            vst3q_f32((float *)rgb + 3 * x, pixels);
    }
}

static int row_neon(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                    int width, const FloatColours *colours, FloatRowKind kind) {
    const FloatColours c = *colours;
    int end = kind.paired ? width & ~1 : width;
    if (end < 8)
        return 0;
    for (int x = 0; x < end; x += 8) {
        if (x + 8 > end)
            x = end - 8;
        uint16x8_t luma = samples_neon(y, x, c.mask, kind.deep, 0);
        uint16x8_t u = samples_neon(cb, x, c.mask, kind.deep, kind.paired);
        uint16x8_t v = samples_neon(cr, x, c.mask, kind.deep, kind.paired);
        pixels_neon(rgb, plane_stride, x, vget_low_u16(luma), vget_low_u16(u), vget_low_u16(v), &c, kind.half);
        pixels_neon(rgb, plane_stride, x + 4, vget_high_u16(luma), vget_high_u16(u), vget_high_u16(v), &c, kind.half);
    }
    return end;
}
#endif

/* ---- which ----------------------------------------------------------------------------------- */

void float_row(void *rgb, ptrdiff_t plane_stride, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int width,
               const FloatColours *colours, FloatRowKind kind) {
    int done = 0;
#if HAVE_X86_KERNELS
    if (kernel_level() >= LEVEL_AVX512 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        done = row_avx512(rgb, plane_stride, y, cb, cr, width, colours, kind);
    if (!done && kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c"))
        done = row_avx2(rgb, plane_stride, y, cb, cr, width, colours, kind);
#elif HAVE_NEON_KERNEL
    if (kernel_level() >= LEVEL_NEON)
        done = row_neon(rgb, plane_stride, y, cb, cr, width, colours, kind);
#endif
    row_plain(rgb, plane_stride, y, cb, cr, done, width, colours, kind);
}
