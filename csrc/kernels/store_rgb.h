/* A store of packed RGB pixels for the kernels of AVX2. */
#ifndef CYCODEC_STORE_RGB_H
#define CYCODEC_STORE_RGB_H

#include <immintrin.h>
#include <stdint.h>

#include "kernels/rgb_layout.h"

/* Store sixteen RGB pixels from three registers of sixteen bytes. Each output register is the OR of
 * three shuffles. */
__attribute__((target("avx2"))) static inline void store_rgb16(uint8_t *rgb, __m128i r, __m128i g, __m128i b) {
    const __m128i r0 = _mm_setr_epi8(0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5);
    const __m128i g0 = _mm_setr_epi8(-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1);
    const __m128i b0 = _mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1);
    const __m128i r1 = _mm_setr_epi8(-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1);
    const __m128i g1 = _mm_setr_epi8(5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10);
    const __m128i b1 = _mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1);
    const __m128i r2 = _mm_setr_epi8(-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1);
    const __m128i g2 = _mm_setr_epi8(-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1);
    const __m128i b2 = _mm_setr_epi8(10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15);
#define MIX(n)                                                                                                         \
    _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(r, r##n), _mm_shuffle_epi8(g, g##n)), _mm_shuffle_epi8(b, b##n))
    _mm_storeu_si128((__m128i *)rgb, MIX(0));
    _mm_storeu_si128((__m128i *)(rgb + 16), MIX(1));
    _mm_storeu_si128((__m128i *)(rgb + 32), MIX(2));
#undef MIX
}

/* The same with alpha 255. */
__attribute__((target("avx2"))) static inline void store_rgba16(uint8_t *rgba, __m128i r, __m128i g, __m128i b) {
    const __m128i a = _mm_set1_epi8(-1);
    __m128i rg = _mm_unpacklo_epi8(r, g), ba = _mm_unpacklo_epi8(b, a);
    _mm_storeu_si128((__m128i *)rgba, _mm_unpacklo_epi16(rg, ba));
    _mm_storeu_si128((__m128i *)(rgba + 16), _mm_unpackhi_epi16(rg, ba));
    rg = _mm_unpackhi_epi8(r, g);
    ba = _mm_unpackhi_epi8(b, a);
    _mm_storeu_si128((__m128i *)(rgba + 32), _mm_unpacklo_epi16(rg, ba));
    _mm_storeu_si128((__m128i *)(rgba + 48), _mm_unpackhi_epi16(rg, ba));
}

/* Store 32 pixels from column x of a row on. */
__attribute__((target("avx2"))) static inline void store_pixels32(uint8_t *rgb, RgbLayout layout, int x, __m256i r,
                                                                  __m256i g, __m256i b) {
    const __m128i low[3] = {_mm256_castsi256_si128(r), _mm256_castsi256_si128(g), _mm256_castsi256_si128(b)};
    const __m128i high[3] = {_mm256_extracti128_si256(r, 1), _mm256_extracti128_si256(g, 1),
                             _mm256_extracti128_si256(b, 1)};
    if (layout.plane_stride) {
        _mm256_storeu_si256((__m256i *)(rgb + x), r);
        _mm256_storeu_si256((__m256i *)(rgb + layout.plane_stride + x), g);
        _mm256_storeu_si256((__m256i *)(rgb + 2 * layout.plane_stride + x), b);
    } else if (layout.is_opaque) {
        store_rgba16(rgb + 4 * x, low[0], low[1], low[2]);
        store_rgba16(rgb + 4 * x + 64, high[0], high[1], high[2]);
    } else {
        store_rgb16(rgb + 3 * x, low[0], low[1], low[2]);
        store_rgb16(rgb + 3 * x + 48, high[0], high[1], high[2]);
    }
}

#endif
