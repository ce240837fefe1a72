#include "nvidia/nvhwaccel.h"

/* hwcontext_cuda.h includes <cuda.h> unless CUDA_VERSION is defined; the vendored header does
 * that */
#include "third_party/nvcodec/dynlink_cuda.h"

#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_cuda.h>

static int takes_cuda(const AVCodec *codec) {
    const AVCodecHWConfig *config;
    for (int i = 0; (config = avcodec_get_hw_config(codec, i)); i++)
        if (config->device_type == AV_HWDEVICE_TYPE_CUDA && config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX)
            return 1;
    return 0;
}

const AVCodec *nvhwaccel_find(enum AVCodecID id) {
    void *place = NULL;
    const AVCodec *codec;
    while ((codec = av_codec_iterate(&place))) /* wrappers such as h264_cuvid are no hwaccels */
        if (codec->id == id && av_codec_is_decoder(codec) && !codec->wrapper_name && takes_cuda(codec))
            return codec;
    return NULL;
}

AVBufferRef *nvhwaccel_device(void *context, int *code) {
    AVBufferRef *device = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_CUDA);
    *code = device ? 0 : AVERROR(ENOSYS);
    if (!device)
        return NULL;
    ((AVCUDADeviceContext *)((AVHWDeviceContext *)device->data)->hwctx)->cuda_ctx = (CUcontext)context;
    *code = av_hwdevice_ctx_init(device);
    if (*code < 0)
        av_buffer_unref(&device);
    return device;
}
