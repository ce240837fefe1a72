/* Hardware decoders, and those that wait to be used again: creating one takes 50 to 70 ms, as much as decoding seconds.
 *
 * A decoder waits under the format that it was created with, never under the one it decoded last: what it can be
 * reconfigured to depends on its creation alone.
 */
#ifndef CYCODEC_NVCACHE_H
#define CYCODEC_NVCACHE_H

#include "nvidia/nvshim.h"

typedef struct {
    CUcontext context;
    cudaVideoCodec codec;
    cudaVideoChromaFormat chroma;
    int depth;         /* bits a sample */
    int width, height; /* coded */
    int surfaces;
} NvFormat;

typedef struct NvDecoder {
    CUvideodecoder handle;
    NvFormat created;  /* width and height: the largest that it can be reconfigured to */
    int width, height; /* coded, as it is configured now */
    CUevent used;      /* recorded behind the last work on one of its surfaces ... */
    CUstream stream;   /* ... on this stream */
    int has_work;
    size_t bytes; /* of device memory, estimated */
    struct NvDecoder *next;
} NvDecoder;

typedef struct {
    int64_t created, destroyed, reconfigured, hits; /* since the process began */
    int64_t idle, idle_bytes;                       /* now */
} NvCacheStats;

/* Whether two formats differ in nothing but size and number of surfaces. */
int nv_same_kind(const NvFormat *a, const NvFormat *b);

/* The surface format in which a decoder of this format delivers pictures. */
cudaVideoSurfaceFormat nv_surface_format(const NvFormat *format);

/* A decoder that waits, as it is or reconfigured; else a new one, for which waiting ones give way if memory is short.
 * To be called in a sequence callback, with the context current. NULL with the reason in `error`, and in `refused` whether
 * the hardware does not know such a format. */
NvDecoder *nvcache_take(const NvFormat *format, int *refused, char error[NV_ERROR_BYTES]);

/* Back into the cache, or destroyed where it is not `healthy`. The context must be current. */
void nvcache_give(NvDecoder *decoder, int healthy);

/* How many decoders, and how many bytes of theirs, may wait. */
void nvcache_set_limits(int64_t count, int64_t bytes);
void nvcache_limits(int64_t *count, int64_t *bytes);
void nvcache_stats(NvCacheStats *stats);

#endif
