#include "kernels/wide_rows.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel_level.h"
#include "kernels/store_floats.h"
#include "kernels/sws_filter.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include "kernels/store_rgb.h"
#endif

/* ---- the filter along rows ------------------------------------------------------------------- */

enum { COLUMNS = 4, WINDOW = 8, PAIRS = 3 };

/* Four samples of the result, made of eight samples of the row from `first` on. Each pair of taps
 * has places in them and weights. */
typedef struct {
    int32_t first, padding[3];
    uint8_t places[PAIRS][16];
    int16_t weights[PAIRS][8];
} Step;

static int num_steps(const Axis *axis) {
    return (axis->length + COLUMNS - 1) / COLUMNS;
}

/* Fill in a step; return false if its taps do not lie in a window. */
static int fill_step(Step *step, const Axis *axis, int column) {
    int last = axis->extent - WINDOW, first = axis->spans[column].first;
    memset(step->places, 0x80, sizeof(step->places));
    step->first = first < last ? first : last;
    for (int i = 0; i < COLUMNS && column + i < axis->length; i++) {
        const Span *span = &axis->spans[column + i];
        for (int k = 0; k < span->count; k++) {
            int place = span->first + k - step->first;
            if (place < 0 || place >= WINDOW)
                return 0;
            step->places[k / 2][4 * i + 2 * (k % 2)] = (uint8_t)(2 * place);
            step->places[k / 2][4 * i + 2 * (k % 2) + 1] = (uint8_t)(2 * place + 1);
            step->weights[k / 2][2 * i + k % 2] = axis->fixed[span->start + k];
        }
    }
    return 1;
}

int wide_columns_make(WideColumns *columns, int in, int out) {
    wide_columns_free(columns);
    if (sws_filter_columns(&columns->axis, in, out) < 0)
        return -1;
    const Axis *axis = &columns->axis;
    if (in < WINDOW)
        return 0;
    Step *steps = columns->steps = calloc((size_t)num_steps(axis), sizeof(*steps));
    if (!steps)
        return -1;
    for (int i = 0; i < num_steps(axis); i++)
        if (!fill_step(&steps[i], axis, COLUMNS * i)) {
            free(steps);
            columns->steps = NULL;
            return 0;
        }
    return 0;
}

void wide_columns_free(WideColumns *columns) {
    axis_free(&columns->axis);
    free(columns->steps);
    *columns = (WideColumns){0};
}

static void columns_plain(int32_t *out, const uint16_t *in, const Axis *axis, int shift, int most) {
    for (int i = 0; i < axis->length; i++) {
        const Span *span = &axis->spans[i];
        int32_t sum = 0;
        for (int k = 0; k < span->count; k++)
            sum += axis->fixed[span->start + k] * in[span->first + k];
        sum >>= shift;
        out[i] = sum < most ? sum : most;
    }
}

/* ---- plain ----------------------------------------------------------------------------------- */

static inline int32_t weighted(const int32_t *const *rows, const int16_t *weights, int count, int x) {
    uint32_t sum = 0;
    for (int k = 0; k < count; k++)
        sum += (uint32_t)weights[k] * (uint32_t)rows[k][x];
    return (int32_t)sum;
}

static inline uint8_t clip(int value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static inline int32_t product(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

static void chroma_plain(FloatChroma out, const int32_t *const *u, const int32_t *const *v, const int16_t *weights,
                         int count, int start, int width, const FloatColours *c, WideSum sum) {
    for (int x = start; x < width; x++) {
        int32_t cb = (int32_t)((uint32_t)weighted(u, weights, count, x) + (uint32_t)sum.offset) >> sum.shift;
        int32_t cr = (int32_t)((uint32_t)weighted(v, weights, count, x) + (uint32_t)sum.offset) >> sum.shift;
        out.red[x] = product(cr, c->v_red);
        out.green[x] = (int32_t)((uint32_t)product(cb, c->u_green) + (uint32_t)product(cr, c->v_green));
        out.blue[x] = product(cb, c->u_blue);
    }
}

static void bytes_plain(uint8_t *rgb, RgbLayout layout, const uint16_t *luma, FloatChroma chroma, int start, int width,
                        const FloatColours *c) {
    const ptrdiff_t step = rgb_step(layout), next = rgb_next(layout, 1);
    const int32_t *terms[3] = {chroma.red, chroma.green, chroma.blue};
    for (int x = start; x < width; x++) {
        uint32_t term = (uint32_t)product(luma[x], c->luma_scale) + (uint32_t)c->luma_offset;
        for (int i = 0; i < 3; i++)
            rgb[step * x + next * i] = clip((int32_t)(term + (uint32_t)terms[i][x]) >> c->shift);
        if (has_fourth(layout))
            rgb[step * x + 3] = 255;
    }
}

#if HAVE_X86_KERNELS
/* ---- AVX2 ------------------------------------------------------------------------------------ */

AVX2 static void columns_avx2(int32_t *out, const uint16_t *in, const WideColumns *columns, int shift, int most) {
    const Step *step = columns->steps;
    const __m128i by = _mm_cvtsi32_si128(shift), top = _mm_set1_epi32(most);
    for (int i = num_steps(&columns->axis); i > 0; i--, step++, out += COLUMNS) {
        __m128i window = _mm_loadu_si128((const __m128i *)(in + step->first)), sum = _mm_setzero_si128();
        for (int k = 0; k < PAIRS; k++) {
            __m128i pairs = _mm_shuffle_epi8(window, _mm_loadu_si128((const __m128i *)step->places[k]));
            sum = _mm_add_epi32(sum, _mm_madd_epi16(pairs, _mm_loadu_si128((const __m128i *)step->weights[k])));
        }
        _mm_storeu_si128((__m128i *)out, _mm_min_epi32(_mm_sra_epi32(sum, by), top));
    }
}

AVX2 static inline __m256i weighted8(const int32_t *const *rows, const int16_t *weights, int count, int x) {
    __m256i sum = _mm256_setzero_si256();
    for (int k = 0; k < count; k++)
        sum = _mm256_add_epi32(
            sum, _mm256_mullo_epi32(_mm256_loadu_si256((const __m256i *)(rows[k] + x)), _mm256_set1_epi32(weights[k])));
    return sum;
}

AVX2 static int chroma_avx2(FloatChroma out, const int32_t *const *u, const int32_t *const *v, const int16_t *weights,
                            int count, int width, const FloatColours *c, WideSum sum) {
    const __m256i offset = _mm256_set1_epi32(sum.offset);
    const __m128i by = _mm_cvtsi32_si128(sum.shift);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256i cb = _mm256_sra_epi32(_mm256_add_epi32(weighted8(u, weights, count, from), offset), by);
        __m256i cr = _mm256_sra_epi32(_mm256_add_epi32(weighted8(v, weights, count, from), offset), by);
#define TIMES(a, factor) _mm256_mullo_epi32(a, _mm256_set1_epi32(factor))
        _mm256_storeu_si256((__m256i *)(out.red + from), TIMES(cr, c->v_red));
        _mm256_storeu_si256((__m256i *)(out.green + from),
                            _mm256_add_epi32(TIMES(cb, c->u_green), TIMES(cr, c->v_green)));
        _mm256_storeu_si256((__m256i *)(out.blue + from), TIMES(cb, c->u_blue));
#undef TIMES
    }
    return width;
}

AVX2 static int byte_chroma_avx2(uint8_t *out, const int32_t *const *rows, const int16_t *weights, int count,
                                 int width) {
    const __m256i half = _mm256_set1_epi32(1 << 18);
    for (int x = 0; x < width; x += 8) {
        int from = last_step(x, width, 8);
        if (from < 0)
            return 0;
        __m256i sums = _mm256_srai_epi32(_mm256_add_epi32(weighted8(rows, weights, count, from), half), 19);
        __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        _mm_storel_epi64((__m128i *)(out + from), _mm_packus_epi16(words, words));
    }
    return width;
}

/* Return 32 bytes of one channel; the order of lanes that packing leaves is undone. */
AVX2 static inline __m256i channel32(const __m256i luma[4], const int32_t *chroma, __m128i by) {
    __m256i sums[4];
    for (int i = 0; i < 4; i++)
        sums[i] = _mm256_sra_epi32(
            _mm256_add_epi32(luma[i], _mm256_loadu_si256((const __m256i *)(const void *)(chroma + 8 * i))), by);
    __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

AVX2 static int bytes_avx2(uint8_t *rgb, RgbLayout layout, const uint16_t *luma, FloatChroma chroma, int width,
                           const FloatColours *c) {
    const __m256i scale = _mm256_set1_epi32(c->luma_scale), offset = _mm256_set1_epi32(c->luma_offset);
    const __m128i by = _mm_cvtsi32_si128(c->shift);
    for (int x = 0; x < width; x += 32) {
        int from = last_step(x, width, 32);
        if (from < 0)
            return 0;
        __m256i terms[4];
        for (int i = 0; i < 4; i++)
            terms[i] = _mm256_add_epi32(_mm256_mullo_epi32(load8(luma, from + 8 * i, 1), scale), offset);
        store_pixels32(rgb, layout, from, channel32(terms, chroma.red + from, by),
                       channel32(terms, chroma.green + from, by), channel32(terms, chroma.blue + from, by));
    }
    return width;
}

static int has_vectors(void) {
    return kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
}
#else
static int has_vectors(void) {
    return 0;
}
#define columns_avx2(...) ((void)0)
#define chroma_avx2(...) 0
#define bytes_avx2(...) 0
#define byte_chroma_avx2(...) 0
#endif

/* ---- which ----------------------------------------------------------------------------------- */

int wide_pays(void) {
    return kernel_level() == LEVEL_PLAIN || has_vectors(); /* tests ask for plain loops */
}

void wide_columns_row(int32_t *out, const uint16_t *in, const WideColumns *columns, int depth, int bits) {
    int shift = depth + 14 - bits, most = (1 << bits) - 1;
    if (has_vectors() && columns->steps)
        columns_avx2(out, in, columns, shift, most);
    else
        columns_plain(out, in, &columns->axis, shift, most);
}

void wide_chroma_row(FloatChroma out, const int32_t *const u[WIDE_MOST_TAPS], const int32_t *const v[WIDE_MOST_TAPS],
                     const int16_t *weights, int count, int width, const FloatColours *colours, WideSum sum) {
    int done = has_vectors() ? chroma_avx2(out, u, v, weights, count, width, colours, sum) : 0;
    chroma_plain(out, u, v, weights, count, done, width, colours, sum);
}

void wide_byte_chroma_row(uint8_t *out, const int32_t *const rows[WIDE_MOST_TAPS], const int16_t *weights, int count,
                          int width) {
    for (int x = has_vectors() ? byte_chroma_avx2(out, rows, weights, count, width) : 0; x < width; x++)
        out[x] = clip((weighted(rows, weights, count, x) + (1 << 18)) >> 19);
}

void wide_byte_row(uint8_t *rgb, RgbLayout layout, const uint16_t *luma, FloatChroma chroma, int width,
                   const FloatColours *colours) {
    int done = has_vectors() ? bytes_avx2(rgb, layout, luma, chroma, width, colours) : 0;
    bytes_plain(rgb, layout, luma, chroma, done, width, colours);
}
