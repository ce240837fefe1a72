#include "kernels/half_row.h"

#include "half.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_F16C 1

__attribute__((target("avx,f16c"))) static int round_by_f16c(uint16_t *out, const float *in, int count) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    return i;
}
#endif

void half_row(uint16_t *out, const float *in, int count) {
    int i = 0;
#if HAVE_F16C
    if (__builtin_cpu_supports("f16c"))
        i = round_by_f16c(out, in, count);
#endif
    for (; i < count; i++)
        out[i] = to_half(in[i]);
}
