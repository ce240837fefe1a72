/* Converts PCM of every width in WAV files to planar float32, with libswresample's scaling. */
#ifndef CYCODEC_PCM_H
#define CYCODEC_PCM_H

#include <stddef.h>
#include <stdint.h>

enum PcmKind { PCM_U8, PCM_S16, PCM_S24, PCM_S32, PCM_F32, PCM_F64 };

/* Converts `frames` frames of `channels` interleaved little-endian samples. Channel c goes to out +
 * c * stride. */
void pcm_to_float(enum PcmKind kind, const uint8_t *in, int channels, ptrdiff_t frames, float *out, ptrdiff_t stride);

#endif
