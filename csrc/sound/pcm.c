#include "sound/pcm.h"

#include <string.h>

/* GCC vectorises loops of unknown length only with -O3, and this file is all loops. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

static inline uint32_t read32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline float from_u8(const uint8_t *p) {
    return (float)(*p - 128) * (1.0f / 128);
}

static inline float from_s16(const uint8_t *p) {
    return (float)(int16_t)(uint16_t)(p[0] | p[1] << 8) * (1.0f / 32768);
}

static inline float from_s24(const uint8_t *p) {
    return (float)(int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) * (1.0f / 2147483648.0f);
}

static inline float from_s32(const uint8_t *p) {
    return (float)(int32_t)read32(p) * (1.0f / 2147483648.0f);
}

static inline float from_f32(const uint8_t *p) {
    uint32_t bits = read32(p);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline float from_f64(const uint8_t *p) {
    uint64_t bits = (uint64_t)read32(p) | (uint64_t)read32(p + 4) << 32;
    double value;
    memcpy(&value, &bits, sizeof(value));
    return (float)value;
}

/* Loops for one and two channels have constant steps, so that compilers turn them into vector
 * code. */
#define CONVERT(from, width)                                                                                           \
    do {                                                                                                               \
        ptrdiff_t i;                                                                                                   \
        int c;                                                                                                         \
        if (channels == 1) {                                                                                           \
            for (i = 0; i < frames; i++)                                                                               \
                out[i] = from(in + i * (width));                                                                       \
        } else if (channels == 2) {                                                                                    \
            float *second = out + stride;                                                                              \
            for (i = 0; i < frames; i++) {                                                                             \
                out[i] = from(in + i * 2 * (width));                                                                   \
                second[i] = from(in + i * 2 * (width) + (width));                                                      \
            }                                                                                                          \
        } else {                                                                                                       \
            for (c = 0; c < channels; c++)                                                                             \
                for (i = 0; i < frames; i++)                                                                           \
                    out[c * stride + i] = from(in + (i * channels + c) * (width));                                     \
        }                                                                                                              \
    } while (0)

void pcm_to_float(enum PcmKind kind, const uint8_t *restrict in, int channels, ptrdiff_t frames, float *restrict out,
                  ptrdiff_t stride) {
    switch (kind) {
    case PCM_U8: CONVERT(from_u8, 1); break;
    case PCM_S16: CONVERT(from_s16, 2); break;
    case PCM_S24: CONVERT(from_s24, 3); break;
    case PCM_S32: CONVERT(from_s32, 4); break;
    case PCM_F32: CONVERT(from_f32, 4); break;
    case PCM_F64: CONVERT(from_f64, 8); break;
    }
}
