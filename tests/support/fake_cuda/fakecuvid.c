/* TEST DOUBLE, not NVIDIA's: a libnvcuvid.so.1 with FFmpeg's software decoders behind its calls.
 *
 * A recording of an H100 (traces.txt) shows how the driver behaves. Callbacks come synchronously.
 * Pictures are decoded in decode order and displayed in display order. A sequence callback comes
 * again for every header behind an end of the stream. The parser may decode the next picture into a
 * displayed surface. The capabilities are those of a Hopper GPU.
 *
 * The recording does not prove two assumptions. A packet without CUVID_PKT_ENDOFPICTURE is decoded
 * only when the next one comes, except for AV1. CUVID_PKT_DISCONTINUITY does nothing.
 */
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "fakeknown.h"
#include "fakepicture.h"

enum { PITCH = 512 };

/* ---- capabilities ---- */

static int is_supported(cudaVideoCodec codec, cudaVideoChromaFormat chroma, unsigned depth) {
    int plain = chroma == cudaVideoChromaFormat_420 && depth == 8;
    switch (codec) {
    case cudaVideoCodec_MPEG1:
    case cudaVideoCodec_MPEG2:
    case cudaVideoCodec_MPEG4:
    case cudaVideoCodec_H264:
    case cudaVideoCodec_VP8: return plain;
    case cudaVideoCodec_HEVC:
        return (chroma == cudaVideoChromaFormat_420 || chroma == cudaVideoChromaFormat_444) &&
               (depth == 8 || depth == 10 || depth == 12);
    case cudaVideoCodec_VP9: return chroma == cudaVideoChromaFormat_420 && (depth == 8 || depth == 10 || depth == 12);
    case cudaVideoCodec_AV1: return fake_setting("av1") && chroma == cudaVideoChromaFormat_420 && depth <= 10;
    default: return 0;
    }
}

EXPORT CUresult cuvidGetDecoderCaps(CUVIDDECODECAPS *caps) {
    int code = fake_enter("cuvidGetDecoderCaps");
    int large = caps->eCodecType == cudaVideoCodec_HEVC || caps->eCodecType == cudaVideoCodec_VP9 ||
                caps->eCodecType == cudaVideoCodec_AV1;
    if (code)
        return RESULT(code);
    fake_say("caps codec=%d chroma=%d depth=%u", caps->eCodecType, caps->eChromaFormat, caps->nBitDepthMinus8 + 8);
    caps->bIsSupported = (unsigned char)is_supported(caps->eCodecType, caps->eChromaFormat, caps->nBitDepthMinus8 + 8);
    if (!caps->bIsSupported)
        return RESULT(OK);
    caps->nNumNVDECs = 7;
    caps->nOutputFormatMask = caps->nBitDepthMinus8 ? 1 << cudaVideoSurfaceFormat_P016 : 1;
    caps->nMinWidth = caps->eCodecType == cudaVideoCodec_HEVC ? 144 : large ? 128 : 48;
    caps->nMinHeight = caps->eCodecType == cudaVideoCodec_HEVC ? 144 : large ? 128 : 16;
    caps->nMaxWidth = caps->nMaxHeight = large ? 8192 : 4096;
    caps->nMaxMBCount = large ? 262144 : 65536;
    return RESULT(OK);
}

/* ---- the decoder ---- */

typedef struct {
    CUVIDDECODECREATEINFO info;
    tcu_ulong width, height;
    Picture *surfaces[SLOTS];
    void *mapped[64];
    int num_mapped;
    void *context;
} Decoder;

EXPORT CUresult cuvidCreateDecoder(CUvideodecoder *handle, CUVIDDECODECREATEINFO *info) {
    Decoder *decoder;
    int code = fake_enter("cuvidCreateDecoder");
    if (code)
        return RESULT(code);
    if (!is_supported(info->CodecType, info->ChromaFormat, (unsigned)info->bitDepthMinus8 + 8))
        return RESULT(NOT_SUPPORTED);
    if (info->ulNumDecodeSurfaces < 1 || info->ulNumDecodeSurfaces > SLOTS || info->ulNumOutputSurfaces < 1 ||
        info->ulNumOutputSurfaces >= 64 || info->ulWidth < 48 || info->ulHeight < 16 ||
        (info->ulMaxWidth && info->ulMaxWidth < info->ulWidth) ||
        (info->ulMaxHeight && info->ulMaxHeight < info->ulHeight))
        return RESULT(INVALID_VALUE);
    decoder = calloc(1, sizeof(*decoder));
    decoder->info = *info;
    decoder->width = info->ulWidth;
    decoder->height = info->ulHeight;
    decoder->context = fake_current_context();
    fake_add(COUNT_DECODERS, 1);
    fake_say("create %dx%d surfaces=%d", (int)info->ulWidth, (int)info->ulHeight, (int)info->ulNumDecodeSurfaces);
    *handle = (CUvideodecoder)decoder;
    return RESULT(OK);
}

EXPORT CUresult cuvidDestroyDecoder(CUvideodecoder handle) {
    Decoder *decoder = (Decoder *)handle;
    int code = fake_enter("cuvidDestroyDecoder");
    if (code)
        return RESULT(code);
    if (decoder->num_mapped || decoder->context != fake_current_context())
        return RESULT(INVALID_VALUE);
    for (int i = 0; i < SLOTS; i++)
        fakepicture_release(&decoder->surfaces[i]);
    free(decoder);
    fake_add(COUNT_DECODERS, -1);
    fake_say("destroy");
    return RESULT(OK);
}

EXPORT CUresult cuvidReconfigureDecoder(CUvideodecoder handle, CUVIDRECONFIGUREDECODERINFO *info) {
    Decoder *decoder = (Decoder *)handle;
    int code = fake_enter("cuvidReconfigureDecoder");
    if (code)
        return RESULT(code);
    if (decoder->num_mapped || info->ulWidth > decoder->info.ulMaxWidth ||
        info->ulHeight > decoder->info.ulMaxHeight ||
        info->ulNumDecodeSurfaces > decoder->info.ulNumDecodeSurfaces)
        return RESULT(INVALID_VALUE);
    decoder->width = info->ulWidth;
    decoder->height = info->ulHeight;
    for (int i = 0; i < SLOTS; i++)
        fakepicture_release(&decoder->surfaces[i]);
    fake_say("reconfigure %dx%d", (int)info->ulWidth, (int)info->ulHeight);
    return RESULT(OK);
}

EXPORT CUresult cuvidDecodePicture(CUvideodecoder handle, CUVIDPICPARAMS *params) {
    Decoder *decoder = (Decoder *)handle;
    Picture *picture;
    int code = fake_enter("cuvidDecodePicture");
    if (code)
        return RESULT(code);
    if (params->CurrPicIdx < 0 || (tcu_ulong)params->CurrPicIdx >= decoder->info.ulNumDecodeSurfaces)
        return RESULT(INVALID_VALUE);
    if (fakeparser_active) { /* the parser decodes its own picture */
        memcpy(&picture, params->Reserved, sizeof(picture));
        fakepicture_hold(picture);
    } else {
        picture = fakepicture_new();
        picture->frame = fakeknown_find(params->pBitstreamData, params->nBitstreamDataLen);
    }
    /* The new picture overwrites the old one. */
    fakepicture_release(&decoder->surfaces[params->CurrPicIdx]);
    decoder->surfaces[params->CurrPicIdx] = picture;
    fake_say("decode %d", params->CurrPicIdx);
    return RESULT(OK);
}

EXPORT CUresult cuvidGetDecodeStatus(CUvideodecoder handle, int index, CUVIDGETDECODESTATUS *status) {
    Decoder *decoder = (Decoder *)handle;
    int code = fake_enter("cuvidGetDecodeStatus");
    if (code)
        return RESULT(code);
    if (decoder->info.CodecType != cudaVideoCodec_H264 && decoder->info.CodecType != cudaVideoCodec_HEVC)
        return RESULT(NOT_SUPPORTED);
    status->decodeStatus = decoder->surfaces[index] && decoder->surfaces[index]->damaged
                               ? cuvidDecodeStatus_Error_Concealed
                               : cuvidDecodeStatus_Success;
    return RESULT(OK);
}

/* Write the samples of a picture in the surface's layout. The frame is as large as its coded size
 * or a little smaller. */
static void write_surface(uint8_t *out, size_t pitch, const Decoder *decoder, const AVFrame *frame) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    int bytes = desc->comp[0].depth > 8 ? 2 : 1, shift = 16 - desc->comp[0].depth;
    size_t rows = (decoder->height + 1) & ~(tcu_ulong)1;
    /* MPEG-1, 2 and 4 are decoded in whole blocks, as many as fit into the width */
    int is_mpeg = decoder->info.CodecType <= cudaVideoCodec_MPEG4, whole = (int)decoder->width & ~15;
    for (int plane = 0; plane < 3; plane++) {
        int width = plane ? AV_CEIL_RSHIFT(frame->width, desc->log2_chroma_w) : frame->width;
        int height = plane ? AV_CEIL_RSHIFT(frame->height, desc->log2_chroma_h) : frame->height;
        int step = plane && desc->log2_chroma_w ? 2 : 1;
        uint8_t *base = out + (plane ? rows * pitch : 0);
        if (plane == 2)
            base += step == 2 ? (size_t)bytes : rows * pitch;
        if (is_mpeg && width > whole >> (plane && desc->log2_chroma_w))
            width = whole >> (plane && desc->log2_chroma_w);
        for (int y = 0; y < height; y++) {
            const uint8_t *in = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
            uint8_t *line = base + (size_t)y * pitch;
            for (int x = 0; x < width; x++)
                if (bytes == 1)
                    line[x * step] = in[x];
                else
                    ((uint16_t *)line)[x * step] = (uint16_t)(((const uint16_t *)in)[x] << shift);
        }
    }
}

EXPORT CUresult cuvidMapVideoFrame64(CUvideodecoder handle, int index, unsigned long long *address, unsigned *pitch,
                                     CUVIDPROCPARAMS *params) {
    Decoder *decoder = (Decoder *)handle;
    size_t row, rows;
    int code = fake_enter("cuvidMapVideoFrame64");
    if (code)
        return RESULT(code);
    (void)params;
    if (index < 0 || (tcu_ulong)index >= decoder->info.ulNumDecodeSurfaces || !decoder->surfaces[index])
        return RESULT(INVALID_VALUE);
    if ((tcu_ulong)decoder->num_mapped == decoder->info.ulNumOutputSurfaces)
        return RESULT(MAP_FAILED);
    /* All sizes have the same pitch. */
    row = decoder->info.ulMaxWidth ? decoder->info.ulMaxWidth : decoder->width;
    row *= decoder->info.bitDepthMinus8 ? 2 : 1;
    row = (row + PITCH - 1) & ~(size_t)(PITCH - 1);
    rows = (decoder->height + 1) & ~(tcu_ulong)1;
    rows = decoder->info.ChromaFormat == cudaVideoChromaFormat_444 ? 3 * rows : rows + rows / 2;
    uint8_t *memory = fake_device_alloc(row * rows); /* filled with POISON */
    if (decoder->surfaces[index]->frame)
        write_surface(memory, row, decoder, decoder->surfaces[index]->frame);
    decoder->mapped[decoder->num_mapped++] = memory;
    fake_add(COUNT_MAPPED, 1);
    fake_say("map %d%s", index, decoder->surfaces[index]->frame ? "" : " undecoded");
    *address = (unsigned long long)(uintptr_t)memory;
    *pitch = (unsigned)row;
    return RESULT(OK);
}

EXPORT CUresult cuvidUnmapVideoFrame64(CUvideodecoder handle, CUdeviceptr address) {
    Decoder *decoder = (Decoder *)handle;
    int code = fake_enter("cuvidUnmapVideoFrame64");
    if (code)
        return RESULT(code);
    for (int i = 0; i < decoder->num_mapped; i++)
        if (decoder->mapped[i] == (void *)(uintptr_t)address) {
            decoder->mapped[i] = decoder->mapped[--decoder->num_mapped];
            fake_device_free((void *)(uintptr_t)address); /* this also poisons the memory */
            fake_add(COUNT_MAPPED, -1);
            fake_say("unmap");
            return RESULT(OK);
        }
    return RESULT(INVALID_VALUE);
}

EXPORT CUresult cuvidCtxLockCreate(CUvideoctxlock *handle, CUcontext context) {
    (void)context;
    *handle = NULL;
    return RESULT(OK);
}

EXPORT CUresult cuvidCtxLockDestroy(CUvideoctxlock handle) {
    (void)handle;
    return RESULT(OK);
}

/* Functions that FFmpeg looks up and never calls. */
#define STUB(name)                                                                                                     \
    EXPORT CUresult name(void) {                                                                                       \
        fake_say("stub " #name);                                                                                       \
        return RESULT(NOT_SUPPORTED);                                                                                  \
    }
STUB(cuvidCtxLock)
STUB(cuvidCtxUnlock)
STUB(cuvidCreateVideoSource)
STUB(cuvidCreateVideoSourceW)
STUB(cuvidDestroyVideoSource)
STUB(cuvidSetVideoSourceState)
STUB(cuvidGetVideoSourceState)
STUB(cuvidGetSourceVideoFormat)
STUB(cuvidGetSourceAudioFormat)
