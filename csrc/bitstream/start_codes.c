#include "bitstream/start_codes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86_SEARCH 1
#include <immintrin.h>
#endif

/* Bytes that the plain search compares at a time; compilers use vector instructions for them. */
#define BLOCK 64

/* Returns 1 if two zeros, as in a start code, begin in the next BLOCK bytes. BLOCK + 1 bytes must
 * exist. */
static int has_zeros(const uint8_t *data) {
    uint8_t found = 0;
    for (int i = 0; i < BLOCK; i++) {
        found |= (data[i] | data[i + 1]) == 0;
    }
    return found;
}

int start_codes_next_plain(const uint8_t *data, int position, int size) {
    while (position + 2 < size) {
        int end = size - 2;
        if (size - position >= BLOCK + 2) {
            if (!has_zeros(data + position)) {
                position += BLOCK;
                continue;
            }
            end = position + BLOCK;
        }
        for (; position < end; position++) {
            if (data[position] == 0 && data[position + 1] == 0 && data[position + 2] == 1) {
                return position + 3;
            }
        }
    }
    return size;
}

#if HAVE_X86_SEARCH

/* Returns zeros where two zeros begin. */
__attribute__((target("avx2"))) static inline __m256i pairs_at(const uint8_t *data) {
    const __m256i here = _mm256_loadu_si256((const __m256i *)data);
    const __m256i next = _mm256_loadu_si256((const __m256i *)(data + 1));
    return _mm256_or_si256(here, next);
}

/* Returns a bit for each place in 32 bytes where a start code begins. */
__attribute__((target("avx2"))) static inline unsigned codes_at(const uint8_t *data) {
    const __m256i third = _mm256_loadu_si256((const __m256i *)(data + 2));
    const __m256i zeros = _mm256_cmpeq_epi8(pairs_at(data), _mm256_setzero_si256());
    return (unsigned)_mm256_movemask_epi8(_mm256_and_si256(zeros, _mm256_cmpeq_epi8(third, _mm256_set1_epi8(1))));
}

__attribute__((target("avx2"))) static int next_avx2(const uint8_t *data, int position, int size) {
    for (; size - position >= 130; position += 128) {
        const __m256i first = _mm256_min_epu8(pairs_at(data + position), pairs_at(data + position + 32));
        const __m256i second = _mm256_min_epu8(pairs_at(data + position + 64), pairs_at(data + position + 96));
        const __m256i zeros = _mm256_cmpeq_epi8(_mm256_min_epu8(first, second), _mm256_setzero_si256());
        if (_mm256_testz_si256(zeros, zeros)) {
            continue;
        }
        for (int i = 0; i < 128; i += 32) {
            const unsigned found = codes_at(data + position + i);
            if (found) {
                return position + i + __builtin_ctz(found) + 3;
            }
        }
    }
    return start_codes_next_plain(data, position, size);
}

#endif

int start_codes_next(const uint8_t *data, int position, int size) {
#if HAVE_X86_SEARCH
    if (__builtin_cpu_supports("avx2")) {
        return next_avx2(data, position, size);
    }
#endif
    return start_codes_next_plain(data, position, size);
}
