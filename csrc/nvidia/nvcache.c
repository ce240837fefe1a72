#include "nvidia/nvcache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTPUT_SURFACES = 2,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static NvDecoder *idle; /* the newest is first */
static int64_t max_count = 20, max_bytes = (int64_t)2 << 30;
static NvCacheStats stats;

/* Return the surface format of the pictures of a decoder. */
static cudaVideoSurfaceFormat surface_format(const NvFormat *format) {
    if (format->chroma == cudaVideoChromaFormat_444)
        return format->depth > 8 ? cudaVideoSurfaceFormat_YUV444_16Bit : cudaVideoSurfaceFormat_YUV444;
    return format->depth > 8 ? cudaVideoSurfaceFormat_P016 : cudaVideoSurfaceFormat_NV12;
}

static size_t estimate(const NvFormat *format) {
    size_t samples = (size_t)format->width * (size_t)format->height;
    samples = format->chroma == cudaVideoChromaFormat_444 ? samples * 3 : samples * 3 / 2;
    return samples * (format->depth > 8 ? 2 : 1) * (size_t)(format->surfaces + OUTPUT_SURFACES);
}

static void destroy(NvDecoder *decoder) {
    CUcontext popped;
    nv->cuCtxPushCurrent(decoder->created.context); /* the decoder may belong to another device */
    if (decoder->has_work)
        nv->cuEventSynchronize(decoder->used);
    if (decoder->handle)
        nv->cuvidDestroyDecoder(decoder->handle);
    if (decoder->used)
        nv->cuEventDestroy(decoder->used);
    nv->cuCtxPopCurrent(&popped);
    free(decoder);
}

/* Remove the oldest waiting decoders until no more than this is left, and return them as a list. */
static NvDecoder *evict(int64_t count, int64_t bytes) {
    NvDecoder *gone = NULL;
    while (idle && (stats.idle > count || stats.idle_bytes > bytes)) {
        NvDecoder **last = &idle;
        while ((*last)->next)
            last = &(*last)->next;
        NvDecoder *decoder = *last;
        *last = NULL;
        stats.idle--;
        stats.idle_bytes -= (int64_t)decoder->bytes;
        stats.destroyed++;
        decoder->next = gone;
        gone = decoder;
    }
    return gone;
}

static void destroy_all(NvDecoder *list) {
    while (list) {
        NvDecoder *next = list->next;
        destroy(list);
        list = next;
    }
}

int nv_same_kind(const NvFormat *a, const NvFormat *b) {
    return a->context == b->context && a->codec == b->codec && a->chroma == b->chroma && a->depth == b->depth;
}

/* Remove from the list and return a waiting decoder of this size, or else one that can be
 * reconfigured to it. */
static NvDecoder *find(const NvFormat *format) {
    NvDecoder **best = NULL;
    for (NvDecoder **place = &idle; *place; place = &(*place)->next) {
        const NvDecoder *d = *place;
        if (!nv_same_kind(&d->created, format) || d->created.surfaces < format->surfaces)
            continue;
        if (d->width == format->width && d->height == format->height) {
            best = place;
            break;
        }
        if (d->created.width >= format->width && d->created.height >= format->height &&
            (!best || d->bytes < (*best)->bytes))
            best = place;
    }
    if (!best)
        return NULL;
    NvDecoder *found = *best;
    *best = found->next;
    found->next = NULL;
    stats.idle--;
    stats.idle_bytes -= (int64_t)found->bytes;
    return found;
}

static int reconfigure(NvDecoder *decoder, const NvFormat *format) {
    CUVIDRECONFIGUREDECODERINFO info;
    if (decoder->width == format->width && decoder->height == format->height)
        return 1;
    memset(&info, 0, sizeof(info));
    info.ulWidth = (unsigned)format->width;
    info.ulHeight = (unsigned)format->height;
    info.ulTargetWidth = (unsigned)format->width;
    info.ulTargetHeight = (unsigned)format->height;
    info.ulNumDecodeSurfaces = (unsigned)decoder->created.surfaces;
    info.display_area.right = (short)format->width;
    info.display_area.bottom = (short)format->height;
    if (nv->cuvidReconfigureDecoder(decoder->handle, &info) != CUDA_SUCCESS)
        return 0;
    decoder->width = format->width;
    decoder->height = format->height;
    return 1;
}

static NvDecoder *create(const NvFormat *format, CUresult *code) {
    CUVIDDECODECREATEINFO info;
    NvDecoder *decoder = calloc(1, sizeof(*decoder));
    *code = NV_OUT_OF_MEMORY;
    if (!decoder)
        return NULL;
    decoder->created = *format;
    decoder->width = format->width;
    decoder->height = format->height;
    decoder->bytes = estimate(format);
    memset(&info, 0, sizeof(info));
    info.ulWidth = info.ulMaxWidth = info.ulTargetWidth = (tcu_ulong)format->width;
    info.ulHeight = info.ulMaxHeight = info.ulTargetHeight = (tcu_ulong)format->height;
    info.ulNumDecodeSurfaces = (tcu_ulong)format->surfaces;
    info.ulNumOutputSurfaces = OUTPUT_SURFACES;
    info.CodecType = format->codec;
    info.ChromaFormat = format->chroma;
    info.bitDepthMinus8 = (tcu_ulong)(format->depth - 8);
    info.ulCreationFlags = cudaVideoCreate_PreferCUVID;
    info.OutputFormat = surface_format(format);
    info.DeinterlaceMode = cudaVideoDeinterlaceMode_Weave;
    /* the whole coded picture: the converter crops, so that one decoder serves every display
     * area */
    info.display_area.right = (short)format->width;
    info.display_area.bottom = (short)format->height;
    *code = nv->cuEventCreate(&decoder->used, NV_EVENT_DISABLE_TIMING);
    if (*code == CUDA_SUCCESS)
        *code = nv->cuvidCreateDecoder(&decoder->handle, &info);
    if (*code == CUDA_SUCCESS)
        return decoder;
    decoder->handle = NULL;
    destroy(decoder);
    return NULL;
}

NvDecoder *nvcache_take(const NvFormat *format, int *refused, char error[NV_ERROR_BYTES]) {
    NvDecoder *decoder, *gone = NULL;
    CUresult code;
    pthread_mutex_lock(&lock);
    decoder = find(format);
    pthread_mutex_unlock(&lock);
    if (decoder) {
        int changed = decoder->width != format->width || decoder->height != format->height;
        int good = reconfigure(decoder, format);
        pthread_mutex_lock(&lock);
        stats.hits += good;
        stats.reconfigured += good && changed;
        stats.destroyed += !good;
        pthread_mutex_unlock(&lock);
        if (good)
            return decoder;
        destroy(decoder); /* it would also refuse the next video */
    }
    decoder = create(format, &code);
    if (!decoder && code == NV_OUT_OF_MEMORY) {
        pthread_mutex_lock(&lock);
        gone = evict(0, 0);
        pthread_mutex_unlock(&lock);
        if (gone) {
            destroy_all(gone);
            decoder = create(format, &code);
        }
    }
    if (!decoder) {
        *refused = code == NV_NOT_SUPPORTED;
        nv->describe(error, "cannot create a hardware decoder", code);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    stats.created++;
    pthread_mutex_unlock(&lock);
    return decoder;
}

void nvcache_give(NvDecoder *decoder, int healthy) {
    NvDecoder *gone;
    pthread_mutex_lock(&lock);
    if (healthy) {
        decoder->next = idle;
        idle = decoder;
        stats.idle++;
        stats.idle_bytes += (int64_t)decoder->bytes;
        gone = evict(max_count, max_bytes);
    } else {
        stats.destroyed++;
        decoder->next = NULL;
        gone = decoder;
    }
    pthread_mutex_unlock(&lock);
    destroy_all(gone);
}

void nvcache_set_limits(int64_t count, int64_t bytes) {
    NvDecoder *gone;
    pthread_mutex_lock(&lock);
    max_count = count;
    max_bytes = bytes;
    gone = evict(count, bytes);
    pthread_mutex_unlock(&lock);
    destroy_all(gone);
}

void nvcache_limits(int64_t *count, int64_t *bytes) {
    pthread_mutex_lock(&lock);
    *count = max_count;
    *bytes = max_bytes;
    pthread_mutex_unlock(&lock);
}

void nvcache_stats(NvCacheStats *out) {
    pthread_mutex_lock(&lock);
    *out = stats;
    pthread_mutex_unlock(&lock);
}
