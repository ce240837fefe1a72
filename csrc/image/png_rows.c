#include "image/png_rows.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const int channels_of[7] = {1, 0, 3, 1, 2, 0, 4};

size_t png_row_bytes(const PngSamples *samples, int width) {
    return ((size_t)width * samples->bits * channels_of[samples->colour_type] + 7) / 8;
}

/* ---- filters --------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

INLINE void sub(uint8_t *row, size_t size, int step) {
    for (size_t i = step; i < size; i++)
        row[i] = (uint8_t)(row[i] + row[i - step]);
}

static void up(uint8_t *restrict row, const uint8_t *restrict above, size_t size) {
    for (size_t i = 0; i < size; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
}

INLINE void average(uint8_t *row, const uint8_t *above, size_t size, int step) {
    for (size_t i = 0; i < (size_t)step && i < size; i++)
        row[i] = (uint8_t)(row[i] + above[i] / 2);
    for (size_t i = step; i < size; i++)
        row[i] = (uint8_t)(row[i] + (row[i - step] + above[i]) / 2);
}

INLINE void paeth(uint8_t *row, const uint8_t *above, size_t size, int step) {
    for (size_t i = 0; i < (size_t)step && i < size; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
    for (size_t i = step; i < size; i++) {
        int left = row[i - step], over = above[i], corner = above[i - step];
        int to_left = abs(over - corner), to_over = abs(left - corner), to_corner = abs(left + over - 2 * corner);
        int best = to_over < to_left ? over : left;
        int least = to_over < to_left ? to_over : to_left;
        row[i] = (uint8_t)(row[i] + (to_corner < least ? corner : best));
    }
}

#ifdef __SSE2__

/* A pixel of 3 or 4 bytes at a time. With 3 bytes, the next one is loaded, which is ignored. */
INLINE __m128i load_pixel(const uint8_t *at) {
    int32_t value;
    memcpy(&value, at, sizeof(value));
    return _mm_cvtsi32_si128(value);
}

INLINE void store_pixel(uint8_t *at, __m128i pixel, int step) {
    int32_t value = _mm_cvtsi128_si32(pixel);
    if (step == 4) {
        memcpy(at, &value, 4);
    } else {
        memcpy(at, &value, 2);
        at[2] = (uint8_t)(value >> 16);
    }
}

INLINE void sub_pixels(uint8_t *row, size_t size, int step) {
    __m128i left = _mm_setzero_si128();
    for (size_t i = 0; i + step <= size; i += step) {
        left = _mm_add_epi8(left, load_pixel(row + i));
        store_pixel(row + i, left, step);
    }
}

INLINE void average_pixels(uint8_t *row, const uint8_t *above, size_t size, int step) {
    const __m128i ones = _mm_set1_epi8(1);
    __m128i left = _mm_setzero_si128();
    for (size_t i = 0; i + step <= size; i += step) {
        __m128i over = load_pixel(above + i);
        /* _mm_avg_epu8 rounds up, the filter down */
        __m128i odd = _mm_and_si128(_mm_xor_si128(left, over), ones);
        __m128i mean = _mm_sub_epi8(_mm_avg_epu8(left, over), odd);
        left = _mm_add_epi8(load_pixel(row + i), mean);
        store_pixel(row + i, left, step);
    }
}

INLINE __m128i absolute(__m128i value) {
    return _mm_max_epi16(value, _mm_sub_epi16(_mm_setzero_si128(), value));
}

INLINE __m128i choose(__m128i mask, __m128i yes, __m128i no) {
    return _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no));
}

INLINE void paeth_pixels(uint8_t *row, const uint8_t *above, size_t size, int step) {
    const __m128i zero = _mm_setzero_si128();
    __m128i left = zero, corner = zero;
    for (size_t i = 0; i + step <= size; i += step) {
        __m128i over = _mm_unpacklo_epi8(load_pixel(above + i), zero);
        __m128i to_left = _mm_sub_epi16(over, corner), to_over = _mm_sub_epi16(left, corner);
        __m128i to_corner = absolute(_mm_add_epi16(to_left, to_over));
        to_left = absolute(to_left);
        to_over = absolute(to_over);
        __m128i least = _mm_min_epi16(to_corner, _mm_min_epi16(to_left, to_over));
        __m128i nearest =
            choose(_mm_cmpeq_epi16(least, to_left), left, choose(_mm_cmpeq_epi16(least, to_over), over, corner));
        __m128i value = _mm_add_epi8(_mm_unpacklo_epi8(load_pixel(row + i), zero), nearest);
        corner = over;
        left = _mm_and_si128(value, _mm_set1_epi16(255));
        store_pixel(row + i, _mm_packus_epi16(left, left), step);
    }
}

#else
#define sub_pixels sub
#define average_pixels average
#define paeth_pixels paeth
#endif

#define FOR_STEP(plain, vector, ...)                                                                                   \
    switch (step) {                                                                                                    \
    case 1: plain(__VA_ARGS__, 1); break;                                                                              \
    case 2: plain(__VA_ARGS__, 2); break;                                                                              \
    case 3: vector(__VA_ARGS__, 3); break;                                                                             \
    case 4: vector(__VA_ARGS__, 4); break;                                                                             \
    case 6: plain(__VA_ARGS__, 6); break;                                                                              \
    case 8: plain(__VA_ARGS__, 8); break;                                                                              \
    }

int png_unfilter(int filter, uint8_t *row, const uint8_t *above, size_t size, int step) {
    enum { NONE, SUB, UP, AVERAGE, PAETH };
    switch (filter) {
    case NONE: return 1;
    case SUB: FOR_STEP(sub, sub_pixels, row, size); return 1;
    case UP:
        if (above)
            up(row, above, size);
        return 1;
    case AVERAGE:
        if (above) {
            FOR_STEP(average, average_pixels, row, above, size);
        } else {
            for (size_t i = step; i < size; i++)
                row[i] = (uint8_t)(row[i] + row[i - step] / 2);
        }
        return 1;
    case PAETH:
        if (above) {
            FOR_STEP(paeth, paeth_pixels, row, above, size);
        } else {
            FOR_STEP(sub, sub_pixels, row, size);
        }
        return 1;
    }
    return 0;
}

/* ---- samples --------------------------------------------------------------------------------- */

PixelFormat png_expanded_format(const PngSamples *samples) {
    int depth = samples->bits == 16 ? 16 : 8;
    if (samples->colour_type == PNG_PALETTE)
        return (PixelFormat){samples->is_clear ? 4 : 3, 8};
    return (PixelFormat){channels_of[samples->colour_type] + (samples->has_key != 0), depth};
}

int png_is_plain(const PngSamples *samples) {
    return samples->colour_type != PNG_PALETTE && !samples->has_key && samples->bits == 8;
}

static inline unsigned sample_at(const uint8_t *row, size_t i, int bits) {
    if (bits == 8)
        return row[i];
    if (bits == 16)
        return (unsigned)row[2 * i] << 8 | row[2 * i + 1];
    size_t bit = i * bits;
    return row[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
}

static void expand_palette(uint8_t *out, const uint8_t *row, const PngSamples *samples, int width) {
    int channels = samples->is_clear ? 4 : 3;
    for (int x = 0; x < width; x++, out += channels)
        memcpy(out, samples->palette[sample_at(row, x, samples->bits)], channels);
}

void png_expand(uint8_t *out, const uint8_t *row, const PngSamples *samples, int width) {
    if (samples->colour_type == PNG_PALETTE) {
        expand_palette(out, row, samples, width);
        return;
    }
    int channels = channels_of[samples->colour_type], bits = samples->bits, with_key = samples->has_key != 0;
    int scale = bits < 8 ? 255 / ((1 << bits) - 1) : 1, most = bits == 16 ? 65535 : 255;
    uint16_t *words = (uint16_t *)out;
    for (int x = 0; x < width; x++) {
        int is_key = with_key;
        for (int c = 0; c < channels; c++) {
            unsigned value = sample_at(row, (size_t)x * channels + c, bits);
            if (with_key)
                is_key &= value == samples->key[c];
            if (bits == 16)
                *words++ = (uint16_t)value;
            else
                *out++ = (uint8_t)(value * scale);
        }
        if (!with_key)
            continue;
        if (bits == 16)
            *words++ = (uint16_t)(is_key ? 0 : most);
        else
            *out++ = (uint8_t)(is_key ? 0 : most);
    }
}
