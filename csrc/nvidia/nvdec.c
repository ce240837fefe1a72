#include "nvidia/nvdec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NvFunctions *nv;

enum {
    MAX_PICTURES = 64,                /* waiting pictures; a packet gives more only at the end */
    MAX_DURATIONS = 64,               /* remembered durations of AV1's packets */
    SPARE_SURFACES = NVDEC_AHEAD + 2, /* surfaces for waiting pictures and the current one */
    MAX_SURFACES = 32,
    HEADER_BYTES = 1024,  /* the most that the parser accepts when it is created */
    ERROR_THRESHOLD = 100 /* per cent; like libavcodec, decode damaged pictures */
};

struct NvSession {
    CUcontext context;
    cudaVideoCodec codec;
    CUvideoparser parser;
    CUVIDEOFORMATEX extension; /* the parser keeps a pointer to it */
    uint8_t *header;
    int header_size;
    int has_header;  /* true if the parser has read `header` */
    int has_started; /* true if the parser has got data since the last flush */
    int discarding;  /* true while pictures are dropped */
    int broken;      /* true if the decoder has failed and must not be reused */

    NvDecoder *decoder;
    NvLayout layout;
    NvPicture waiting[MAX_PICTURES]; /* a ring */
    int first, count;
    NvPicture current;
    int has_current;

    int64_t pts, duration; /* of the packet in the parser */
    int skipping;          /* true if pictures are skipped that no other picture refers to */
    struct {
        int64_t pts, duration;
        int skipped;
    } surfaces[MAX_SURFACES]; /* of the last picture decoded into each surface */
    struct {
        int64_t pts, duration;
    } durations[MAX_DURATIONS];
    unsigned num_durations;
    NvCrop crop;

    int failed, refused;
    char error[NV_ERROR_BYTES];
};

static FILE *trace;

#define TRACE(...)                                                                                                     \
    do {                                                                                                               \
        if (trace)                                                                                                     \
            fprintf(trace, __VA_ARGS__);                                                                               \
    } while (0)

void nvdec_trace(FILE *file) {
    trace = file;
}

static int fail(NvSession *s, const char *what, CUresult code) {
    if (!s->failed)
        nv->describe(s->error, what, code);
    s->failed = 1;
    s->broken = 1;
    return NVDEC_FAILED;
}

/* ---- surfaces ---- */

static int map_surface(NvSession *s, NvPicture *picture, CUstream stream, CUdeviceptr *base, size_t *pitch) {
    CUVIDPROCPARAMS params;
    CUVIDGETDECODESTATUS status;
    NvDecoder *decoder = s->decoder;
    unsigned row = 0;
    unsigned long long address = 0;
    CUresult code;
    if (decoder->has_work && decoder->stream != stream) {
        /* the surface that is mapped next may still be read on the other stream */
        code = nv->cuStreamWaitEvent(stream, decoder->used, 0);
        if (code != CUDA_SUCCESS)
            return fail(s, "cannot wait for another stream", code);
    }
    memset(&params, 0, sizeof(params));
    params.progressive_frame = picture->progressive;
    params.top_field_first = picture->top_field_first;
    params.unpaired_field = picture->unpaired_field;
    params.output_stream = stream;
    code = nv->cuvidMapVideoFrame64(decoder->handle, picture->index, &address, &row, &params);
    if (code != CUDA_SUCCESS)
        return fail(s, "cannot map a decoded picture", code);
    /* only known for H.264 and HEVC */
    memset(&status, 0, sizeof(status));
    if (nv->cuvidGetDecodeStatus(decoder->handle, picture->index, &status) == CUDA_SUCCESS)
        picture->damaged =
            status.decodeStatus == cuvidDecodeStatus_Error || status.decodeStatus == cuvidDecodeStatus_Error_Concealed;
    TRACE("map index=%d pitch=%u damaged=%d\n", picture->index, row, picture->damaged);
    *base = (CUdeviceptr)address;
    *pitch = row;
    return 0;
}

static void unmap_surface(NvSession *s, CUstream stream, CUdeviceptr base) {
    NvDecoder *decoder = s->decoder;
    if (nv->cuEventRecord(decoder->used, stream) == CUDA_SUCCESS) {
        decoder->has_work = 1;
        decoder->stream = stream;
    }
    nv->cuvidUnmapVideoFrame64(decoder->handle, base);
}

/* Note [Surfaces that are needed again]: once the parser has displayed a picture, it may reuse its
 * surface for the next one. A picture that still waits is copied before its surface is overwritten.
 * That is rare: it happens where one packet gives several pictures, and where the stream changes
 * its size. */
static int save(NvSession *s, NvPicture *picture) {
    CUdeviceptr base = 0;
    size_t size;
    CUresult code;
    if (picture->index < 0)
        return 0;
    if (map_surface(s, picture, NULL, &base, &picture->pitch) < 0)
        return NVDEC_FAILED;
    size = picture->pitch * nvlayout_rows(&picture->layout.format);
    code = nv->cuMemAlloc(&picture->copy, size);
    if (code == CUDA_SUCCESS) {
        code = nv->cuMemcpyDtoDAsync(picture->copy, base, size, NULL);
        if (code == CUDA_SUCCESS)
            code = nv->cuStreamSynchronize(NULL);
    }
    unmap_surface(s, NULL, base);
    picture->index = -1;
    if (code != CUDA_SUCCESS)
        return fail(s, "cannot keep a decoded picture", code);
    return 0;
}

static void drop(NvPicture *picture) {
    if (picture->copy)
        nv->cuMemFree(picture->copy);
    picture->copy = 0;
}

static NvPicture *at(NvSession *s, int number) {
    return &s->waiting[(s->first + number) % MAX_PICTURES];
}

static int save_all(NvSession *s) {
    for (int i = 0; i < s->count; i++)
        if (save(s, at(s, i)) < 0)
            return NVDEC_FAILED;
    return 0;
}

static void drop_all(NvSession *s) {
    for (int i = 0; i < s->count; i++)
        drop(at(s, i));
    s->first = s->count = 0;
    if (s->has_current)
        drop(&s->current);
    s->has_current = 0;
}

/* ---- callbacks of the parser, inside cuvidParseVideoData ---- */

static int does_for(const NvFormat *made, const NvFormat *format) {
    return nv_same_kind(made, format) && made->width == format->width && made->height == format->height &&
           format->surfaces <= made->surfaces;
}

static int CUDAAPI on_sequence(void *opaque, CUVIDEOFORMAT *video) {
    NvSession *s = opaque;
    NvLayout layout;
    NvFormat *f = &layout.format;
    nvlayout_of(&layout, video, s->context, &s->crop);
    f->surfaces += SPARE_SURFACES;
    if (f->surfaces > MAX_SURFACES)
        f->surfaces = MAX_SURFACES;
    TRACE("sequence codec=%d coded=%dx%d display=%d,%d,%dx%d chroma=%d depth=%d surfaces=%d full=%d matrix=%d\n",
          (int)f->codec, f->width, f->height, layout.left, layout.top, layout.width, layout.height, (int)f->chroma,
          f->depth, video->min_num_decode_surfaces, layout.full_range, layout.matrix);
    if (s->decoder && does_for(&s->layout.format, f)) {
        f->surfaces = s->layout.format.surfaces;
        s->layout = layout;
        return f->surfaces;
    }
    if (s->decoder) {
        if (save_all(s) < 0)
            return 0;
        nvcache_give(s->decoder, !s->broken);
    }
    s->layout = layout;
    s->decoder = nvcache_take(f, &s->refused, s->error);
    if (!s->decoder) {
        s->failed = 1;
        return 0;
    }
    f->surfaces = s->decoder->created.surfaces;
    s->layout.format.surfaces = f->surfaces;
    return f->surfaces;
}

/* Note [Timestamps of surfaces]: the parser guesses whether timestamps of packets are those of
 * decoding or of display. If they rise from packet to packet, it returns them in display order. So
 * each surface remembers the packet whose picture is decoded into it. A packet that is marked as
 * the end of its picture is decoded before the call returns. */
static int CUDAAPI on_decode(void *opaque, CUVIDPICPARAMS *picture) {
    NvSession *s = opaque;
    int index = picture->CurrPicIdx;
    CUresult code;
    TRACE("decode index=%d blocks=%dx%d reference=%d field=%d second=%d\n", index, picture->PicWidthInMbs,
          picture->FrameHeightInMbs, picture->ref_pic_flag, picture->field_pic_flag, picture->second_field);
    if (!s->decoder || s->failed || index < 0 || index >= MAX_SURFACES)
        return 0;
    if (!picture->second_field) {
        s->surfaces[index].pts = s->pts;
        s->surfaces[index].duration = s->duration;
        s->surfaces[index].skipped = s->skipping && nvlayout_is_nonref(s->codec, picture);
        for (int i = 0; i < s->count; i++)
            if (at(s, i)->index == index && save(s, at(s, i)) < 0)
                return 0;
    }
    if (s->surfaces[index].skipped)
        return 1;
    /* Otherwise pictures would end before the last column of blocks. */
    if (nvlayout_is_mpeg(s->codec))
        picture->PicWidthInMbs = s->layout.format.width / 16;
    code = nv->cuvidDecodePicture(s->decoder->handle, picture);
    if (code != CUDA_SUCCESS) {
        fail(s, "cannot decode a picture", code);
        return 0;
    }
    return 1;
}

/* Set the pts and the duration of the picture that is displayed now. */
static void set_times(const NvSession *s, NvPicture *picture, int64_t timestamp) {
    switch (s->codec) {
    case cudaVideoCodec_VP8:
    case cudaVideoCodec_VP9: /* The current packet shows a picture that an earlier one may hold. */
        picture->pts = s->pts;
        picture->duration = s->duration;
        return;
    case cudaVideoCodec_AV1: /* The parser lags by one packet; each packet shows one picture. */
        picture->pts = timestamp;
        for (unsigned i = 0; i < MAX_DURATIONS && i < s->num_durations; i++)
            if (s->durations[i].pts == timestamp)
                picture->duration = s->durations[i].duration;
        return;
    default: /* the packet whose picture was decoded into the surface */
        picture->pts = s->surfaces[picture->index].pts;
        picture->duration = s->surfaces[picture->index].duration;
    }
}

static int CUDAAPI on_display(void *opaque, CUVIDPARSERDISPINFO *shown) {
    NvSession *s = opaque;
    NvPicture *picture;
    if (shown)
        TRACE("display index=%d timestamp=%lld progressive=%d repeat=%d%s\n", shown->picture_index,
              (long long)shown->timestamp, shown->progressive_frame, shown->repeat_first_field,
              s->discarding ? " discarded" : "");
    if (!shown || s->discarding) /* NULL: the end of the stream */
        return 1;
    if (shown->picture_index < 0 || shown->picture_index >= MAX_SURFACES)
        return 0;
    if (s->surfaces[shown->picture_index].skipped)
        return 1;
    if (s->count == MAX_PICTURES) {
        snprintf(s->error, sizeof(s->error), "more than %d pictures from one packet", MAX_PICTURES);
        s->failed = 1;
        return 0;
    }
    picture = at(s, s->count++);
    memset(picture, 0, sizeof(*picture));
    picture->layout = s->layout;
    picture->index = shown->picture_index;
    picture->progressive = shown->progressive_frame;
    picture->top_field_first = shown->top_field_first;
    picture->unpaired_field = shown->repeat_first_field < 0;
    set_times(s, picture, shown->timestamp);
    return 1;
}

/* ---- the session ---- */

int nvdec_caps(CUcontext context, CUVIDDECODECAPS *caps, char error[NV_ERROR_BYTES]) {
    CUcontext popped;
    CUresult code = nv->cuCtxPushCurrent(context);
    if (code == CUDA_SUCCESS) {
        code = nv->cuvidGetDecoderCaps(caps);
        nv->cuCtxPopCurrent(&popped);
    }
    if (code == CUDA_SUCCESS)
        return 0;
    nv->describe(error, "cannot ask what the hardware decodes", code);
    return -1;
}

NvSession *nvdec_open(CUcontext context, cudaVideoCodec codec, const uint8_t *header, int header_size,
                      char error[NV_ERROR_BYTES]) {
    CUVIDPARSERPARAMS params;
    CUcontext popped;
    CUresult code;
    NvSession *s = calloc(1, sizeof(*s));
    if (!s || !(s->header = malloc((size_t)header_size + 1))) {
        free(s);
        snprintf(error, NV_ERROR_BYTES, "out of memory");
        return NULL;
    }
    if (header_size)
        memcpy(s->header, header, (size_t)header_size);
    s->header_size = header_size;
    s->context = context;
    s->codec = codec;
    s->extension.format.codec = codec;
    if (header_size <= HEADER_BYTES) {
        s->extension.format.seqhdr_data_length = (unsigned)header_size;
        memcpy(s->extension.raw_seqhdr_data, s->header, (size_t)header_size);
    }
    memset(&params, 0, sizeof(params));
    params.CodecType = codec;
    params.ulMaxNumDecodeSurfaces = 1; /* the sequence callback says how many */
    params.ulErrorThreshold = ERROR_THRESHOLD;
    params.ulMaxDisplayDelay = 0;
    params.pUserData = s;
    params.pfnSequenceCallback = on_sequence;
    params.pfnDecodePicture = on_decode;
    params.pfnDisplayPicture = on_display;
    params.pExtVideoInfo = &s->extension;
    code = nv->cuCtxPushCurrent(context);
    if (code == CUDA_SUCCESS) {
        code = nv->cuvidCreateVideoParser(&s->parser, &params);
        nv->cuCtxPopCurrent(&popped);
    }
    if (code == CUDA_SUCCESS)
        return s;
    nv->describe(error, "cannot create NVDEC's parser", code);
    free(s->header);
    free(s);
    return NULL;
}

void nvdec_close(NvSession *s) {
    CUcontext popped;
    if (!s)
        return;
    if (nv->cuCtxPushCurrent(s->context) == CUDA_SUCCESS) {
        s->discarding = 1;
        nv->cuvidDestroyVideoParser(s->parser);
        drop_all(s);
        if (s->decoder)
            nvcache_give(s->decoder, !s->broken);
        nv->cuCtxPopCurrent(&popped);
    }
    free(s->header);
    free(s);
}

const char *nvdec_error(const NvSession *s) {
    return s->error;
}

int nvdec_is_refused(const NvSession *s) {
    return s->refused;
}

static int parse(NvSession *s, CUVIDSOURCEDATAPACKET *packet) {
    CUcontext popped;
    CUresult code;
    if (s->failed)
        return NVDEC_FAILED;
    code = nv->cuCtxPushCurrent(s->context);
    if (code != CUDA_SUCCESS)
        return fail(s, "cannot use the CUDA context", code);
    code = nv->cuvidParseVideoData(s->parser, packet);
    nv->cuCtxPopCurrent(&popped);
    if (s->failed)
        return NVDEC_FAILED;
    return code == CUDA_SUCCESS ? 0 : NVDEC_DAMAGED;
}

/* Send the header as a separate packet; otherwise streams that begin at a recovery point lose
 * frames. Pictures that come out now are stale and are dropped. */
static int send_header(NvSession *s) {
    CUVIDSOURCEDATAPACKET packet = {0};
    int code;
    s->has_header = 1;
    if (!s->header_size)
        return 0;
    packet.payload = s->header;
    packet.payload_size = (tcu_ulong)s->header_size;
    s->discarding = 1;
    code = parse(s, &packet);
    s->discarding = 0;
    return code == NVDEC_FAILED ? code : 0;
}

int nvdec_send(NvSession *s, const uint8_t *data, size_t size, int64_t pts, int has_pts, int64_t duration) {
    CUVIDSOURCEDATAPACKET packet = {0};
    if (!s->has_header && send_header(s) < 0)
        return NVDEC_FAILED;
    if (!size)
        return 0;
    if (s->codec == cudaVideoCodec_AV1) {
        s->durations[s->num_durations % MAX_DURATIONS].pts = pts;
        s->durations[s->num_durations++ % MAX_DURATIONS].duration = duration;
    }
    s->pts = pts;
    s->duration = duration;
    TRACE("packet timestamp=%lld\n", has_pts ? (long long)pts : -1LL);
    s->has_started = 1;
    packet.payload = data;
    packet.payload_size = (tcu_ulong)size;
    packet.timestamp = pts;
    packet.flags = has_pts ? CUVID_PKT_TIMESTAMP : 0;
    /* only a packet of AV1 may hold several frames; the parser need not wait for the next packet of
     * other codecs */
    if (s->codec != cudaVideoCodec_AV1)
        packet.flags |= CUVID_PKT_ENDOFPICTURE;
    return parse(s, &packet);
}

int nvdec_drain(NvSession *s) {
    CUVIDSOURCEDATAPACKET packet = {0};
    if (!s->has_started)
        return 0;
    packet.flags = CUVID_PKT_ENDOFSTREAM;
    s->has_started = 0;
    s->has_header = 0;
    return parse(s, &packet);
}

void nvdec_flush(NvSession *s) {
    CUcontext popped;
    s->discarding = 1;
    nvdec_drain(s); /* CUVID_PKT_DISCONTINUITY does not suffice */
    s->discarding = 0;
    if (nv->cuCtxPushCurrent(s->context) == CUDA_SUCCESS) {
        drop_all(s);
        nv->cuCtxPopCurrent(&popped);
    }
    s->num_durations = 0;
}

void nvdec_set_crop(NvSession *s, int width, int height, int left, int top) {
    s->crop.width = nvlayout_whole_blocks(width);
    s->crop.height = nvlayout_whole_blocks(height);
    s->crop.left = left;
    s->crop.top = top;
}

void nvdec_skip_nonref(NvSession *s, int skip) {
    s->skipping = skip;
}

int nvdec_waiting(const NvSession *s) {
    return s->count;
}

void nvdec_release(NvSession *s) {
    CUcontext popped;
    if (s->has_current && s->current.copy && nv->cuCtxPushCurrent(s->context) == CUDA_SUCCESS) {
        drop(&s->current);
        nv->cuCtxPopCurrent(&popped);
    }
    s->has_current = 0;
}

NvPicture *nvdec_next(NvSession *s) {
    nvdec_release(s);
    if (!s->count)
        return NULL;
    s->current = s->waiting[s->first];
    s->first = (s->first + 1) % MAX_PICTURES;
    s->count--;
    s->has_current = 1;
    return &s->current;
}

NvPicture *nvdec_current(NvSession *s) {
    return s->has_current ? &s->current : NULL;
}

int nvdec_map(NvSession *s, CUstream stream, NvSurface *surface) {
    CUcontext popped;
    CUdeviceptr base = 0;
    size_t pitch = 0;
    CUresult code;
    int result = 0;
    if (!s->has_current) {
        snprintf(s->error, sizeof(s->error), "there is no picture to map");
        return NVDEC_FAILED;
    }
    if (s->current.index < 0) {
        nvlayout_planes(surface, s->current.copy, s->current.pitch, &s->current.layout.format);
        return 0;
    }
    code = nv->cuCtxPushCurrent(s->context);
    if (code != CUDA_SUCCESS)
        return fail(s, "cannot use the CUDA context", code);
    result = map_surface(s, &s->current, stream, &base, &pitch);
    nv->cuCtxPopCurrent(&popped);
    if (result == 0)
        nvlayout_planes(surface, base, pitch, &s->current.layout.format);
    return result;
}

void nvdec_unmap(NvSession *s, CUstream stream, const NvSurface *surface) {
    CUcontext popped;
    if (nv->cuCtxPushCurrent(s->context) != CUDA_SUCCESS)
        return;
    if (s->current.index < 0)
        nv->cuStreamSynchronize(stream); /* the copy may be freed next */
    else
        unmap_surface(s, stream, surface->luma);
    nv->cuCtxPopCurrent(&popped);
}
