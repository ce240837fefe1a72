/* PCM of every WAV width to planar float32, with the scaling that libswresample uses. */
#ifndef CYCODEC_PCM_H
#define CYCODEC_PCM_H

#include <stddef.h>
#include <stdint.h>

enum PcmKind { PCM_U8, PCM_S16, PCM_S24, PCM_S32, PCM_F32, PCM_F64 };

/* `frames` frames of `channels` interleaved little-endian samples; channel c goes to out + c * stride. */
void pcm_to_float(enum PcmKind kind, const uint8_t *in, int channels, ptrdiff_t frames, float *out, ptrdiff_t stride);

#endif
