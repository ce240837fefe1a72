/* Note [RGB48]
 *
 * Floats are what swscale computes for RGB48, divided by 65535. It has two ways from YUV:
 *
 * - 8-bit 4:2:0 and 4:2:2 of even height are looked up in its tables for 8 bits (YUV2RGB_TABLES in
 *   yuv2rgb.c). RGB48 has each byte twice, so the float is the byte divided by 255.
 * - Otherwise luma and chroma become 19-bit numbers. Chroma is interpolated, both are cut to 17
 *   bits, products have 30 bits, and the upper 16 are the result. Sums have 32 bits: far outside of
 *   the gamut they wrap, and white becomes black. Newer versions of FFmpeg subtract 2^29 before the
 *   sum and add it to the result, so that fewer sums wrap.
 *
 * In both, red, green and blue are a sum of luma's term and chroma's term, which is shifted and
 * clipped. So one kernel makes chroma's terms, once for all columns that share a sample, and one
 * adds luma.
 *
 * Note [Division by fused products]: x / 65535 is x / 2^16 plus a small rest, and the first is
 * exact. One fused product and sum therefore rounds only once. For all 65536 samples, and for all
 * bytes divided by 255, the result is the rounded quotient. A test compares them.
 */
#include "kernels/float_rows.h"

#include "kernels/kernel_level.h"
#include "kernels/store_floats.h"

#include "half.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#elif defined(__aarch64__)
#define HAVE_NEON_KERNELS 1
#endif

/* ---- plain ----------------------------------------------------------------------------------- */

void float_colours(FloatColours *c, const Yuv2RgbMatrix *m, FloatArithmetic arithmetic, int depth) {
    const int room = arithmetic == FLOAT_BIASED ? 1 << 29 : 0;
    *c = (FloatColours){.arithmetic = arithmetic, .depth = depth};
    if (arithmetic == FLOAT_TABLES) {
        c->luma_scale = m->table.luma_scale;
        c->luma_offset = m->table.luma_offset;
        c->shift = 16;
        c->most = 255;
        c->v_red = m->table.v_red;
        c->u_green = m->table.u_green;
        c->v_green = m->table.v_green;
        c->u_blue = m->table.u_blue;
    } else {
        c->luma_scale = m->luma_scale * (1 << (17 - depth));
        c->luma_offset = (1 << 13) - room - (m->luma_offset << 6) * m->luma_scale;
        c->shift = 14;
        c->bias = room >> 14;
        c->most = 65535;
        c->v_red = m->v_red;
        c->u_green = m->u_green;
        c->v_green = m->v_green;
        c->u_blue = m->u_blue;
    }
}

static inline int sample(const void *row, int x, int deep) {
    return deep ? ((const uint16_t *)row)[x] : ((const uint8_t *)row)[x];
}

/* Return what a chroma sample adds to a sum by one factor of FLOAT_TABLES: whole steps of luma. */
static inline int32_t steps(int chroma, int factor, const FloatColours *c) {
    return ((chroma * factor >> 16) - (factor >> 9)) * c->luma_scale;
}

static void tables_plain(FloatChroma out, const uint8_t *u, const uint8_t *v, int start, int width,
                         const FloatColours *c) {
    for (int x = start; x < width; x++) {
        out.red[x] = steps(v[x], c->v_red, c);
        out.green[x] = steps(u[x], c->u_green, c) + steps(v[x], c->v_green, c);
        out.blue[x] = steps(u[x], c->u_blue, c);
    }
}

/* Return the weighted sum of rows in 17 bits, around 0. */
static inline int32_t smooth(const void *const *rows, const int16_t *weights, int count, int x, int depth, int deep) {
    int32_t sum = 0;
    for (int k = 0; k < count; k++)
        sum += weights[k] * sample(rows[k], x, deep);
    return (int32_t)(((uint32_t)sum << (19 - depth)) - (1u << 30)) >> 14;
}

static void chroma_plain(FloatChroma out, const void *const *u, const void *const *v, const int16_t *weights, int count,
                         int start, int width, const FloatColours *c, int deep) {
    for (int x = start; x < width; x++) {
        int32_t cb = smooth(u, weights, count, x, c->depth, deep), cr = smooth(v, weights, count, x, c->depth, deep);
        out.red[x] = cr * c->v_red;
        out.green[x] = (int32_t)((uint32_t)(cb * c->u_green) + (uint32_t)(cr * c->v_green));
        out.blue[x] = cb * c->u_blue;
    }
}

static void row_plain(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int start, int width,
                      const FloatColours *c, FloatRowKind kind) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, kind.half ? 2 : 4);
    const int32_t *terms[3] = {chroma.red, chroma.green, chroma.blue};
    for (int x = start; x < width; x++) {
        uint32_t term = (uint32_t)(sample(luma, x, kind.deep) * c->luma_scale) + (uint32_t)c->luma_offset;
        for (int i = 0; i < 3; i++) {
            int value = ((int32_t)(term + (uint32_t)terms[i][x >> kind.paired]) >> c->shift) + c->bias;
            float unit = (float)(value < 0 ? 0 : value > c->most ? c->most : value) / (float)c->most;
            if (kind.half)
                ((uint16_t *)rgb)[step * x + next * i] = to_half(unit);
            else
                ((float *)rgb)[step * x + next * i] = unit;
        }
        if (has_fourth(layout) && kind.half)
            ((uint16_t *)rgb)[step * x + 3] = to_half(1);
        else if (has_fourth(layout))
            ((float *)rgb)[step * x + 3] = 1;
    }
}

static void samples_plain(void *out, const uint16_t *in, int start, int count, int half) {
    for (int i = start; i < count; i++)
        if (half)
            ((uint16_t *)out)[i] = to_half((float)in[i] / 65535);
        else
            ((float *)out)[i] = (float)in[i] / 65535;
}

/* A quotient is value * large + value * small: Note [Division by fused products]. */
typedef struct {
    float large, small;
} Parts;

static inline Parts parts_of(int most) {
    float large = most == 255 ? 0x1p-8f : 0x1p-16f;
    return (Parts){large, (float)(1.0 / most - large)};
}

#if HAVE_X86_KERNELS
/* ---- AVX2 ------------------------------------------------------------------------------------ */

AVX2 static inline void put8(int32_t *out, int x, __m256i values) {
    _mm256_storeu_si256((__m256i *)(out + x), values);
}

AVX2 static int tables_avx2(FloatChroma out, const uint8_t *u, const uint8_t *v, int width, const FloatColours *c) {
    const __m256i scale = _mm256_set1_epi32(c->luma_scale);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256i cb = load8(u, from, 0), cr = load8(v, from, 0);
#define STEPS(chroma, factor)                                                                                          \
    _mm256_sub_epi32(_mm256_srai_epi32(_mm256_mullo_epi32(chroma, _mm256_set1_epi32(factor)), 16),                     \
                     _mm256_set1_epi32((factor) >> 9))
        put8(out.red, from, _mm256_mullo_epi32(STEPS(cr, c->v_red), scale));
        put8(out.green, from,
             _mm256_mullo_epi32(_mm256_add_epi32(STEPS(cb, c->u_green), STEPS(cr, c->v_green)), scale));
        put8(out.blue, from, _mm256_mullo_epi32(STEPS(cb, c->u_blue), scale));
#undef STEPS
    }
    return width;
}

/* The middle is subtracted from samples of 16 bits before they are weighted, because factors are
 * signed, and from sums of others afterwards. */
AVX2 static inline __m256i smooth8(const void *const *rows, const int16_t *weights, int count, int x, int depth,
                                   int deep) {
    const __m256i flipped = _mm256_set1_epi32(depth == 16 ? 0x8000 : 0);
    const __m256i middle = _mm256_set1_epi32(depth == 16 ? 0 : 1 << 30);
    __m256i sum = _mm256_setzero_si256();
    /* the upper half of each element is 0 */
    for (int k = 0; k < count; k++)
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_xor_si256(load8(rows[k], x, deep), flipped),
                                                      _mm256_set1_epi32((uint16_t)weights[k])));
    sum = _mm256_sll_epi32(sum, _mm_cvtsi32_si128(19 - depth));
    return _mm256_srai_epi32(_mm256_sub_epi32(sum, middle), 14);
}

AVX2 static int chroma_avx2(FloatChroma out, const void *const *u, const void *const *v, const int16_t *weights,
                            int count, int width, const FloatColours *c, int deep) {
    const __m256i v_red = _mm256_set1_epi32(c->v_red), u_green = _mm256_set1_epi32(c->u_green);
    const __m256i v_green = _mm256_set1_epi32(c->v_green), u_blue = _mm256_set1_epi32(c->u_blue);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256i cb = smooth8(u, weights, count, from, c->depth, deep),
                cr = smooth8(v, weights, count, from, c->depth, deep);
        put8(out.red, from, _mm256_mullo_epi32(cr, v_red));
        put8(out.green, from, _mm256_add_epi32(_mm256_mullo_epi32(cb, u_green), _mm256_mullo_epi32(cr, v_green)));
        put8(out.blue, from, _mm256_mullo_epi32(cb, u_blue));
    }
    return width;
}

AVX2 static inline __m256 quotient8(__m256i values, Parts parts) {
    __m256 floats = _mm256_cvtepi32_ps(values);
    return _mm256_fmadd_ps(floats, _mm256_set1_ps(parts.small), _mm256_mul_ps(floats, _mm256_set1_ps(parts.large)));
}

/* Add the chroma of eight columns to luma; shift, clip and divide the sums. */
AVX2 static inline __m256 finish8(__m256i luma, const int32_t *chroma, int x, int paired, const FloatColours *c,
                                  Parts parts) {
    __m256i term;
    if (paired)
        term =
            _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(chroma + (x >> 1)))),
                                        _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
    else
        term = _mm256_loadu_si256((const __m256i *)(chroma + x));
    __m256i sum = _mm256_sra_epi32(_mm256_add_epi32(luma, term), _mm_cvtsi32_si128(c->shift));
    sum = _mm256_max_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(c->bias)), _mm256_setzero_si256());
    return quotient8(_mm256_min_epi32(sum, _mm256_set1_epi32(c->most)), parts);
}

AVX2 static int row_avx2(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width,
                         const FloatColours *c, FloatRowKind kind) {
    const Parts parts = parts_of(c->most);
    const __m256i scale = _mm256_set1_epi32(c->luma_scale), offset = _mm256_set1_epi32(c->luma_offset);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256i y = _mm256_add_epi32(_mm256_mullo_epi32(load8(luma, from, kind.deep), scale), offset);
        __m256 r = finish8(y, chroma.red, from, kind.paired, c, parts);
        __m256 g = finish8(y, chroma.green, from, kind.paired, c, parts);
        __m256 b = finish8(y, chroma.blue, from, kind.paired, c, parts);
        store_pixels8(rgb, layout, from, r, g, b, kind.half);
    }
    return width;
}

AVX2 static int samples_avx2(void *out, const uint16_t *in, int count, int half) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
        store8(out, i, quotient8(load8(in, i, 1), parts_of(65535)), half);
    return i;
}

/* ---- AVX-512 --------------------------------------------------------------------------------- */

AVX512 static inline __m512i load16(const void *row, int x, int deep) {
    if (deep)
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)((const uint16_t *)row + x)));
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)((const uint8_t *)row + x)));
}

AVX512 static inline __m512 finish16(__m512i luma, const int32_t *chroma, int x, int paired, const FloatColours *c,
                                     Parts parts) {
    __m512i term;
    if (paired)
        term =
            _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7),
                                     _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(chroma + (x >> 1)))));
    else
        term = _mm512_loadu_si512(chroma + x);
    __m512i sum = _mm512_sra_epi32(_mm512_add_epi32(luma, term), _mm_cvtsi32_si128(c->shift));
    sum = _mm512_max_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(c->bias)), _mm512_setzero_si512());
    __m512 floats = _mm512_cvtepi32_ps(_mm512_min_epi32(sum, _mm512_set1_epi32(c->most)));
    return _mm512_fmadd_ps(floats, _mm512_set1_ps(parts.small), _mm512_mul_ps(floats, _mm512_set1_ps(parts.large)));
}

AVX512 static int row_avx512(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width,
                             const FloatColours *c, FloatRowKind kind) {
    const Parts parts = parts_of(c->most);
    const __m512i scale = _mm512_set1_epi32(c->luma_scale), offset = _mm512_set1_epi32(c->luma_offset);
    for (int x = 0; x < width; x += 16) {
        int from = last_step(x, width, 16);
        if (from < 0)
            return 0;
        __m512i y = _mm512_add_epi32(_mm512_mullo_epi32(load16(luma, from, kind.deep), scale), offset);
        __m512 r = finish16(y, chroma.red, from, kind.paired, c, parts);
        __m512 g = finish16(y, chroma.green, from, kind.paired, c, parts);
        __m512 b = finish16(y, chroma.blue, from, kind.paired, c, parts);
        store_pixels16(rgb, layout, from, r, g, b, kind.half);
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
}

static int has_wide_vectors(void) {
    return kernel_level() >= LEVEL_AVX512 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

static int row_vectors(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width,
                       const FloatColours *c, FloatRowKind kind) {
    int done = has_wide_vectors() ? row_avx512(rgb, layout, luma, chroma, width, c, kind) : 0;
    return done ? done : row_avx2(rgb, layout, luma, chroma, width, c, kind);
}
#define TABLES tables_avx2
#define CHROMA chroma_avx2
#define ROW row_vectors
#define SAMPLES samples_avx2
#elif HAVE_NEON_KERNELS
/* ---- NEON ------------------------------------------------------------------------------------ */

static int tables_neon(FloatChroma out, const uint8_t *u, const uint8_t *v, int width, const FloatColours *c) {
    for (int x = 0; x < width; x += 4) {
        int from = last_step(x, width, 4);
        if (from < 0)
            return 0;
        int32x4_t cb = load4_wide(u, from, 0), cr = load4_wide(v, from, 0);
#define STEPS(chroma, factor) vsubq_s32(vshrq_n_s32(vmulq_n_s32(chroma, factor), 16), vdupq_n_s32((factor) >> 9))
        vst1q_s32(out.red + from, vmulq_n_s32(STEPS(cr, c->v_red), c->luma_scale));
        vst1q_s32(out.green + from,
                  vmulq_n_s32(vaddq_s32(STEPS(cb, c->u_green), STEPS(cr, c->v_green)), c->luma_scale));
        vst1q_s32(out.blue + from, vmulq_n_s32(STEPS(cb, c->u_blue), c->luma_scale));
#undef STEPS
    }
    return width;
}

/* The middle is subtracted from samples of 16 bits before they are weighted, because factors are
 * signed, and from sums of others afterwards. */
static inline int32x4_t smooth4(const void *const *rows, const int16_t *weights, int count, int x, int depth,
                                int deep) {
    const uint16x4_t flipped = vdup_n_u16(depth == 16 ? 0x8000 : 0);
    int32x4_t sum = vdupq_n_s32(0);
    for (int k = 0; k < count; k++)
        sum = vmlal_n_s16(sum, vreinterpret_s16_u16(veor_u16(load4(rows[k], x, deep), flipped)), weights[k]);
    sum = vshlq_s32(sum, vdupq_n_s32(19 - depth));
    return vshrq_n_s32(vsubq_s32(sum, vdupq_n_s32(depth == 16 ? 0 : 1 << 30)), 14);
}

static int chroma_neon(FloatChroma out, const void *const *u, const void *const *v, const int16_t *weights, int count,
                       int width, const FloatColours *c, int deep) {
    for (int x = 0; x < width; x += 4) {
        int from = last_step(x, width, 4);
        if (from < 0)
            return 0;
        int32x4_t cb = smooth4(u, weights, count, from, c->depth, deep);
        int32x4_t cr = smooth4(v, weights, count, from, c->depth, deep);
        vst1q_s32(out.red + from, vmulq_n_s32(cr, c->v_red));
        vst1q_s32(out.green + from, vmlaq_n_s32(vmulq_n_s32(cb, c->u_green), cr, c->v_green));
        vst1q_s32(out.blue + from, vmulq_n_s32(cb, c->u_blue));
    }
    return width;
}

static inline float32x4_t quotient4(int32x4_t values, Parts parts) {
    float32x4_t floats = vcvtq_f32_s32(values);
    return vfmaq_n_f32(vmulq_n_f32(floats, parts.large), floats, parts.small);
}

/* Add the chroma of four columns to luma; shift, clip and divide the sums. */
static inline float32x4_t finish4(int32x4_t luma, const int32_t *chroma, int x, int paired, const FloatColours *c,
                                  Parts parts) {
    int32x4_t term;
    if (paired) {
        int32x2_t two = vld1_s32(chroma + (x >> 1));
        term = vcombine_s32(vdup_lane_s32(two, 0), vdup_lane_s32(two, 1));
    } else {
        term = vld1q_s32(chroma + x);
    }
    int32x4_t sum = vshlq_s32(vaddq_s32(luma, term), vdupq_n_s32(-c->shift));
    sum = vmaxq_s32(vaddq_s32(sum, vdupq_n_s32(c->bias)), vdupq_n_s32(0));
    return quotient4(vminq_s32(sum, vdupq_n_s32(c->most)), parts);
}

static int row_neon(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width, const FloatColours *c,
                    FloatRowKind kind) {
    const Parts parts = parts_of(c->most);
    for (int x = 0; x < width; x += 4) {
        int from = last_step(x, width, 4);
        if (from < 0)
            return 0;
        int32x4_t y = vmlaq_n_s32(vdupq_n_s32(c->luma_offset), load4_wide(luma, from, kind.deep), c->luma_scale);
        float32x4x3_t pixels = {{finish4(y, chroma.red, from, kind.paired, c, parts),
                                 finish4(y, chroma.green, from, kind.paired, c, parts),
                                 finish4(y, chroma.blue, from, kind.paired, c, parts)}};
        store_pixels4(rgb, layout, from, pixels, kind.half);
    }
    return width;
}

static int samples_neon(void *out, const uint16_t *in, int count, int half) {
    int i = 0;
    for (; i + 4 <= count; i += 4) {
        float32x4_t values = quotient4(load4_wide(in, i, 1), parts_of(65535));
        if (half)
            vst1_u16((uint16_t *)out + i, half_neon(values));
        else
            vst1q_f32((float *)out + i, values);
    }
    return i;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_NEON;
}
#define TABLES tables_neon
#define CHROMA chroma_neon
#define ROW row_neon
#define SAMPLES samples_neon
#else
static int has_vectors(void) {
    return 0;
}
#define TABLES(...) 0
#define CHROMA(...) 0
#define ROW(...) 0
#define SAMPLES(...) 0
#endif

/* ---- which ----------------------------------------------------------------------------------- */

int float_pays(void) {
    return kernel_level() == LEVEL_PLAIN || has_vectors(); /* tests ask for plain loops */
}

void float_chroma_row(FloatChroma out, const void *const u[FLOAT_MOST_TAPS], const void *const v[FLOAT_MOST_TAPS],
                      const int16_t *weights, int count, int width, const FloatColours *colours, int deep) {
    int done = 0;
    if (colours->arithmetic == FLOAT_TABLES) {
        if (has_vectors())
            done = TABLES(out, u[0], v[0], width, colours);
        tables_plain(out, u[0], v[0], done, width, colours);
        return;
    }
    if (has_vectors())
        done = CHROMA(out, u, v, weights, count, width, colours, deep);
    chroma_plain(out, u, v, weights, count, done, width, colours, deep);
}

void float_row(void *rgb, RgbLayout layout, const void *luma, FloatChroma chroma, int width,
               const FloatColours *colours, FloatRowKind kind) {
    int even = kind.paired ? width & ~1 : width; /* vectors need whole pairs */
    int done = has_vectors() ? ROW(rgb, layout, luma, chroma, even, colours, kind) : 0;
    row_plain(rgb, layout, luma, chroma, done, width, colours, kind);
}

void float_samples(void *out, const uint16_t *in, int count, int half) {
    int done = has_vectors() ? SAMPLES(out, in, count, half) : 0;
    samples_plain(out, in, done, count, half);
}
