/* Vector kernels of resample.c for x86.
 *
 * Horizontally, a load reads some bytes of a row, and a shuffle puts the taps of one channel side
 * by side, for an instruction that multiplies and adds neighbours. The tables of a step (where to
 * load, what to shuffle, weights) are made once and serve the four rows of a group. Vertically, the
 * four rows of a group are the neighbours.
 */
#include "resample/resample_rows.h"

#include "kernels/kernel_level.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_KERNELS 1
#include <immintrin.h>
#endif

#if HAVE_X86_KERNELS
#define AVX2 __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni")))

static int has_avx2(void) {
    return kernel_level() >= LEVEL_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void) {
    return kernel_level() >= LEVEL_AVX512 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

/* ---- AVX2, horizontally ---------------------------------------------------------------------- */

/* Two pixels of the result, one in each half of a vector. Each half loads 16 bytes and weights four
 * pixels of them, which are the first ones unless that would read beyond the row. */
typedef struct {
    int32_t offsets[2];
    int16_t skipped[2]; /* bytes before the four pixels, seldom any */
    int32_t few;        /* true if the last two of them have no weight */
    int16_t weights[2][4];
} StepAvx2;

#define WINDOW_AVX2 16

/* Write the steps of one pixel to half `half` of `steps`, or only count them if it is NULL. Return
 * how many. */
static int fill_avx2(StepAvx2 *steps, const HorizontalPlan *plan, int pixel, int half) {
    const Axis *axis = plan->axis;
    const int channels = plan->channels;
    const Span *span = &axis->spans[pixel];
    int done = 0, n = 0;
    for (; done < span->count; n++) {
        int place = span->first + done < axis->extent - 4 ? span->first + done : axis->extent - 4;
        int last = channels * axis->extent - WINDOW_AVX2, offset = channels * place < last ? channels * place : last;
        if (steps) {
            steps[n].offsets[half] = offset;
            steps[n].skipped[half] = (int16_t)(channels * place - offset);
        }
        for (int k = span->first + done - place; k < 4 && done < span->count; k++, done++)
            if (steps)
                steps[n].weights[half][k] = axis->fixed[span->start + done];
    }
    return n;
}

AVX2 static inline __m256i shuffle_from(const int16_t *skipped, __m256i base) {
    __m128i low = _mm_set1_epi8((char)skipped[0]), high = _mm_set1_epi8((char)skipped[1]);
    return _mm256_add_epi8(base, _mm256_set_m128i(high, low));
}

AVX2 static inline __m256i load_two(const uint8_t *low, const uint8_t *high) {
    __m256i bytes = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low));
    return _mm256_inserti128_si256(bytes, _mm_loadu_si128((const __m128i *)high), 1);
}

/* Where the first two taps of each channel are, for three and for four channels. */
static const int8_t pairs[2][16] = {
    {0, -128, 3, -128, 1, -128, 4, -128, 2, -128, 5, -128, -128, -128, -128, -128},
    {0, -128, 4, -128, 1, -128, 5, -128, 2, -128, 6, -128, 3, -128, 7, -128},
};

AVX2 static void rows_avx2(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    const __m256i first = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)pairs[plan->channels - 3]));
    const __m256i second = _mm256_add_epi8(first, _mm256_set1_epi8((char)(2 * plan->channels)));
    const __m256i weights_first = _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2);
    const __m256i weights_second = _mm256_setr_epi32(1, 1, 1, 1, 3, 3, 3, 3);
    const __m256i dense = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    const __m256i samples =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m256i half = _mm256_set1_epi32(1 << plan->axis->shift >> 1);
    const __m128i shift = _mm_cvtsi32_si128(plan->axis->shift);
    const StepAvx2 *step = plan->steps;
    const uint8_t *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
    uint8_t *out = group;
    for (int i = 0; i < plan->chunks; i++, out += 8 * plan->channels) {
        __m256i sum0 = half, sum1 = half, sum2 = half, sum3 = half;
        for (int n = plan->counts[i]; n > 0; n--, step++) {
            __m256i weights = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)step->weights));
            __m256i w = _mm256_permutevar8x32_epi32(weights, weights_first), places = first;
            ptrdiff_t a = step->offsets[0], b = step->offsets[1];
            int skipped = step->skipped[0] | step->skipped[1];
            __m256i bytes0 = load_two(row0 + a, row0 + b), bytes1 = load_two(row1 + a, row1 + b);
            __m256i bytes2 = load_two(row2 + a, row2 + b), bytes3 = load_two(row3 + a, row3 + b);
            if (skipped)
                places = shuffle_from(step->skipped, first);
#define ADD(sum, bytes) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(bytes, places), w))
            ADD(sum0, bytes0);
            ADD(sum1, bytes1);
            ADD(sum2, bytes2);
            ADD(sum3, bytes3);
            if (step->few)
                continue;
            places = second;
            if (skipped)
                places = shuffle_from(step->skipped, second);
            w = _mm256_permutevar8x32_epi32(weights, weights_second);
            ADD(sum0, bytes0);
            ADD(sum1, bytes1);
            ADD(sum2, bytes2);
            ADD(sum3, bytes3);
#undef ADD
        }
        __m256i upper = _mm256_packs_epi32(_mm256_sra_epi32(sum0, shift), _mm256_sra_epi32(sum1, shift));
        __m256i lower = _mm256_packs_epi32(_mm256_sra_epi32(sum2, shift), _mm256_sra_epi32(sum3, shift));
        __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(upper, lower), samples);
        if (plan->channels == 3)
            bytes = _mm256_permutevar8x32_epi32(bytes, dense);
        _mm256_storeu_si256((__m256i *)out, bytes);
    }
}

static int plan_avx2(HorizontalPlan *plan) {
    const Axis *axis = plan->axis;
    size_t total = 0;
    plan->pixels = 2;
    plan->chunks = (axis->length + 1) / 2;
    plan->counts = calloc(plan->chunks, sizeof(*plan->counts));
    if (!plan->counts)
        return -1;
    for (int i = 0; i < axis->length; i++) {
        int n = fill_avx2(NULL, plan, i, i % 2);
        if (n > plan->counts[i / 2])
            plan->counts[i / 2] = n;
    }
    for (int i = 0; i < plan->chunks; i++)
        total += plan->counts[i];
    StepAvx2 *step = plan->steps = resample_memory(total, sizeof(*step));
    if (!step)
        return -1;
    for (int i = 0; i < axis->length; i++) {
        fill_avx2(step, plan, i, i % 2);
        if (i % 2)
            step += plan->counts[i / 2];
    }
    step = plan->steps;
    for (size_t i = 0; i < total; i++)
        step[i].few = !(step[i].weights[0][2] | step[i].weights[0][3] | step[i].weights[1][2] | step[i].weights[1][3]);
    plan->kernel = rows_avx2;
    return 1;
}

/* ---- AVX-512, horizontally ------------------------------------------------------------------- */

/* Up to five pixels of the result, or four of four channels: at most 16 sums of four bytes each,
 * all from 64 bytes of a row. Weights of 16 bits are two factors of 8 bits, because the instruction
 * multiplies bytes. */
typedef struct {
    int8_t high[5][4], low[5][4];
    uint8_t places[5]; /* of the first tap among the 64 bytes */
    int8_t zeros[3];
    int32_t offset;
    int32_t padding[3];
} StepAvx512;

#define WINDOW_AVX512 64

/* True if the high byte of all weights, rounded so that the low byte is signed, is below 128. */
static int fits_two_bytes(const Axis *axis) {
    const Span *last = &axis->spans[axis->length - 1];
    for (int i = 0; i < last->start + last->count; i++)
        if (axis->fixed[i] >= (128 << 8) - 128)
            return 0;
    return 1;
}

/* Write the steps of `pixels` pixels from `pixel` on, or only count them if `steps` is NULL. Return
 * how many. */
static int fill_avx512(StepAvx512 *steps, const HorizontalPlan *plan, int pixel, int pixels) {
    const Axis *axis = plan->axis;
    const int channels = plan->channels;
    int done[5] = {0}, n = 0, bytes = channels * axis->extent;
    for (;; n++) {
        int offset = bytes;
        for (int p = 0; p < pixels; p++) {
            const Span *span = &axis->spans[pixel + p];
            if (done[p] < span->count && channels * (span->first + done[p]) < offset)
                offset = channels * (span->first + done[p]);
        }
        if (offset == bytes)
            return n;
        if (offset > bytes - WINDOW_AVX512)
            offset = bytes - WINDOW_AVX512;
        if (steps)
            steps[n].offset = offset;
        for (int p = 0; p < pixels; p++) {
            const Span *span = &axis->spans[pixel + p];
            int place = channels * (span->first + done[p]) - offset;
            if (steps)
                steps[n].places[p] = (uint8_t)(place & 63); /* unused if the tap does not exist */
            for (int k = 0; k < 4 && done[p] < span->count && place + channels <= WINDOW_AVX512;
                 k++, done[p]++, place += channels)
                if (steps) {
                    int weight = axis->fixed[span->start + done[p]];
                    steps[n].high[p][k] = (int8_t)((weight + 128) >> 8);
                    steps[n].low[p][k] = (int8_t)(uint8_t)weight;
                }
        }
    }
}

/* Where the sums of a vector find their weights and their first taps in a step, and the bytes
 * behind the first tap. */
typedef struct {
    uint8_t high[64], low[64], places[64], within[64];
} Spread;

static Spread spreads[2]; /* of three and of four channels */

static void fill_spread(Spread *spread, int channels) {
    for (int i = 0; i < 64; i++) {
        int sum = i / 4, tap = i % 4, pixel = sum / channels;
        spread->high[i] =
            (uint8_t)(pixel < 5 ? offsetof(StepAvx512, high) + pixel * 4 + tap : offsetof(StepAvx512, zeros));
        spread->low[i] =
            (uint8_t)(pixel < 5 ? offsetof(StepAvx512, low) + pixel * 4 + tap : offsetof(StepAvx512, zeros));
        spread->places[i] = (uint8_t)(offsetof(StepAvx512, places) + (pixel < 5 ? pixel : 0));
        spread->within[i] = (uint8_t)(channels * tap + sum % channels);
    }
}

__attribute__((constructor)) static void fill_tables(void) {
    fill_spread(&spreads[0], 3);
    fill_spread(&spreads[1], 4);
}

/* sum + bytes * weights, with four products for each sum. As an intrinsic, GCC 12 copies every sum
 * in the loops below, which takes 10 % longer. */
AVX512 static inline __m512i add_products(__m512i sum, __m512i bytes, __m512i weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(weights));
    return sum;
}

AVX512 static void rows_avx512(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    const Spread *spread = &spreads[plan->channels - 3];
    const __m512i take_high = _mm512_loadu_si512(spread->high), take_low = _mm512_loadu_si512(spread->low);
    const __m512i take_places = _mm512_loadu_si512(spread->places), taps = _mm512_loadu_si512(spread->within);
    const __m512i samples = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i half = _mm512_set1_epi32(1 << plan->axis->shift >> 1), zero = _mm512_setzero_si512();
    const __m128i shift = _mm_cvtsi32_si128(plan->axis->shift);
    const StepAvx512 *step = plan->steps;
    const uint8_t *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
    uint8_t *out = group;
    ptrdiff_t advance = 4 * plan->channels * plan->pixels;
    for (int i = 0; i < plan->chunks; i++, out += advance) {
        __m512i high0 = zero, high1 = zero, high2 = zero, high3 = zero;
        __m512i low0 = half, low1 = half, low2 = half, low3 = half;
        for (int n = plan->counts[i]; n > 0; n--, step++) {
            __m512i entry = _mm512_load_si512(step);
            __asm__("" : "+v"(entry)); /* in a register, otherwise it would be loaded three times */
            __m512i high = _mm512_permutexvar_epi8(take_high, entry), low = _mm512_permutexvar_epi8(take_low, entry);
            __m512i places = _mm512_add_epi8(_mm512_permutexvar_epi8(take_places, entry), taps);
            ptrdiff_t at = step->offset;
#define ADD(h, l, row)                                                                                                 \
    do {                                                                                                               \
        __m512i bytes = _mm512_permutexvar_epi8(places, _mm512_loadu_si512(row + at));                                 \
        h = add_products(h, bytes, high);                                                                              \
        l = add_products(l, bytes, low);                                                                               \
    } while (0)
            ADD(high0, low0, row0);
            ADD(high1, low1, row1);
            ADD(high2, low2, row2);
            ADD(high3, low3, row3);
#undef ADD
        }
#define JOIN(h, l) _mm512_sra_epi32(_mm512_add_epi32(_mm512_slli_epi32(h, 8), l), shift)
        __m512i upper = _mm512_packs_epi32(JOIN(high0, low0), JOIN(high1, low1));
        __m512i lower = _mm512_packs_epi32(JOIN(high2, low2), JOIN(high3, low3));
#undef JOIN
        _mm512_storeu_si512(out, _mm512_shuffle_epi8(_mm512_packus_epi16(upper, lower), samples));
    }
}

/* Choose the number of pixels of a chunk: five, or four of four channels, fill the vector, but with
 * wide filters the same loads serve fewer pixels. */
static int plan_avx512(HorizontalPlan *plan) {
    const Axis *axis = plan->axis;
    int least = 0, total = 0;
    for (int pixels = 16 / plan->channels; pixels > 0; pixels--) {
        int cost = 0, steps = 0;
        for (int i = 0; i < axis->length; i += pixels) {
            int n = fill_avx512(NULL, plan, i, axis->length - i < pixels ? axis->length - i : pixels);
            steps += n;
            cost += n + 1;
        }
        if (!least || cost < least) {
            least = cost;
            total = steps;
            plan->pixels = pixels;
        }
    }
    plan->chunks = (axis->length + plan->pixels - 1) / plan->pixels;
    plan->counts = calloc(plan->chunks, sizeof(*plan->counts));
    StepAvx512 *step = plan->steps = resample_memory(total, sizeof(*step));
    if (!plan->counts || !step)
        return -1;
    for (int i = 0; i < plan->chunks; i++) {
        int pixel = i * plan->pixels, left = axis->length - pixel;
        plan->counts[i] = fill_avx512(step, plan, pixel, left < plan->pixels ? left : plan->pixels);
        step += plan->counts[i];
    }
    plan->kernel = rows_avx512;
    return 1;
}

/* ---- vertically ------------------------------------------------------------------------------ */

AVX2 static void columns_avx2(uint8_t *out, int samples, const uint8_t *const *groups, const GroupWeights *weights,
                              int count, int shift) {
    const __m256i half = _mm256_set1_epi32(1 << shift >> 1), low = _mm256_set1_epi16(255);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m128i places = _mm_cvtsi32_si128(shift);
    for (int i = 0; i < samples; i += 32) {
        __m256i sum0 = half, sum1 = half, sum2 = half, sum3 = half;
        for (int g = 0; g < count; g++) {
            const __m256i *in = (const __m256i *)(groups[g] + 4 * (ptrdiff_t)i);
            __m256i even = _mm256_set1_epi32(weights[g].even), odd = _mm256_set1_epi32(weights[g].odd);
#define ADD(sum, k)                                                                                                    \
    do {                                                                                                               \
        __m256i bytes = _mm256_loadu_si256(in + k);                                                                    \
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(bytes, low), even));                            \
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(bytes, 8), odd));                              \
    } while (0)
            ADD(sum0, 0);
            ADD(sum1, 1);
            ADD(sum2, 2);
            ADD(sum3, 3);
#undef ADD
        }
        sum0 = _mm256_packs_epi32(_mm256_sra_epi32(sum0, places), _mm256_sra_epi32(sum1, places));
        sum2 = _mm256_packs_epi32(_mm256_sra_epi32(sum2, places), _mm256_sra_epi32(sum3, places));
        sum0 = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(sum0, sum2), order);
        if (samples - i >= 32) {
            _mm256_storeu_si256((__m256i *)(out + i), sum0);
        } else {
            uint8_t rest[32];
            _mm256_storeu_si256((__m256i *)rest, sum0);
            memcpy(out + i, rest, samples - i);
        }
    }
}

AVX512 static void columns_avx512(uint8_t *out, int samples, const uint8_t *const *groups, const GroupWeights *weights,
                                  int count, int shift) {
    const __m512i half = _mm512_set1_epi32(1 << shift >> 1), zero = _mm512_setzero_si512();
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m128i places = _mm_cvtsi32_si128(shift);
    for (int i = 0; i < samples; i += 64) {
        __m512i high0 = zero, high1 = zero, high2 = zero, high3 = zero;
        __m512i low0 = half, low1 = half, low2 = half, low3 = half;
        for (int g = 0; g < count; g++) {
            const uint8_t *in = groups[g] + 4 * (ptrdiff_t)i;
            __m512i high = _mm512_set1_epi32(weights[g].high), low = _mm512_set1_epi32(weights[g].low);
#define ADD(h, l, k)                                                                                                   \
    do {                                                                                                               \
        __m512i bytes = _mm512_load_si512(in + 64 * k);                                                                \
        h = add_products(h, bytes, high);                                                                              \
        l = add_products(l, bytes, low);                                                                               \
    } while (0)
            ADD(high0, low0, 0);
            ADD(high1, low1, 1);
            ADD(high2, low2, 2);
            ADD(high3, low3, 3);
#undef ADD
        }
#define JOIN(h, l) _mm512_sra_epi32(_mm512_add_epi32(_mm512_slli_epi32(h, 8), l), places)
        __m512i upper = _mm512_packs_epi32(JOIN(high0, low0), JOIN(high1, low1));
        __m512i lower = _mm512_packs_epi32(JOIN(high2, low2), JOIN(high3, low3));
#undef JOIN
        __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(upper, lower));
        int left = samples - i;
        _mm512_mask_storeu_epi8(out + i, left >= 64 ? ~0ull : (1ull << left) - 1, bytes);
    }
}

/* ---- floats ---------------------------------------------------------------------------------- */

/* Two taps in one vector: r g b r g b, and two floats that are ignored. */
AVX2 static void float_rows_avx2(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 1, 1),
                  second = _mm256_setr_epi32(3, 4, 5, 6, 7, 7, 7, 7);
    const Axis *axis = plan->axis;
    const float *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
    float *out = group;
    ptrdiff_t pitch = plan->pitch;
    for (int i = 0; i < axis->length; i++, out += 3) {
        const Span *span = &axis->spans[i];
        const float *weights = axis->floats + span->start;
        ptrdiff_t at = 3 * (ptrdiff_t)span->first;
        /* Near the end of the row, vectors would read beyond it. */
        if (span->first + (span->count + 1) / 2 * 2 >= axis->extent) {
            for (int r = 0; r < RESAMPLE_ROWS; r++)
                resample_float_pixel(out + r * pitch, rows[r], span, axis->floats, 3);
            continue;
        }
        __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (int k = 0; k < span->count; k += 2, at += 6) {
            __m256 two = _mm256_castpd_ps(_mm256_broadcast_sd((const double *)(const void *)(weights + k)));
            two = _mm256_permutevar8x32_ps(two, spread);
            sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(row0 + at), two, sum0);
            sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(row1 + at), two, sum1);
            sum2 = _mm256_fmadd_ps(_mm256_loadu_ps(row2 + at), two, sum2);
            sum3 = _mm256_fmadd_ps(_mm256_loadu_ps(row3 + at), two, sum3);
        }
#define STORE(sum, r)                                                                                                  \
    _mm_storeu_ps(out + r * pitch, _mm256_castps256_ps128(_mm256_add_ps(sum, _mm256_permutevar8x32_ps(sum, second))))
        STORE(sum0, 0);
        STORE(sum1, 1);
        STORE(sum2, 2);
        STORE(sum3, 3);
#undef STORE
    }
}

/* The same for pixels of four channels, which fill the vector. */
AVX2 static void float_fours_avx2(void *group, const void *const rows[RESAMPLE_ROWS], const HorizontalPlan *plan) {
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    const Axis *axis = plan->axis;
    float *out = group;
    for (int i = 0; i < axis->length; i++, out += 4) {
        const Span *span = &axis->spans[i];
        for (int r = 0; r < RESAMPLE_ROWS; r++) {
            const float *row = rows[r], *weights = axis->floats + span->start;
            ptrdiff_t at = 4 * (ptrdiff_t)span->first;
            if (span->first + (span->count + 1) / 2 * 2 > axis->extent) {
                resample_float_pixel(out + r * plan->pitch, row, span, axis->floats, 4);
                continue;
            }
            __m256 sum = _mm256_setzero_ps();
            for (int k = 0; k < span->count; k += 2, at += 8) {
                __m256 two = _mm256_castpd_ps(_mm256_broadcast_sd((const double *)(const void *)(weights + k)));
                sum = _mm256_fmadd_ps(_mm256_loadu_ps(row + at), _mm256_permutevar8x32_ps(two, spread), sum);
            }
            _mm_storeu_ps(out + r * plan->pitch,
                          _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
        }
    }
}

AVX2 static void float_columns_avx2(float *out, int samples, const float *const *rows, const float *weights,
                                    int count) {
    for (int i = 0; i < samples; i += 32) {
        __m256 sum[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
        for (int r = 0; r < count; r++) {
            __m256 weight = _mm256_broadcast_ss(weights + r);
            for (int k = 0; k < 4; k++)
                sum[k] = _mm256_fmadd_ps(_mm256_loadu_ps(rows[r] + i + 8 * k), weight, sum[k]);
        }
        float rest[32], *to = samples - i >= 32 ? out + i : rest;
        for (int k = 0; k < 4; k++)
            _mm256_storeu_ps(to + 8 * k, sum[k]);
        if (to == rest)
            memcpy(out + i, rest, (samples - i) * sizeof(*rest));
    }
}
#endif

/* ---- choosing -------------------------------------------------------------------------------- */

int plan_vector_rows(HorizontalPlan *plan) {
#if HAVE_X86_KERNELS
    int bytes = plan->channels * plan->axis->extent;
    if (bytes >= WINDOW_AVX512 && has_avx512() && fits_two_bytes(plan->axis))
        return plan_avx512(plan);
    if (bytes >= WINDOW_AVX2 && has_avx2())
        return plan_avx2(plan);
#else
    (void)plan;
#endif
    return 0;
}

VerticalKernel *find_vector_columns(const Axis *axis) {
#if HAVE_X86_KERNELS
    if (has_avx512() && fits_two_bytes(axis))
        return columns_avx512;
    if (has_avx2())
        return columns_avx2;
#else
    (void)axis;
#endif
    return NULL;
}

HorizontalKernel *find_float_rows(int channels) {
#if HAVE_X86_KERNELS
    if (has_avx2())
        return channels == 4 ? float_fours_avx2 : float_rows_avx2;
#else
    (void)channels;
#endif
    return NULL;
}

VerticalFloatKernel *find_float_columns(void) {
#if HAVE_X86_KERNELS
    if (has_avx2())
        return float_columns_avx2;
#endif
    return NULL;
}
