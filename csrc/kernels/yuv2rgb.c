/* Note [Two arithmetics]
 *
 * What swscale computes for 8-bit YUV to RGB24 depends on processor, version and width. This file
 * repeats two of its arithmetics:
 *
 * - YUV2RGB_PRODUCTS is its x86 path: 16-bit fixed point, products cut to their high half,
 *   saturated sums.
 * - YUV2RGB_TABLES is its C code. On Arm, FFmpeg 5.1 and 7.1 use it for all widths, and FFmpeg 9.0
 *   for widths that are not a multiple of 16. Each chroma sample moves the index into a table of
 *   luma by whole steps. Computing the entry is faster than looking up three bytes for each pixel.
 *
 * The NEON code of FFmpeg 9 (doubled products, last bit rounded) is not repeated. It converts two
 * rows with the same chroma together, and so needs half the instructions of a kernel for single
 * rows.
 *
 * All arithmetic is in integers, so the plain loops and the vector loops give the same bytes. A
 * test at run time decides whether the FFmpeg in use gives them, too: Note [Own kernel] in
 * kernel_choice.c.
 */
#include "kernels/yuv2rgb.h"

#include "kernels/kernel_level.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include "kernels/store_rgb.h"
#elif defined(__aarch64__)
#define HAVE_NEON_KERNEL 1
#include "kernels/tables_neon.h"
#endif

static inline int saturate16(int value) {
    return value < -32768 ? -32768 : value > 32767 ? 32767 : value;
}

static inline uint8_t clip(int value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static inline int high(int a, int b) {
    return (a * b) >> 16;
}

static void products_plain(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v,
                           int start, int width, const Yuv2RgbMatrix *m) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, 1);
    for (int x = start; x < width; x++) {
        uint8_t *out = rgb + step * x;
        int luma = high((int16_t)((y[x] << 3) - m->luma_offset), m->luma_scale);
        int cb = (u[x >> 1] << 3) - 1024, cr = (v[x >> 1] << 3) - 1024;
        int green = saturate16(high(cb, m->u_green) + high(cr, m->v_green));
        out[0] = clip(saturate16(luma + high(cr, m->v_red)));
        out[next] = clip(saturate16(luma + green));
        out[2 * next] = clip(saturate16(luma + high(cb, m->u_blue)));
        if (has_fourth(layout))
            out[3] = 255;
    }
}

static inline int steps(int chroma, int scale) {
    return (chroma * scale >> 16) - (scale >> 9);
}

static void tables_plain(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v,
                         int start, int width, const Yuv2RgbMatrix *m) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, 1);
    for (int x = start; x < width; x++) {
        int cb = u[x >> 1], cr = v[x >> 1];
        int shift[3] = {steps(cr, m->table.v_red), steps(cb, m->table.u_green) + steps(cr, m->table.v_green),
                        steps(cb, m->table.u_blue)};
        for (int i = 0; i < 3; i++)
            rgb[step * x + i * next] = clip((m->table.luma_offset + (y[x] + shift[i]) * m->table.luma_scale) >> 16);
        if (has_fourth(layout))
            rgb[step * x + 3] = 255;
    }
}

#if HAVE_X86_KERNELS
/* Convert 32 pixels a step from x on; return how many are done. Even and odd luma are separate,
 * because each pair shares a chroma sample. Packing both and one shuffle of bytes restore the
 * order. */
__attribute__((target("avx2"))) static int row_avx2(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u,
                                                    const uint8_t *v, int x, int width, const Yuv2RgbMatrix *m) {
    const __m256i low = _mm256_set1_epi16(255), bias = _mm256_set1_epi16(1024);
    const __m256i offset = _mm256_set1_epi16(m->luma_offset), scale = _mm256_set1_epi16(m->luma_scale);
    const __m256i vr = _mm256_set1_epi16(m->v_red), ug = _mm256_set1_epi16(m->u_green);
    const __m256i vg = _mm256_set1_epi16(m->v_green), ub = _mm256_set1_epi16(m->u_blue);
    const __m256i order = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 0, 8, 1, 9, 2, 10, 3,
                                           11, 4, 12, 5, 13, 6, 14, 7, 15);
    for (; x < width; x += 32) {
        if (x + 32 > width) {
            /* cheaper than single pixels: convert the last pixels again, with those before them */
            if (width < 32 || width & 1)
                break;
            x = width - 32;
        }
        __m256i luma = _mm256_loadu_si256((const __m256i *)(y + x));
        __m256i cb = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(u + x / 2)));
        __m256i cr = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(v + x / 2)));
        __m256i even = _mm256_and_si256(luma, low), odd = _mm256_srli_epi16(luma, 8);
        even = _mm256_mulhi_epi16(_mm256_sub_epi16(_mm256_slli_epi16(even, 3), offset), scale);
        odd = _mm256_mulhi_epi16(_mm256_sub_epi16(_mm256_slli_epi16(odd, 3), offset), scale);
        cb = _mm256_sub_epi16(_mm256_slli_epi16(cb, 3), bias);
        cr = _mm256_sub_epi16(_mm256_slli_epi16(cr, 3), bias);
        __m256i red = _mm256_mulhi_epi16(cr, vr), blue = _mm256_mulhi_epi16(cb, ub);
        __m256i green = _mm256_adds_epi16(_mm256_mulhi_epi16(cb, ug), _mm256_mulhi_epi16(cr, vg));
#define JOIN(c) _mm256_shuffle_epi8(_mm256_packus_epi16(_mm256_adds_epi16(even, c), _mm256_adds_epi16(odd, c)), order)
        __m256i r = JOIN(red), g = JOIN(green), b = JOIN(blue);
#undef JOIN
        store_pixels32(rgb, layout, x, r, g, b);
    }
    return x;
}

/* Shuffles that make 64 packed pixels. Packing leaves eight even and eight odd pixels in turn in
 * each plane. Each output register has places in red (0 to 63) and green (64 to 127), places in
 * blue, and masks of the bytes that are blue and of those that are alpha. */
typedef struct {
    uint8_t from_red_green[4][64], from_blue[4][64];
    uint64_t is_blue[4], is_alpha[4];
} Shuffles;

static Shuffles shuffles_of_three, shuffles_of_four;

static void fill_shuffles(Shuffles *s, int channels) {
    for (int k = 0; k < 64 * channels; k++) {
        int pixel = k / channels, within = pixel % 16, channel = k % channels;
        int place = pixel / 16 * 16 + within % 2 * 8 + within / 2;
        s->from_red_green[k / 64][k % 64] = (uint8_t)(place + (channel == 1 ? 64 : 0));
        s->from_blue[k / 64][k % 64] = (uint8_t)place;
        if (channel == 2)
            s->is_blue[k / 64] |= 1ull << k % 64;
        if (channel == 3)
            s->is_alpha[k / 64] |= 1ull << k % 64;
    }
}

__attribute__((constructor)) static void fill_tables(void) {
    fill_shuffles(&shuffles_of_three, 3);
    fill_shuffles(&shuffles_of_four, 4);
}

/* Convert 64 pixels a step; return how many are done. The tables undo the order that packing
 * leaves. */
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi"))) static int
row_avx512(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
           const Yuv2RgbMatrix *m) {
    const __m512i low = _mm512_set1_epi16(255), bias = _mm512_set1_epi16(1024);
    const __m512i offset = _mm512_set1_epi16(m->luma_offset), scale = _mm512_set1_epi16(m->luma_scale);
    const __m512i vr = _mm512_set1_epi16(m->v_red), ug = _mm512_set1_epi16(m->u_green);
    const __m512i vg = _mm512_set1_epi16(m->v_green), ub = _mm512_set1_epi16(m->u_blue);
    int x = 0;
    for (; x < width; x += 64) {
        if (x + 64 > width) {
            if (width < 64 || width & 1)
                break;
            x = width - 64;
        }
        __m512i luma = _mm512_loadu_si512(y + x);
        __m512i cb = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(u + x / 2)));
        __m512i cr = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(v + x / 2)));
        __m512i even = _mm512_and_si512(luma, low), odd = _mm512_srli_epi16(luma, 8);
        even = _mm512_mulhi_epi16(_mm512_sub_epi16(_mm512_slli_epi16(even, 3), offset), scale);
        odd = _mm512_mulhi_epi16(_mm512_sub_epi16(_mm512_slli_epi16(odd, 3), offset), scale);
        cb = _mm512_sub_epi16(_mm512_slli_epi16(cb, 3), bias);
        cr = _mm512_sub_epi16(_mm512_slli_epi16(cr, 3), bias);
        __m512i red = _mm512_mulhi_epi16(cr, vr), blue = _mm512_mulhi_epi16(cb, ub);
        __m512i green = _mm512_adds_epi16(_mm512_mulhi_epi16(cb, ug), _mm512_mulhi_epi16(cr, vg));
        __m512i r = _mm512_packus_epi16(_mm512_adds_epi16(even, red), _mm512_adds_epi16(odd, red));
        __m512i g = _mm512_packus_epi16(_mm512_adds_epi16(even, green), _mm512_adds_epi16(odd, green));
        __m512i b = _mm512_packus_epi16(_mm512_adds_epi16(even, blue), _mm512_adds_epi16(odd, blue));
        if (layout.plane_stride) {
            const __m512i order =
                _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
            _mm512_storeu_si512(rgb + x, _mm512_shuffle_epi8(r, order));
            _mm512_storeu_si512(rgb + layout.plane_stride + x, _mm512_shuffle_epi8(g, order));
            _mm512_storeu_si512(rgb + 2 * layout.plane_stride + x, _mm512_shuffle_epi8(b, order));
            continue;
        }
        const Shuffles *shuffles = layout.is_opaque ? &shuffles_of_four : &shuffles_of_three;
        const int channels = rgb_step(layout);
        for (int i = 0; i < channels; i++) {
            __m512i out = _mm512_permutex2var_epi8(r, _mm512_loadu_si512(shuffles->from_red_green[i]), g);
            out =
                _mm512_mask_permutexvar_epi8(out, shuffles->is_blue[i], _mm512_loadu_si512(shuffles->from_blue[i]), b);
            out = _mm512_mask_set1_epi8(out, shuffles->is_alpha[i], -1);
            _mm512_storeu_si512(rgb + channels * x + 64 * i, out);
        }
    }
    return x;
}
#endif

#if HAVE_NEON_KERNEL
/* Convert 16 pixels a step; return how many are done. */
static int row_neon(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
                    const Yuv2RgbMatrix *matrix) {
    const TablesNeon tables = tables_neon(matrix);
    int even = width & ~1;
    if (even < 16)
        return 0;
    for (int x = 0; x < even; x += 16) {
        if (x + 16 > even)
            x = even - 16; /* convert the last pixels again, as above */
        uint8x16_t luma = vld1q_u8(y + x);
        int16x8_t low = vreinterpretq_s16_u16(vshll_n_u8(vget_low_u8(luma), 5));
        int16x8_t high = vreinterpretq_s16_u16(vshll_high_n_u8(luma, 5));
        store_neon(rgb, layout, x, pixels_neon(&tables, low, high, vld1_u8(u + x / 2), vld1_u8(v + x / 2)));
    }
    return even;
}
#endif

int yuv2rgb_pays(Yuv2RgbArithmetic arithmetic) {
    if (kernel_level() == LEVEL_PLAIN)
        return 1; /* tests ask for plain loops */
#if HAVE_X86_KERNELS
    return arithmetic == YUV2RGB_PRODUCTS && __builtin_cpu_supports("avx2");
#elif HAVE_NEON_KERNEL
    return arithmetic == YUV2RGB_TABLES;
#else
    return 0;
#endif
}

void yuv2rgb_row(uint8_t *rgb, RgbLayout layout, const uint8_t *y, const uint8_t *u, const uint8_t *v, int width,
                 const Yuv2RgbMatrix *matrix, Yuv2RgbArithmetic arithmetic) {
    int done = 0;
    if (arithmetic == YUV2RGB_TABLES) {
#if HAVE_NEON_KERNEL
        if (kernel_level() >= LEVEL_NEON)
            done = row_neon(rgb, layout, y, u, v, width, matrix);
#endif
        tables_plain(rgb, layout, y, u, v, done, width, matrix);
        return;
    }
#if HAVE_X86_KERNELS
    if (kernel_level() >= LEVEL_AVX512 && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        done = row_avx512(rgb, layout, y, u, v, width, matrix);
    if (done < width && kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2"))
        done = row_avx2(rgb, layout, y, u, v, done, width, matrix);
#endif
    products_plain(rgb, layout, y, u, v, done, width, matrix);
}
