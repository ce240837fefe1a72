/* A cache of hardware decoders: creating one takes 50 to 70 ms, as long as decoding seconds of
 * video.
 *
 * The key of a waiting decoder is the format that it was created with, not the one that it decoded
 * last, because only the former decides what it can be reconfigured to.
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
    NvFormat created;  /* its width and height are the largest that it can be reconfigured to */
    int width, height; /* coded, as it is configured now */
    CUevent used;      /* recorded behind the last work on one of its surfaces */
    CUstream stream;   /* the stream of that work */
    int has_work;      /* true if there was such work */
    size_t bytes;      /* estimated device memory */
    struct NvDecoder *next;
} NvDecoder;

typedef struct {
    int64_t created, destroyed, reconfigured, hits; /* since the process began */
    int64_t idle, idle_bytes;                       /* now */
} NvCacheStats;

/* True if two formats only differ in size and number of surfaces. */
int nv_same_kind(const NvFormat *a, const NvFormat *b);

/* Return a waiting decoder, reconfigured if necessary, or else a new one. Waiting decoders are
 * destroyed if memory is short. The caller is a sequence callback, and the context must be current.
 * Return NULL with the reason in `error`; `refused` is then true if the hardware does not support
 * the format. */
NvDecoder *nvcache_take(const NvFormat *format, int *refused, char error[NV_ERROR_BYTES]);

/* Put a decoder back into the cache, or destroy it if it is not `healthy`. The context must be
 * current. */
void nvcache_give(NvDecoder *decoder, int healthy);

/* Set or return how many decoders, and how many bytes of device memory, may wait. */
void nvcache_set_limits(int64_t count, int64_t bytes);
void nvcache_limits(int64_t *count, int64_t *bytes);
void nvcache_stats(NvCacheStats *stats);

#endif
