/* A row may begin inside a group of samples, so the bytes after its last sample are not its own.
 * Vector loops that read whole groups therefore leave at least one sample to the plain loop. */
#include "kernels/unpack_rows.h"

#include <string.h>

#include "kernels/kernel_level.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SSE2 1
#include <emmintrin.h>
#elif defined(__aarch64__)
#define HAVE_NEON 1
#include <arm_neon.h>
#endif

uint16_t or_words(const uint16_t *row, int count) {
    uint64_t all[4] = {0}, four[4];
    uint16_t rest = 0;
    int x = 0;
    for (; x + 16 <= count; x += 16) {
        memcpy(four, row + x, sizeof(four));
        for (int i = 0; i < 4; i++)
            all[i] |= four[i];
    }
    for (; x < count; x++)
        rest |= row[x];
    all[0] |= all[1] | all[2] | all[3];
    all[0] |= all[0] >> 32;
    return (uint16_t)(all[0] | all[0] >> 16 | rest);
}

#if HAVE_SSE2
static inline __m128i load(const void *at) {
    return _mm_loadu_si128((const __m128i *)at);
}

static inline void store(void *at, __m128i value) {
    _mm_storeu_si128((__m128i *)at, value);
}

/* Return the first byte of each pair in 16 words, whose upper halves are 0. */
static inline __m128i first_of_pairs(const uint8_t *in) {
    return _mm_and_si128(load(in), _mm_set1_epi16(255));
}

static inline __m128i first_of_fours(const uint8_t *in) {
    const __m128i low = _mm_set1_epi32(255);
    return _mm_packs_epi32(_mm_and_si128(load(in), low), _mm_and_si128(load(in + 16), low));
}

static int take_bytes_fast(uint8_t *out, const uint8_t *in, int step, int count) {
    int x = 0;
    if (step == 2)
        for (; x + 17 <= count; x += 16)
            store(out + x, _mm_packus_epi16(first_of_pairs(in + 2 * x), first_of_pairs(in + 2 * x + 16)));
    if (step == 4)
        for (; x + 17 <= count; x += 16)
            store(out + x, _mm_packus_epi16(first_of_fours(in + 4 * x), first_of_fours(in + 4 * x + 32)));
    return x;
}

static int widen_bytes_fast(uint16_t *out, const uint8_t *in, int step, int count) {
    int x = 0;
    if (step == 1)
        for (; x + 16 <= count; x += 16) {
            store(out + x, _mm_unpacklo_epi8(load(in + x), _mm_setzero_si128()));
            store(out + x + 8, _mm_unpackhi_epi8(load(in + x), _mm_setzero_si128()));
        }
    if (step == 2)
        for (; x + 9 <= count; x += 8)
            store(out + x, first_of_pairs(in + 2 * x));
    if (step == 4)
        for (; x + 9 <= count; x += 8)
            store(out + x, first_of_fours(in + 4 * x));
    return x;
}

/* Return the first words of four pairs, sorted into the lower half. */
static inline __m128i first_words(const uint16_t *in) {
    __m128i sorted = _mm_shufflehi_epi16(_mm_shufflelo_epi16(load(in), 0xD8), 0xD8);
    return _mm_shuffle_epi32(sorted, 0xD8);
}

static int take_words_fast(uint16_t *out, const uint16_t *in, int step, int shift, int count) {
    const __m128i down = _mm_cvtsi32_si128(shift);
    int x = 0;
    if (step == 1)
        for (; x + 8 <= count; x += 8)
            store(out + x, _mm_srl_epi16(load(in + x), down));
    if (step == 2)
        for (; x + 9 <= count; x += 8) {
            __m128i words = _mm_unpacklo_epi64(first_words(in + 2 * x), first_words(in + 2 * x + 8));
            store(out + x, _mm_srl_epi16(words, down));
        }
    return x;
}
#elif HAVE_NEON
static int take_bytes_fast(uint8_t *out, const uint8_t *in, int step, int count) {
    int x = 0;
    if (step == 2)
        for (; x + 17 <= count; x += 16)
            vst1q_u8(out + x, vld2q_u8(in + 2 * x).val[0]);
    if (step == 4)
        for (; x + 17 <= count; x += 16)
            vst1q_u8(out + x, vld4q_u8(in + 4 * x).val[0]);
    return x;
}

static int widen_bytes_fast(uint16_t *out, const uint8_t *in, int step, int count) {
    int x = 0;
    if (step == 1)
        for (; x + 8 <= count; x += 8)
            vst1q_u16(out + x, vmovl_u8(vld1_u8(in + x)));
    if (step == 2)
        for (; x + 9 <= count; x += 8)
            vst1q_u16(out + x, vmovl_u8(vld2_u8(in + 2 * x).val[0]));
    if (step == 4)
        for (; x + 9 <= count; x += 8)
            vst1q_u16(out + x, vmovl_u8(vld4_u8(in + 4 * x).val[0]));
    return x;
}

static int take_words_fast(uint16_t *out, const uint16_t *in, int step, int shift, int count) {
    const int16x8_t down = vdupq_n_s16((int16_t)-shift);
    int x = 0;
    if (step == 1)
        for (; x + 8 <= count; x += 8)
            vst1q_u16(out + x, vshlq_u16(vld1q_u16(in + x), down));
    if (step == 2)
        for (; x + 9 <= count; x += 8)
            vst1q_u16(out + x, vshlq_u16(vld2q_u16(in + 2 * x).val[0], down));
    return x;
}
#endif

#if HAVE_SSE2 || HAVE_NEON
#define FAST(call) (kernel_level() > LEVEL_PLAIN ? (call) : 0)
#else
#define FAST(call) 0
#endif

void take_bytes(uint8_t *out, const uint8_t *in, int step, int count) {
    for (int x = FAST(take_bytes_fast(out, in, step, count)); x < count; x++)
        out[x] = in[x * step];
}

void widen_bytes(uint16_t *out, const uint8_t *in, int step, int count) {
    for (int x = FAST(widen_bytes_fast(out, in, step, count)); x < count; x++)
        out[x] = in[x * step];
}

void take_words(uint16_t *out, const uint16_t *in, int step, int shift, int count) {
    for (int x = FAST(take_words_fast(out, in, step, shift, count)); x < count; x++)
        out[x] = in[x * step] >> shift;
}
