/* Note [General path]
 *
 * Where swscale has no kernel for a format, it converts luma and chroma to 15 bits, interpolates
 * chroma, and has two ways to RGB:
 *
 * - If a chroma sample serves two columns, luma and chroma are rounded to 8 bits and looked up in
 *   tables, as in its C code for 8 bits (YUV2RGB_TABLES). Luma may be rounded up to 256, for which
 *   the tables have an entry.
 * - If each column has a chroma sample, products have 32 bits, and the upper ten bits are the
 *   result. Far outside of the gamut they overflow, and white becomes black. This file keeps luma
 *   and chroma as 16-bit numbers, so that one instruction makes two products and their sum. The
 *   rest of the shift follows, and overflows in the same way.
 */
#include "kernels/yuv2rgb_deep.h"

#include "kernels/kernel_level.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include "kernels/store_rgb.h"
#elif defined(__aarch64__)
#define HAVE_NEON_KERNELS 1
#include "kernels/tables_neon.h"
#endif

static inline uint8_t clip(int value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static inline int to_8_bits(int sample, int depth) {
    return (sample + (1 << (depth - 8) >> 1)) >> (depth - 8);
}

/* Return by how many steps a chroma sample moves the index into the table of luma. */
static inline int steps(int chroma, int scale) {
    return (chroma * scale >> 16) - (scale >> 9);
}

static void chroma_plain(uint8_t *out, const uint16_t *const *rows, const int16_t *weights, int count, int start,
                         int width, int depth) {
    for (int x = start; x < width; x++) {
        int sum = 1 << 18;
        for (int k = 0; k < count; k++)
            sum += weights[k] * (rows[k][x] << (15 - depth));
        out[x] = clip(sum >> 19);
    }
}

static void row_plain(uint8_t *rgb, RgbLayout layout, const uint16_t *y, const uint8_t *u, const uint8_t *v, int start,
                      int width, const Yuv2RgbMatrix *m, int depth) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, 1);
    for (int x = start; x < width; x++) {
        int cb = u[x >> 1], cr = v[x >> 1], luma = to_8_bits(y[x], depth);
        int shift[3] = {steps(cr, m->table.v_red), steps(cb, m->table.u_green) + steps(cr, m->table.v_green),
                        steps(cb, m->table.u_blue)};
        for (int i = 0; i < 3; i++)
            rgb[step * x + i * next] = clip((m->table.luma_offset + (luma + shift[i]) * m->table.luma_scale) >> 16);
        if (has_fourth(layout))
            rgb[step * x + 3] = 255;
    }
}

/* How samples of a depth become 16-bit numbers: (sample << before) - offset. The rest of the shift
 * by 17 - depth bits, `after`, is applied to the sums. */
typedef struct {
    int before, after;
    int luma_offset, chroma_offset;
} Scaling;

static Scaling scaling_of(const Yuv2RgbMatrix *m, int depth) {
    int more = depth > 11 ? depth - 11 : 0;
    return (Scaling){depth > 11 ? 0 : 11 - depth, 6 - more, m->luma_offset << more, 1024 << more};
}

static inline int sample(const void *row, int x, int depth) {
    return depth > 8 ? ((const uint16_t *)row)[x] : ((const uint8_t *)row)[x];
}

static void full_plain(uint8_t *rgb, RgbLayout layout, const void *y, const void *u, const void *v, int start,
                       int width, const Yuv2RgbMatrix *m, int depth) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, 1);
    const Scaling s = scaling_of(m, depth);
    for (int x = start; x < width; x++) {
        int luma = ((sample(y, x, depth) << s.before) - s.luma_offset) * m->luma_scale;
        int cb = (sample(u, x, depth) << s.before) - s.chroma_offset;
        int cr = (sample(v, x, depth) << s.before) - s.chroma_offset;
        int sums[3] = {luma + cr * m->v_red, luma + cb * m->u_green + cr * m->v_green, luma + cb * m->u_blue};
        for (int i = 0; i < 3; i++)
            rgb[step * x + i * next] = clip((int)(((unsigned)sums[i] << s.after) + (1u << 21)) >> 22);
        if (has_fourth(layout))
            rgb[step * x + 3] = 255;
    }
}

/* Return where a step of `step` samples begins. A step that would pass the end begins earlier, so
 * that it ends there. Return -1 if the row is shorter than a step. */
static inline int last_step(int x, int width, int step) {
    return x + step <= width ? x : width >= step ? width - step : -1;
}

#if HAVE_X86_KERNELS
#define AVX2 __attribute__((target("avx2")))

AVX2 static int chroma_avx2(uint8_t *out, const uint16_t *const *rows, const int16_t *weights, int count, int width,
                            int depth) {
    const __m128i up = _mm_cvtsi32_si128(15 - depth);
    int x = 0;
    for (; x < width; x += 16) {
        int from = last_step(x, width, 16);
        if (from < 0)
            return 0;
        __m256i low = _mm256_set1_epi32(1 << 18), high = low;
        for (int k = 0; k < count; k += 2) {
            int is_pair = k + 1 < count;
            __m256i a = _mm256_sll_epi16(_mm256_loadu_si256((const __m256i *)(rows[k] + from)), up);
            __m256i b = is_pair ? _mm256_sll_epi16(_mm256_loadu_si256((const __m256i *)(rows[k + 1] + from)), up)
                                : _mm256_setzero_si256();
            __m256i w = _mm256_set1_epi32((int)((uint32_t)(is_pair ? weights[k + 1] : 0) << 16 | (uint16_t)weights[k]));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), w));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), w));
        }
        __m256i sum = _mm256_packs_epi32(_mm256_srai_epi32(low, 19), _mm256_srai_epi32(high, 19));
        sum = _mm256_permute4x64_epi64(_mm256_packus_epi16(sum, sum), 0x08);
        _mm_storeu_si128((__m128i *)(out + from), _mm256_castsi256_si128(sum));
    }
    return width;
}

/* Return chroma * scale >> 16 for any scale: the product with the upper half of the scale, plus the
 * high half of the product with its lower half. */
AVX2 static inline __m256i scaled(__m256i chroma, int scale) {
    __m256i upper = _mm256_set1_epi16((int16_t)(scale >> 16)), lower = _mm256_set1_epi16((int16_t)(scale & 0xFFFF));
    return _mm256_add_epi16(_mm256_mullo_epi16(chroma, upper), _mm256_mulhi_epu16(chroma, lower));
}

/* Convert 32 pixels a step. Indices count 32nds of a step, as in tables_neon.h, with the same pairs
 * of scale and offset. */
AVX2 static int row_avx2(uint8_t *rgb, RgbLayout layout, const uint16_t *y, const uint8_t *u, const uint8_t *v,
                         int width, const Yuv2RgbMatrix *m, int depth) {
    const int offset = m->table.luma_offset * 32 / m->table.luma_scale;
    const __m256i scale = _mm256_set1_epi16((int16_t)(m->table.luma_scale >> 3));
    const __m256i offset_r = _mm256_set1_epi16((int16_t)(offset - 32 * (m->table.v_red >> 9)));
    const __m256i offset_g =
        _mm256_set1_epi16((int16_t)(offset - 32 * ((m->table.u_green >> 9) + (m->table.v_green >> 9))));
    const __m256i offset_b = _mm256_set1_epi16((int16_t)(offset - 32 * (m->table.u_blue >> 9)));
    const __m256i half = _mm256_set1_epi16((int16_t)(1 << (depth - 8) >> 1));
    const __m128i down = _mm_cvtsi32_si128(depth - 8);
    for (int x = 0; x < width; x += 32) {
        int from = last_step(x, width, 32);
        if (from < 0)
            return 0;
        __m256i first = _mm256_loadu_si256((const __m256i *)(y + from));
        __m256i second = _mm256_loadu_si256((const __m256i *)(y + from + 16));
        first = _mm256_slli_epi16(_mm256_srl_epi16(_mm256_add_epi16(first, half), down), 5);
        second = _mm256_slli_epi16(_mm256_srl_epi16(_mm256_add_epi16(second, half), down), 5);
        __m256i cb = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(u + from / 2)));
        __m256i cr = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(v + from / 2)));
        __m256i red = scaled(cr, m->table.v_red), blue = scaled(cb, m->table.u_blue);
        __m256i green = _mm256_add_epi16(scaled(cb, m->table.u_green), scaled(cr, m->table.v_green));
        red = _mm256_add_epi16(_mm256_slli_epi16(red, 5), offset_r);
        green = _mm256_add_epi16(_mm256_slli_epi16(green, 5), offset_g);
        blue = _mm256_add_epi16(_mm256_slli_epi16(blue, 5), offset_b);
#define LOOK_UP(index) _mm256_srai_epi16(_mm256_mulhi_epi16(index, scale), 2)
#define JOIN(c)                                                                                                        \
    __extension__({                                                                                                    \
        __m256i low = _mm256_unpacklo_epi16(c, c), high = _mm256_unpackhi_epi16(c, c);                                 \
        __m256i a = LOOK_UP(_mm256_add_epi16(first, _mm256_permute2x128_si256(low, high, 0x20)));                      \
        __m256i b = LOOK_UP(_mm256_add_epi16(second, _mm256_permute2x128_si256(low, high, 0x31)));                     \
        _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8);                                                     \
    })
        store_pixels32(rgb, layout, from, JOIN(red), JOIN(green), JOIN(blue));
#undef JOIN
#undef LOOK_UP
    }
    return width;
}

AVX2 static inline __m256i load16(const void *row, int x, int depth) {
    if (depth > 8)
        return _mm256_loadu_si256((const __m256i *)((const uint16_t *)row + x));
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)((const uint8_t *)row + x)));
}

/* Return two factors of 16 bits for madd in each 32-bit element. */
AVX2 static inline __m256i factors(int low, int high) {
    return _mm256_set1_epi32((int)((uint32_t)high << 16 | (uint16_t)low));
}

/* Convert 32 pixels a step. */
AVX2 static int full_avx2(uint8_t *rgb, RgbLayout layout, const void *y, const void *u, const void *v, int width,
                          const Yuv2RgbMatrix *m, int depth) {
    const Scaling s = scaling_of(m, depth);
    const __m128i before = _mm_cvtsi32_si128(s.before), after = _mm_cvtsi32_si128(s.after);
    const __m256i luma_offset = _mm256_set1_epi16((int16_t)s.luma_offset);
    const __m256i chroma_offset = _mm256_set1_epi16((int16_t)s.chroma_offset);
    const __m256i red = factors(m->luma_scale, m->v_red), blue = factors(m->luma_scale, m->u_blue);
    const __m256i green = factors(m->luma_scale, m->u_green), more_green = factors(0, m->v_green);
    const __m256i half = _mm256_set1_epi32(1 << 21);
    for (int x = 0; x < width; x += 32) {
        int from = last_step(x, width, 32);
        if (from < 0)
            return 0;
        __m256i r[2], g[2], b[2];
        for (int i = 0; i < 2; i++) {
            __m256i luma = _mm256_sll_epi16(load16(y, from + 16 * i, depth), before);
            __m256i cb = _mm256_sll_epi16(load16(u, from + 16 * i, depth), before);
            __m256i cr = _mm256_sll_epi16(load16(v, from + 16 * i, depth), before);
            luma = _mm256_sub_epi16(luma, luma_offset);
            cb = _mm256_sub_epi16(cb, chroma_offset);
            cr = _mm256_sub_epi16(cr, chroma_offset);
            __m256i blue_low = _mm256_unpacklo_epi16(luma, cb), blue_high = _mm256_unpackhi_epi16(luma, cb);
            __m256i red_low = _mm256_unpacklo_epi16(luma, cr), red_high = _mm256_unpackhi_epi16(luma, cr);
#define SUM(low, high)                                                                                                 \
    _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(_mm256_sll_epi32(low, after), half), 22),                    \
                       _mm256_srai_epi32(_mm256_add_epi32(_mm256_sll_epi32(high, after), half), 22))
            r[i] = SUM(_mm256_madd_epi16(red_low, red), _mm256_madd_epi16(red_high, red));
            b[i] = SUM(_mm256_madd_epi16(blue_low, blue), _mm256_madd_epi16(blue_high, blue));
            g[i] = SUM(_mm256_add_epi32(_mm256_madd_epi16(blue_low, green), _mm256_madd_epi16(red_low, more_green)),
                       _mm256_add_epi32(_mm256_madd_epi16(blue_high, green), _mm256_madd_epi16(red_high, more_green)));
#undef SUM
        }
#define JOIN(c) _mm256_permute4x64_epi64(_mm256_packus_epi16(c[0], c[1]), 0xD8)
        store_pixels32(rgb, layout, from, JOIN(r), JOIN(g), JOIN(b));
#undef JOIN
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2");
}
#define CHROMA chroma_avx2
#define ROW row_avx2
#define FULL full_avx2
#elif HAVE_NEON_KERNELS
/* Convert 8 samples a step. */
static int chroma_neon(uint8_t *out, const uint16_t *const *rows, const int16_t *weights, int count, int width,
                       int depth) {
    const int16x8_t up = vdupq_n_s16((int16_t)(15 - depth));
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        int32x4_t low = vdupq_n_s32(1 << 18), high = low;
        for (int k = 0; k < count; k++) {
            int16x8_t row = vreinterpretq_s16_u16(vshlq_u16(vld1q_u16(rows[k] + from), up));
            low = vmlal_n_s16(low, vget_low_s16(row), weights[k]);
            high = vmlal_high_n_s16(high, row, weights[k]);
        }
        int16x8_t sum = vmovn_high_s32(vmovn_s32(vshrq_n_s32(low, 19)), vshrq_n_s32(high, 19));
        vst1_u8(out + from, vqmovun_s16(sum));
    }
    return width;
}

/* Convert 16 pixels a step. */
static int row_neon(uint8_t *rgb, RgbLayout layout, const uint16_t *y, const uint8_t *u, const uint8_t *v, int width,
                    const Yuv2RgbMatrix *m, int depth) {
    const TablesNeon tables = tables_neon(m);
    const int16x8_t down = vdupq_n_s16((int16_t)(8 - depth));
    for (int x = 0; x < width; x += 16) {
        int from = last_step(x, width, 16);
        if (from < 0)
            return 0;
        uint16x8_t low = vrshlq_u16(vld1q_u16(y + from), down), high = vrshlq_u16(vld1q_u16(y + from + 8), down);
        store_neon(rgb, layout, from,
                   pixels_neon(&tables, vreinterpretq_s16_u16(vshlq_n_u16(low, 5)),
                               vreinterpretq_s16_u16(vshlq_n_u16(high, 5)), vld1_u8(u + from / 2),
                               vld1_u8(v + from / 2)));
    }
    return width;
}

static inline int16x8_t load8(const void *row, int x, int depth, int16x8_t before, int16_t offset) {
    uint16x8_t samples = depth > 8 ? vld1q_u16((const uint16_t *)row + x) : vmovl_u8(vld1_u8((const uint8_t *)row + x));
    return vsubq_s16(vreinterpretq_s16_u16(vshlq_u16(samples, before)), vdupq_n_s16(offset));
}

/* Return the upper ten bits of sums that are still to be shifted by `after` bits. */
static inline int16x4_t upper(int32x4_t sum, int32x4_t after) {
    return vmovn_s32(vshrq_n_s32(vaddq_s32(vshlq_s32(sum, after), vdupq_n_s32(1 << 21)), 22));
}

/* Convert 16 pixels a step. */
static int full_neon(uint8_t *rgb, RgbLayout layout, const void *y, const void *u, const void *v, int width,
                     const Yuv2RgbMatrix *m, int depth) {
    const Scaling s = scaling_of(m, depth);
    const int16x8_t before = vdupq_n_s16((int16_t)s.before);
    const int32x4_t after = vdupq_n_s32(s.after);
    for (int x = 0; x < width; x += 16) {
        int from = last_step(x, width, 16);
        if (from < 0)
            return 0;
        uint8x8_t r[2], g[2], b[2];
        for (int i = 0; i < 2; i++) {
            int16x8_t luma = load8(y, from + 8 * i, depth, before, (int16_t)s.luma_offset);
            int16x8_t cb = load8(u, from + 8 * i, depth, before, (int16_t)s.chroma_offset);
            int16x8_t cr = load8(v, from + 8 * i, depth, before, (int16_t)s.chroma_offset);
            int32x4_t low = vmull_n_s16(vget_low_s16(luma), m->luma_scale);
            int32x4_t high = vmull_high_n_s16(luma, m->luma_scale);
#define ADD_LOW(sum, c, factor) vmlal_n_s16(sum, vget_low_s16(c), factor)
#define ADD_HIGH(sum, c, factor) vmlal_high_n_s16(sum, c, factor)
#define JOIN(a, b) vqmovun_s16(vcombine_s16(upper(a, after), upper(b, after)))
            r[i] = JOIN(ADD_LOW(low, cr, m->v_red), ADD_HIGH(high, cr, m->v_red));
            b[i] = JOIN(ADD_LOW(low, cb, m->u_blue), ADD_HIGH(high, cb, m->u_blue));
            g[i] = JOIN(ADD_LOW(ADD_LOW(low, cb, m->u_green), cr, m->v_green),
                        ADD_HIGH(ADD_HIGH(high, cb, m->u_green), cr, m->v_green));
#undef JOIN
#undef ADD_HIGH
#undef ADD_LOW
        }
        store_neon(rgb, layout, from,
                   (uint8x16x3_t){{vcombine_u8(r[0], r[1]), vcombine_u8(g[0], g[1]), vcombine_u8(b[0], b[1])}});
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_NEON;
}
#define CHROMA chroma_neon
#define ROW row_neon
#define FULL full_neon
#else
static int has_vectors(void) {
    return 0;
}
#define CHROMA(...) 0
#define ROW(...) 0
#define FULL(...) 0
#endif

int deep_pays(void) {
    return kernel_level() == LEVEL_PLAIN || has_vectors(); /* tests ask for plain loops */
}

void deep_chroma_row(uint8_t *out, const uint16_t *const rows[DEEP_MOST_TAPS], const int16_t *weights, int count,
                     int width, int depth) {
    int done = has_vectors() ? CHROMA(out, rows, weights, count, width, depth) : 0;
    chroma_plain(out, rows, weights, count, done, width, depth);
}

void deep_row(uint8_t *rgb, RgbLayout layout, const uint16_t *y, const uint8_t *u, const uint8_t *v, int width,
              const Yuv2RgbMatrix *matrix, int depth) {
    int done = has_vectors() ? ROW(rgb, layout, y, u, v, width, matrix, depth) : 0;
    row_plain(rgb, layout, y, u, v, done, width, matrix, depth);
}

void deep_full_row(uint8_t *rgb, RgbLayout layout, const void *y, const void *u, const void *v, int width,
                   const Yuv2RgbMatrix *matrix, int depth) {
    int done = has_vectors() ? FULL(rgb, layout, y, u, v, width, matrix, depth) : 0;
    full_plain(rgb, layout, y, u, v, done, width, matrix, depth);
}
