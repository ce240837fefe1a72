/* A store of packed RGB pixels for the kernels of AVX2. */
#ifndef CYCODEC_STORE_RGB_H
#define CYCODEC_STORE_RGB_H

#include <immintrin.h>
#include <stdint.h>

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

#endif
